"""The gradient of an array of which parts were read: these parts, put together once all have come."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from numpy import ndarray


class Pieces:
    """An array of zeros to which `values[k]` is added at `indices[k]`, of slices and numbers, for each k.

    A backward gives one piece, and the walk adds others to it before it makes an array of them: so n rows of
    a table are not n tables. It stands on one edge alone, and is changed by what is added to it.
    `join(values, indices, shape)` makes the whole.
    """

    __slots__ = ("dtype", "indices", "join", "shape", "values")
    __array_ufunc__ = None  # array + pieces is left to the pieces

    def __init__(self, value: Any, index: Any, shape: tuple[int, ...], join: Callable):
        self.values, self.indices, self.shape, self.join = [value], [index], shape, join
        self.dtype = value.dtype

    def whole(self) -> Any:
        """The array, or what the values are."""
        return self.join(self.values, self.indices, self.shape)

    def add_to(self, total: ndarray) -> None:
        """Add it to an array in place."""
        for value, index in zip(self.values, self.indices, strict=True):
            total[index] += value

    def __add__(self, other: Any) -> Any:
        if type(other) is Pieces:
            self.values += other.values
            self.indices += other.indices
            # no more is kept than the whole would take
            crowded = sum(v.size for v in self.values) > math.prod(self.shape)
            return self.whole() if crowded else self
        if type(other) is not ndarray or type(self.values[0]) is not ndarray:
            return self.whole() + other
        total = other.copy()
        self.add_to(total)
        return total

    __radd__ = __add__


def whole(g: Any) -> Any:
    """A gradient; of pieces the array that they make."""
    return g.whole() if type(g) is Pieces else g
