"""Gradients exchanged through memory that all replicas see, as threads or as processes forked later."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence

import numpy as np

from ..optim import Optimizer
from ..optim.steps import Piece, reduce, square_sum
from .exchange import Exchange, LeftAloneError

STEP, GATHER = 1, 2  # what a replica waits for the others in


class SharedBuffers(Exchange):
    """Arrays in shared memory, given by `allocate(shape, dtype)`; row w is written by replica w.

    The optimizer's buffers, and with them the parameters, move there too. Each replica uses its own `seat`.
    `gathered` is how many numbers a replica gives to `gather`, at most.
    """

    _wait: Callable[[], None]

    def __init__(
        self, optimizer: Optimizer, workers: int, allocate: Callable[..., np.ndarray], gathered: int = 0
    ):
        flats = [flat for _, flat in optimizer.buffers()]
        for flat in flats:
            flat.move(allocate)
        self.replicas = self.sharers = workers
        self.losses = allocate((workers,), np.float64)
        self.failed = allocate((workers,), np.bool_)
        self.left = allocate((workers,), np.bool_)
        # What is in these is read until the next meeting, while the one after it may be prepared already.
        self._purposes = allocate((2, workers), np.int8)
        self._gathered = allocate((2, workers, 1 + gathered), np.float64)
        self._meetings = 0
        self._numbers = allocate((workers, 2), np.float64)
        self._squares = allocate((workers,), np.float64)  # of the sums that a replica looks after
        self._gradients = [allocate((workers, flat.values.size), flat.dtype) for flat in flats]
        self._used = [allocate((workers, len(flat.params)), np.bool_) for flat in flats]

    def seat(self, index: int, wait: Callable[[], None]) -> SharedBuffers:
        """The same arrays as replica `index` uses them. `wait` returns once every replica has called it."""
        own = copy.copy(self)
        own.index = index
        own.gradients = [rows[index] for rows in self._gradients]
        own.used = [rows[index] for rows in self._used]
        own._wait = wait
        return own

    def wait(self) -> None:
        self._wait()

    def _meet(self, purpose: int) -> np.ndarray:
        """Wait until all are in a meeting, and see for which purpose."""
        purposes = self._purposes[self._meetings % 2]
        purposes[self.index] = purpose
        self._meetings += 1
        self.wait()
        return purposes

    def _meet_all(self) -> None:
        """Until nobody is left in `gather`."""
        while (self._meet(STEP) == GATHER).any():
            pass

    def gather(self, numbers: np.ndarray) -> np.ndarray:
        rows, n = self._gathered[self._meetings % 2], numbers.size
        if n >= rows.shape[1]:
            raise RuntimeError(
                f"replicas: {n} numbers to gather, where room was made for {rows.shape[1] - 1}"
            )
        rows[self.index, 0] = n
        rows[self.index, 1 : n + 1] = numbers.reshape(-1)
        if (self._meet(GATHER) != GATHER).any():
            raise LeftAloneError
        if (rows[:, 0] != n).any():
            raise RuntimeError("replicas: layers that exchange statistics are called in different orders")
        return rows[:, 1 : n + 1].reshape(-1, *numbers.shape).copy()

    def totals(self, numbers: np.ndarray | None) -> np.ndarray:
        self._numbers[self.index] = math.nan if numbers is None else numbers
        self._meet_all()
        return self._numbers.sum(axis=0)

    def agree(self, loss: float | None, left: bool = False) -> bool:
        self.failed[self.index] = loss is None and not left
        self.left[self.index] = left
        self.losses[self.index] = math.nan if loss is None else loss
        self._meet_all()
        return bool(np.isfinite(self.losses).all())

    def used_by_any(self) -> list[np.ndarray]:
        return [np.logical_or.reduce(rows) for rows in self._used]

    def sum(self, pieces: Sequence[Piece]) -> list[np.ndarray]:
        return list(reduce(self._gradients[piece.buffer][:, piece.span] for piece in pieces))

    def norm(self, gradients: Sequence[np.ndarray]) -> float:
        self._squares[self.index] = square_sum(gradients)
        self.wait()
        return math.sqrt(self._squares.sum())
