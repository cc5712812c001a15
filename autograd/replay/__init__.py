"""A function of arrays as the list of NumPy calls that it makes, to make them again."""

from .program import Program
from .trace import DivergedError, NotReplayableError, capturing

__all__ = ["DivergedError", "NotReplayableError", "Program", "capturing"]
