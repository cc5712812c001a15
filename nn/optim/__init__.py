"""Optimizers, and what belongs to them, used as in PyTorch."""

from typing import TYPE_CHECKING

from ...autograd.exports import on_first_use
from .optimizer import Optimizer

FILES = {  # and what is found there
    "adafactor": "Adafactor",
    "adam": "Adam AdamW SparseAdam",
    "lbfgs": "LBFGS",
    "muon": "Muon",
    "schedule": "Constant InverseSquareRoot Schedule StepDecay WarmupCosine",
    "sgd": "SGD",
}
__all__ = sorted(" ".join(["Optimizer", *FILES.values()]).split())

if TYPE_CHECKING:
    from .adafactor import *
    from .adam import *
    from .lbfgs import *
    from .muon import *
    from .schedule import *
    from .sgd import *
else:
    __getattr__ = on_first_use(globals(), FILES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
