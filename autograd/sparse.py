"""The gradient of a table of which few rows were used: these rows, and never the whole table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np
from numpy import ndarray

from .adding import Segments, add_at
from .arrays import DTypeLike


class SparseRows:
    """The gradient of a Tensor of this `shape`: `values[i]`, of its row `indices[i]`; the other rows have 0.

    A row that is named several times has the sum, until `coalesce` makes it one. `indices` is an array of
    (n,) integers, `values` of (n, *shape[1:]). Added to others of its kind it stays sparse, added to an
    ndarray it becomes one. ValueError where these do not fit.
    """

    __slots__ = ("indices", "is_coalesced", "shape", "values")
    indices: ndarray
    values: ndarray
    shape: tuple[int, ...]
    is_coalesced: bool  # whether each row is named once, in their order

    def __init__(self, indices: ndarray, values: ndarray, shape: tuple[int, ...], is_coalesced: bool = False):
        if not shape or values.shape != (*indices.shape, *shape[1:]) or indices.ndim != 1:
            raise ValueError(
                f"SparseRows: indices of {indices.shape} and values of {values.shape} for a shape of {shape}"
            )
        self.indices, self.values, self.shape = indices, values, tuple(shape)
        self.is_coalesced = is_coalesced

    @property
    def dtype(self) -> np.dtype:
        """NumPy's type of the values."""
        return self.values.dtype

    @property
    def ndim(self) -> int:
        """The number of axes of what it stands for."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes that rows and values take."""
        return self.indices.nbytes + self.values.nbytes

    def to_dense(self) -> ndarray:
        """The whole gradient, an ndarray of `shape`."""
        dense = np.zeros(self.shape, self.dtype)
        self._add_to(dense)
        return dense

    def coalesce(self) -> SparseRows:
        """The same with each row named once, in ascending order; itself if it is so already."""
        if self.is_coalesced:
            return self
        segments = Segments(self.indices, self.shape[0])
        flat = self.values.reshape(self.indices.size, math.prod(self.shape[1:]))
        sums = np.empty((segments.rows.size, flat.shape[1]), _sum_dtype(self.dtype))
        places = np.empty_like(segments.rows)
        order = segments.rows.argsort()
        places[order] = np.arange(order.size)
        for some, total in segments.sums(flat.astype(sums.dtype, copy=False)):
            sums[places[some]] = total
        values = sums.astype(self.dtype, copy=False).reshape(order.size, *self.shape[1:])
        return SparseRows(segments.rows[order], values, self.shape, True)

    def copy(self) -> SparseRows:
        """The same in memory of its own."""
        return SparseRows(self.indices.copy(), self.values.copy(), self.shape, self.is_coalesced)

    def astype(self, dtype: DTypeLike) -> SparseRows:
        """A copy with values of another dtype."""
        return SparseRows(self.indices.copy(), self.values.astype(dtype), self.shape, self.is_coalesced)

    def emptied(self) -> SparseRows:
        """A gradient of zeros: without any row."""
        return SparseRows(self.indices[:0].copy(), self.values[:0].copy(), self.shape, True)

    def read_only(self) -> SparseRows:
        """The same memory, which cannot be written to."""
        parts = self.indices.view(), self.values.view()
        for part in parts:
            part.flags.writeable = False
        return SparseRows(*parts, self.shape, self.is_coalesced)

    def _add_to(self, dense: ndarray) -> None:
        if dense.shape != self.shape:
            raise ValueError(f"a sparse gradient of {self.shape} and an array of shape {dense.shape}")
        if self.dtype == np.float16 and dense.dtype == np.float16:  # whose sums stop to grow
            one = self.coalesce()
            dense[one.indices] += one.values
        else:
            add_at(dense, self.indices, self.values)

    # ------------------------------------------------------------------ sums

    def __add__(self, other: Any) -> Any:
        if isinstance(other, ndarray):
            total = other.astype(np.result_type(other, self.values))
            self._add_to(total)
            return total
        if not isinstance(other, SparseRows):
            return NotImplemented
        if other.shape != self.shape:
            raise ValueError(f"sparse gradients of {self.shape} and of {other.shape}")
        parts = [self, other]
        if self.indices.size + other.indices.size > self.shape[0]:  # else it would grow with each addition
            parts = [self.coalesce(), other.coalesce()]
        indices = np.concatenate([part.indices for part in parts])
        return SparseRows(indices, np.concatenate([part.values for part in parts]), self.shape)

    __radd__ = __add__

    def __mul__(self, factor: Any) -> Any:
        if not isinstance(factor, Real):
            return NotImplemented
        return SparseRows(self.indices.copy(), self.values * float(factor), self.shape, self.is_coalesced)

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> Any:
        if not isinstance(divisor, Real):
            return NotImplemented
        return SparseRows(self.indices.copy(), self.values / float(divisor), self.shape, self.is_coalesced)

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        """np.add, also into an ndarray, as the engine and += do; a number of NumPy's times it; no others."""
        if ufunc is np.multiply and method == "__call__" and isinstance(inputs[0], np.generic):
            return self * inputs[0]
        if ufunc is not np.add or method != "__call__" or options:
            raise TypeError(f"np.{ufunc.__name__}: {_ADVICE}")
        a, b = inputs
        if out is None:
            return b.__add__(a) if isinstance(b, SparseRows) else a.__add__(b)
        (target,) = out
        if a is not target or not isinstance(target, ndarray):
            raise TypeError(f"np.add: {_ADVICE}")
        b._add_to(target)
        return target

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> ndarray:
        raise TypeError(_ADVICE)

    def __iter__(self) -> Iterator:
        raise TypeError(_ADVICE)

    def __repr__(self) -> str:
        return f"SparseRows(indices={self.indices!r}, values={self.values!r}, shape={self.shape})"


_ADVICE = (
    "this gradient is sparse, rows and values of a table, and does not become an array by itself; use "
    ".to_dense() for the whole one, .indices and .values for what there is, or sparse=False in the embedding"
)


def _sum_dtype(dtype: np.dtype) -> np.dtype:
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def zeros_for(gradient: Any) -> Any:
    """Zeros in place of a gradient: an array of them, or of a sparse one no rows."""
    return gradient.emptied() if isinstance(gradient, SparseRows) else np.zeros_like(gradient)
