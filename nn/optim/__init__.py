"""Optimizers, learning-rate schedules and averages of models, used as in PyTorch."""

from typing import TYPE_CHECKING

from ...autograd.exports import on_first_use
from .optimizer import Optimizer

FILES = {  # and what is found there
    "adadelta": "Adadelta",
    "adafactor": "Adafactor",
    "adagrad": "Adagrad",
    "adam": "Adam AdamW SparseAdam",
    "adamax": "Adamax",
    "asgd": "ASGD",
    "lbfgs": "LBFGS",
    "lion": "Lion",
    "lr_scheduler": "lr_scheduler",
    "muon": "Muon",
    "nadam": "NAdam",
    "radam": "RAdam",
    "rmsprop": "RMSprop",
    "rprop": "Rprop",
    "sgd": "SGD",
    "swa_utils": "swa_utils",
}
__all__ = sorted(" ".join(["Optimizer", *FILES.values()]).split())

if TYPE_CHECKING:
    from . import lr_scheduler, swa_utils
    from .adadelta import *
    from .adafactor import *
    from .adagrad import *
    from .adam import *
    from .adamax import *
    from .asgd import *
    from .lbfgs import *
    from .lion import *
    from .muon import *
    from .nadam import *
    from .radam import *
    from .rmsprop import *
    from .rprop import *
    from .sgd import *
else:
    __getattr__ = on_first_use(globals(), FILES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
