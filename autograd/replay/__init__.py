"""A function of arrays as the list of NumPy calls that it makes, to make them again."""

from .program import Program
from .steps import DivergedError
from .trace import NotReplayableError, Traced, capturing

__all__ = ["DivergedError", "NotReplayableError", "Program", "Traced", "capturing"]
