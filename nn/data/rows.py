"""Whole batches cut from arrays, and where the memory of a batch comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from ...autograd import Tensor

# In a worker process: gives arrays in memory that the caller's process sees too, so that they need no copy.
room: ContextVar[Callable[[tuple[int, ...], np.dtype], np.ndarray] | None] = ContextVar("room", default=None)


def empty(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Memory for a batch, in the byte order of this machine."""
    make, dtype = room.get(), dtype.newbyteorder("=")
    return np.empty(shape, dtype) if make is None else make(shape, dtype)


class Rows(Sequence):
    """The samples of a batch from arrays of equally many rows: a sequence of tuples, made when asked for.

    `collated` gives the batch without making them. IndexError for an index that the arrays have not,
    TypeError for what is no whole number.
    """

    def __init__(self, arrays: Sequence[Any], indices: Sequence[int]):
        self.arrays = arrays
        given = np.asarray(indices)
        if given.size and given.dtype.kind not in "iu":
            raise TypeError(f"TensorDataset: indices are whole numbers, got {indices!r:.60}")
        self.indices = given.astype(np.intp, copy=False).reshape(-1)
        n = len(arrays[0])
        wrong = (self.indices < -n) | (self.indices >= n)
        if wrong.any():
            i = self.indices[wrong.argmax()]
            raise IndexError(f"TensorDataset: index {i} is out of range for {n} samples")
        if (self.indices < 0).any():
            self.indices = np.where(self.indices < 0, self.indices + n, self.indices)  # theirs stay

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(len(self)))]
        return tuple([array[int(self.indices[i])] for array in self.arrays])

    def collated(self) -> list[Tensor]:
        """What default_collate makes of the samples."""
        return [Tensor(self._taken(a.data if isinstance(a, Tensor) else a)) for a in self.arrays]

    def _taken(self, array: np.ndarray) -> np.ndarray:
        out = empty((len(self), *array.shape[1:]), array.dtype)
        if out.dtype != array.dtype:  # another byte order
            out[...] = array[self.indices]
            return out
        return np.take(array, self.indices, axis=0, out=out, mode="clip")  # checked; "raise" would copy twice
