"""Gradients of each sample alone, in the work of one: stacks of arrays that are zero but for a block.

The gradient of the i-th of n losses is zero at all other samples, as long as no op adds samples up. So
nothing but the i-th block of the i-th array is computed with. What adds them up, the gradient of a weight,
is a stack without zeros: one product for each sample. An op without a rule here gets the stack as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from .stacked import WIDEST, Stacked, listed, shifted

ZERO_KEEPING = {np.negative, np.positive}


class Samples(Stacked):
    """n * c arrays, of which number i * c + j is `data[j]` in block i of `axis`, and zero in other blocks.

    `data` is of (c, *shape); the n blocks of the axis are equally long.
    """

    __slots__ = ("axis", "blocks", "written")

    def __init__(self, data: ndarray, axis: int, blocks: int):
        super().__init__(data, data.shape[0])
        self.axis, self.blocks = axis, blocks
        self.written: Stacked | None = None  # the whole, once it was asked for, of what does not change

    @property
    def places(self) -> tuple:
        """What two of them have in common if their blocks lie on each other, as broadcast."""
        return len(self.data), self.blocks, self.axis, self.ndim, self.shape[self.axis]

    @property
    def inner(self) -> Stacked:
        """The blocks alone, as a stack of c arrays."""
        return Stacked(self.data, self.n)

    def moved(self, found: Any, axis: int) -> Samples:
        """The same blocks after what was done to them, along another axis."""
        return Samples(found.data, axis, self.blocks)

    def apart(self) -> ndarray:
        """The data as (blocks, c, ...), with the length of a block on the axis."""
        shape, at = self.data.shape, self.axis + 1
        lengths = (self.blocks, shape[at] // self.blocks)
        return np.moveaxis(self.data.reshape(*shape[:at], *lengths, *shape[at + 1 :]), at, 0)

    def dense(self, widest: float | None = None) -> Stacked:
        """The whole stack. TypeError where it has more numbers than `widest`, by default WIDEST."""
        if self.written is not None:
            return self.written
        n, c = self.blocks, self.data.shape[0]
        if n * self.data.size > (WIDEST if widest is None else widest):
            raise TypeError("a stack of samples is too large to be written out")
        parts = self.apart()
        whole = np.zeros((n, *parts.shape), self.dtype)
        whole[np.arange(n), np.arange(n)] = parts  # (of, block, c, ...)
        whole = np.moveaxis(whole, 1, self.axis + 2)
        found = Stacked(whole.reshape(n * c, *self.shape), n * c)
        if not self.data.flags.writeable:
            self.written = found
        return found

    def flat(self, found: ndarray) -> Stacked:
        """What came for (blocks, c, ...), as a stack."""
        count = found.shape[0] * found.shape[1]
        return Stacked(found.reshape(count, *found.shape[2:]), count)

    # ------------------------------------------------------------------ what is done to it

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        if out is not None:
            out[0][...] = getattr(ufunc, method)(*inputs, **options)
            return out[0]
        rule, found = None, None
        if method == "__call__" and not options:
            rule = UFUNCS.get(ufunc, _unary if ufunc in ZERO_KEEPING else None)
        elif method == "reduce" and ufunc is np.add:
            return np.sum(self, **{"axis": 0} | options)
        if rule is not None:
            found = rule(ufunc, *map(bare_alone, inputs))
        return getattr(ufunc, method)(*whole(inputs), **whole(options)) if found is None else found

    def __array_function__(self, fn: Any, types: Any, args: Any, options: Any) -> Any:
        found = FUNCTIONS[fn](*args, **options) if fn in FUNCTIONS else None
        if found is not None:
            return found
        if fn in (np.zeros_like, np.empty_like, np.ones_like):
            return fn(self.inner, *whole(args[1:]), **whole(options))
        return fn(*whole(args), **whole(options))

    def __getitem__(self, index: Any) -> Any:
        axis = _axis_after(index, self.ndim, self.axis)
        return self.dense()[index] if axis is None else self.moved(self.inner[index], axis)

    def __setitem__(self, index: Any, value: Any) -> None:
        alike = isinstance(value, Samples) and value.places == self.places
        if index is not Ellipsis or not alike:
            raise TypeError("zeros of a stack of samples are not written to")
        self.data[...] = value.data

    def together(self, join: Callable, values: list, indices: list, shape: tuple[int, ...]) -> Samples | None:
        """Pieces of an array of this shape, it the first, made one; None where blocks get lost."""
        if any(not isinstance(v, Samples) or v.places[:2] != self.places[:2] for v in values):
            return None
        for axis in range(len(shape)):
            pairs = zip(values, indices, strict=True)
            if all(_axis_after(index, len(shape), axis) == v.axis for v, index in pairs):
                return self.moved(join([v.inner for v in values], indices, shape)[0], axis)
        return None

    def astype(self, dtype: Any, copy: bool = True) -> Stacked:
        return self.moved(self.inner.astype(dtype, copy), self.axis)


def whole(value: Any) -> Any:
    """The value, also a list or dict, with all stacks written out."""
    if isinstance(value, dict):
        return {k: whole(v) for k, v in value.items()}
    if type(value) in (tuple, list):
        return type(value)(map(whole, value))
    return value.dense() if isinstance(value, Samples) else value


def bare_alone(value: Any) -> Any:
    """A stack of one array for all as this array."""
    return value.data if type(value) is Stacked and value.n is None else value


def _is_plain(x: Any) -> bool:
    return not isinstance(x, (Stacked, list, tuple))


# ------------------------------------------------------------------ rules: None is for the whole stack


def _unary(ufunc: Any, x: Samples) -> Any:
    return x.moved(ufunc(x.inner), x.axis)


def _scaled(ufunc: Any, a: Any, b: Any) -> Any:
    """Products with, and quotients by, what is the same for all."""
    x, other = (a, b) if isinstance(a, Samples) else (b, a)
    if not _is_plain(other) or (x is b and ufunc is np.true_divide):
        return None
    wider = max(getattr(other, "ndim", 0) - x.ndim, 0)
    parts = [x.inner if y is x else y for y in (a, b)]
    return x.moved(ufunc(*parts), x.axis + wider)


def _added(ufunc: Any, a: Any, b: Any) -> Any:
    if not isinstance(a, Samples) or not isinstance(b, Samples) or a.places != b.places:
        return None
    return a.moved(ufunc(a.inner, b.inner), a.axis)


def _product(ufunc: Any, a: Any, b: Any) -> Any:
    """Of matrices, one of them the same for all."""
    x, other = (a, b) if isinstance(a, Samples) else (b, a)
    if not _is_plain(other) or a.ndim < 2 or b.ndim < 2:
        return None
    wider = max(other.ndim - x.ndim, 0)
    if x.axis != x.ndim - (1 if x is a else 2):
        return x.moved(np.matmul(x.inner if x is a else a, x.inner if x is b else b), x.axis + wider)
    if x is a:  # x @ b = (b^T x^T)^T
        return np.matmul(b.mT, x.mT).mT
    length = x.shape[x.axis] // x.blocks
    if wider:
        return None
    columns = np.moveaxis(a.reshape(*a.shape[:-1], x.blocks, length), -2, 0)  # (blocks, ..., k, length)
    columns = columns.reshape(x.blocks, 1, *(1,) * (x.ndim - a.ndim), *columns.shape[1:])
    return x.flat(np.matmul(columns, x.apart()))


UFUNCS: dict[Any, Callable] = {np.multiply: _scaled, np.true_divide: _scaled, np.matmul: _product}
UFUNCS |= {np.add: _added, np.subtract: _added}


def _summed(a, axis=None, dtype=None, out=None, keepdims=False, **others):
    if others or out is not None or type(a) is not Samples:
        return None
    axes = [i - 1 for i in np.ravel(shifted(axis, a.ndim)).tolist()]
    options = {"keepdims": keepdims} | ({} if dtype is None else {"dtype": dtype})
    if a.axis not in axes:
        kept = a.axis if keepdims else a.axis - sum(i < a.axis for i in axes)
        return a.moved(np.sum(a.inner, axis=tuple(axes), **options), kept)
    return a.flat(a.apart().sum(axis=tuple(i + 2 for i in axes), **options))


def _reshaped(a, shape, order="C", **others):
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if order != "C" or others or type(a) is not Samples or not a.size:
        return None
    found: Any = np.reshape(a.inner, shape)
    before, front = math.prod(a.shape[: a.axis]), 1
    for axis, length in enumerate(found.shape):
        if front == before and length % a.blocks == 0:
            return a.moved(found, axis)
        front *= length
    return None


def _transposed(a, axes=None):
    order = [i % a.ndim for i in (range(a.ndim)[::-1] if axes is None else axes)]
    return a.moved(a.inner.transpose(order), order.index(a.axis))


def _swapped(a, axis1, axis2):
    order = list(range(a.ndim))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return _transposed(a, order)


def _broadcast(a, shape, subok=False):
    shape = shape if isinstance(shape, (tuple, list)) else (shape,)
    return a.moved(np.broadcast_to(a.inner, shape), a.axis + len(shape) - a.ndim)


def _chosen(condition, *branches):
    """np.where of zeros and samples."""
    if len(branches) != 2 or not _is_plain(bare_alone(condition)):
        return None
    mask, (a, b) = bare_alone(condition), branches
    x, other = (a, b) if isinstance(a, Samples) else (b, a)
    if type(other) not in (int, float) or other != 0 or np.ndim(mask) > x.ndim:
        return None
    return x.moved(np.where(mask, *[x.inner if y is x else y for y in branches]), x.axis)


FUNCTIONS: dict[Any, Callable] = {np.sum: _summed, np.reshape: _reshaped, np.transpose: _transposed}
FUNCTIONS |= {np.swapaxes: _swapped, np.broadcast_to: _broadcast, np.where: _chosen}


def _axis_after(index: Any, ndim: int, axis: int) -> int | None:
    """Where an axis is in x[index]; None unless the index takes all of it, and is basic."""
    parts = list(listed(index))
    if any(type(p) not in (int, slice, type(None), type(Ellipsis)) for p in parts):
        return None
    missing = ndim - sum(p is not None and p is not Ellipsis for p in parts)
    at = parts.index(Ellipsis) if Ellipsis in parts else len(parts)
    parts[at : at + 1] = [slice(None)] * missing
    before = after = 0
    for p in parts:
        if p is None:
            after += 1
            continue
        if before == axis:
            return after if p == slice(None) else None
        before, after = before + 1, after + (type(p) is slice)
    return None
