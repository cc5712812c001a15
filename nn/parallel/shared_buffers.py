"""Gradients exchanged through memory that all replicas see, as threads or as processes forked later."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence

import numpy as np

from ..optim import Optimizer
from ..optim.steps import Piece, reduce, square_sum
from .exchange import Exchange


class SharedBuffers(Exchange):
    """Arrays in shared memory, given by `allocate(shape, dtype)`; row w is written by replica w.

    The optimizer's buffers, and with them the parameters, move there too. Each replica uses its own `seat`.
    """

    _wait: Callable[[], None]

    def __init__(self, optimizer: Optimizer, workers: int, allocate: Callable[..., np.ndarray]):
        flats = [flat for _, flat in optimizer.buffers()]
        for flat in flats:
            flat.move(allocate)
        self.sharers = workers
        self.losses = allocate((workers,), np.float64)
        self.failed = allocate((workers,), np.bool_)
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

    def totals(self, numbers: np.ndarray | None) -> np.ndarray:
        self._numbers[self.index] = math.nan if numbers is None else numbers
        self.wait()
        return self._numbers.sum(axis=0)

    def agree(self, loss: float | None) -> bool:
        self.failed[self.index] = loss is None
        self.losses[self.index] = math.nan if loss is None else loss
        self.wait()
        return bool(np.isfinite(self.losses).all())

    def used_by_any(self) -> list[np.ndarray]:
        return [np.logical_or.reduce(rows) for rows in self._used]

    def sum(self, pieces: Sequence[Piece]) -> list[np.ndarray]:
        return list(reduce(self._gradients[piece.buffer][:, piece.span] for piece in pieces))

    def norm(self, gradients: Sequence[np.ndarray]) -> float:
        self._squares[self.index] = square_sum(gradients)
        self.wait()
        return math.sqrt(self._squares.sum())
