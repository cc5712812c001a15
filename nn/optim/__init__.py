"""Optimizers and learning-rate schedules, used as in PyTorch."""

from .adam import Adam, AdamW
from .optimizer import Optimizer
from .schedule import Constant, InverseSquareRoot, Schedule, StepDecay, WarmupCosine
from .sgd import SGD

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Constant",
    "InverseSquareRoot",
    "Optimizer",
    "Schedule",
    "StepDecay",
    "WarmupCosine",
]
