"""Reading and writing by index."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import joined
from ..arrays import HALF, ArrayLike, as_array
from ..op import composed, op
from .logic import not_equal
from .sort import nonzero

BOOL = np.dtype(bool)


def may_repeat(index) -> bool:
    """Whether an index can name one element twice: integer arrays can, slices, numbers and masks cannot."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(np.ndim(p) > 0 and as_array(p).dtype != bool for p in parts)


def zeros_to_add(g, shape):
    """Zeros for gradients g to be added to: float32 for float16, which stops to grow at 2048 ones."""
    return np.zeros_like(g, shape=shape, dtype=np.float32 if g.dtype is HALF else None)


@op(inputs=1, flops=0, view=True)
def getitem(x: ArrayLike, index: Any):
    """x[index], with every kind of index NumPy has, and the shape NumPy gives it."""
    shape = x.shape

    def backward(g):
        if may_repeat(index):
            dx = zeros_to_add(g, shape)
            np.add.at(dx, index, g)
        else:
            dx = np.zeros_like(g, shape=shape)
            dx[index] = g
        return (dx,)

    return x[index], backward


@op(inputs=2, flops=0)
def index_put(x: ArrayLike, value: ArrayLike, index: Any):
    """A copy of x in which x[index] is `value`, which broadcasts to the shape of x[index].

    ValueError where the index names an element twice and gives it two elements of `value`, one of which would
    have no gradient.
    """
    y = np.empty_like(x)
    y[...] = x
    y[index] = value
    ndim = np.ndim(value)
    once = _first_named(place(x, index), np.shape(value)) if may_repeat(index) else None

    def backward(g):
        dx = np.empty_like(g)
        dx[...] = g
        dx[index] = 0
        dv = g[index] if once is None else np.where(once, g[index], 0)
        # NumPy lets a value have axes of length 1 in front of those of its place
        return dx, dv.reshape((1,) * (ndim - dv.ndim) + dv.shape) if ndim > dv.ndim else dv

    return y, backward


def place(x, index):
    """The flat positions that `index` names in x."""
    return np.arange(x.size, like=x).reshape(x.shape)[index]


def _first_named(at, shape):
    """Where each of the positions `at` stands for the first time, or None if none stands there twice.

    A value of `shape` is broadcast to them. ValueError where two elements of it go to one position.
    """
    flat = at.reshape(-1)
    order = np.argsort(flat, kind="stable")
    again = flat[order[1:]] == flat[order[:-1]]
    if not again.any():
        return None
    kept = shape[max(0, len(shape) - at.ndim) :]
    source = np.broadcast_to(np.arange(math.prod(kept), like=at).reshape(kept), at.shape).reshape(-1)
    if (again & (source[order[1:]] != source[order[:-1]])).any():
        raise ValueError("an element is assigned twice, which has no gradient")
    once = np.ones_like(flat, dtype=bool)
    once[order[1:]] = ~again
    return once.reshape(at.shape)


@op(inputs=1, numpy=np.take, method=True, flops=0)
def take(x: ArrayLike, indices: ArrayLike, axis: int | None = None, *, mode: str = "raise"):
    """Elements of x (axis=None: of the flat array) or slices along `axis` at integer `indices`.

    In the result's shape that of `indices` takes the place of the axis. Indices that are out of range raise
    IndexError or, by `mode`, "wrap" around or "clip" to the range.
    """
    shape = x.shape
    y = np.take(x, indices, axis) if mode == "raise" else np.take(x, indices, axis, mode=mode)
    flat = (x.size,) if axis is None else shape
    at = 0 if axis is None else axis % x.ndim
    if mode != "raise":
        indices = np.take(np.arange(flat[at], like=x), indices, mode=mode)
    index = (slice(None),) * at + (indices,)

    def backward(g):
        dx = zeros_to_add(g, flat)
        np.add.at(dx, index, g)
        return (dx.reshape(shape),)

    return y, backward


@op(inputs=1, numpy=np.take_along_axis, flops=0)
def take_along_axis(arr: ArrayLike, indices: ArrayLike, axis: int | None = -1):
    """arr[..., indices, ...] along `axis`, with one index for each position of the other axes.

    The result has the shape of `indices`, broadcast with that of arr on the other axes. None: of the flat
    array.
    """
    shape, indices = arr.shape, as_array(indices)
    y = np.take_along_axis(arr, indices, axis)
    if axis is None:
        arr, axis = arr.reshape(-1), 0
    flat = arr.shape
    own = [np.arange(n, like=arr).reshape((n,) + (1,) * (arr.ndim - i - 1)) for i, n in enumerate(flat)]
    own[axis] = indices
    index = tuple(own)

    def backward(g):
        dx = zeros_to_add(g, flat)
        np.add.at(dx, index, g)
        return (dx.reshape(shape),)

    return y, backward


@op(inputs=1, numpy=np.diagonal, method=True, flops=0, view=True)
def diagonal(x: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1):
    """x[i, i + offset] for all i, where i, j stand on `axis1`, `axis2`.

    In the shape the two axes are gone and a new one is the last. ValueError where x has only one.
    """
    shape = x.shape
    y = np.diagonal(x, offset, axis1, axis2)
    pair = axis1 % x.ndim, axis2 % x.ndim
    order = [i for i in range(x.ndim) if i not in pair] + list(pair)
    back = [order.index(i) for i in range(x.ndim)]
    count = y.shape[-1]

    def backward(g):
        dx = np.zeros_like(g, shape=[shape[i] for i in order])
        i = np.arange(count, like=g)
        dx[..., i - min(offset, 0), i + max(offset, 0)] = g
        return (dx.transpose(back),)

    return y, backward


@composed(numpy=np.where)
def where(condition: ArrayLike, x: ArrayLike | None = None, y: ArrayLike | None = None) -> Any:
    """x where the condition is true, else y; shapes broadcast.

    Without x and y the indices of the true elements, as nonzero(condition). ValueError for one of them alone.
    """
    if x is None and y is None:
        return nonzero(condition)
    if x is None or y is None:
        raise ValueError("where: takes both x and y, or neither of them")
    condition = joined(condition)
    if getattr(condition, "dtype", BOOL) != BOOL:  # so that it has no part in the result's dtype
        condition = not_equal(condition, 0)
    return _where(condition, x, y)


@op
def _where(condition: ArrayLike, a: ArrayLike, b: ArrayLike):
    def backward(g):
        return None, np.where(condition, g, 0), np.where(condition, 0, g)

    return np.where(condition, a, b), backward
