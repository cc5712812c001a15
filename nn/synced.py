"""How a layer talks to its likes in other replicas of the model, which have the rest of the batch."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

import numpy as np

Gather = Callable[[np.ndarray], np.ndarray]  # of numbers in one row those of all replicas, a row each

# Set while a replica that has others computes. All replicas call it equally often, in the same order.
gathering: ContextVar[Gather | None] = ContextVar("gathering", default=None)


class Following:
    """A module whose loss is the same of a batch and of its shares, but whose running statistics are not."""

    def follows(self) -> bool:
        """Whether the next forward brings running statistics up to date with its batch."""
        raise NotImplementedError


class Mixing:
    """A module in which the rows of a batch influence each other."""

    def mixes(self) -> bool:
        """Whether they do in the next forward."""
        raise NotImplementedError


class Synced:
    """A layer that uses `gathering`."""

    def most_gathered(self) -> int:
        """How many numbers it gives at once, at most."""
        raise NotImplementedError
