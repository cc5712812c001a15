"""Optimizers, learning-rate schedules and averages of models, used as in PyTorch."""

from typing import TYPE_CHECKING

from ...autograd.exports import on_first_use
from .adam import Adam, AdamW
from .optimizer import Optimizer
from .sgd import SGD

FILES = {"lr_scheduler": "lr_scheduler", "swa_utils": "swa_utils"}  # and what is found there
__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "lr_scheduler", "swa_utils"]

if TYPE_CHECKING:
    from . import lr_scheduler, swa_utils
else:
    __getattr__ = on_first_use(globals(), FILES)
