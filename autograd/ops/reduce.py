"""Reductions over one axis, several, or all; running sums."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from ..arrays import HALF, ArrayLike, Axes, DTypeLike, working
from ..op import composed, op
from ..tensor import Tensor
from .index import diagonal


def _axes(shape, axis):
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return {a % len(shape) for a in axes} if shape else set()


@lru_cache(maxsize=1024)
def reduced(shape, axis):
    """`shape` with 1 for each reduced axis, and how many elements go into one result."""
    axes = _axes(shape, axis)
    count = 1
    for a in axes:
        count *= shape[a]
    return tuple(1 if i in axes else n for i, n in enumerate(shape)), count


@lru_cache(maxsize=1024)
def without(shape, axis):
    """`shape` without the reduced axes."""
    axes = _axes(shape, axis)
    return tuple(n for i, n in enumerate(shape) if i not in axes)


FEW = 4096
NONE: Any = np._NoValue  # what NumPy's functions take for an argument that is not given


def _spread(g, small, shape):
    """g, of shape `small`, for each element that went into it: a view, or where that is faster, a copy."""
    g = g.reshape(small)
    if math.prod(shape) > FEW:
        return np.broadcast_to(g, shape)
    spread = np.empty_like(g, shape=shape)
    spread[...] = g
    return spread


def widened(body, x, *args, **kwargs):
    """(out, backward) of a body in float32 where x is of float16, and in float64 where it is whole numbers.

    Sums of float16 stop to grow at 2048 ones, and 1e5 of them are infinite. The result is of float16 again.
    """
    y, backward = body(x.astype(working(x.dtype)), *args, **kwargs)
    if x.dtype.kind != "f":
        return y, backward
    return y.astype(HALF), lambda g: backward(g.astype(np.float32))


@op(inputs=1, numpy=(np.sum, np.add.reduce), method=True)
def sum(
    x: ArrayLike,
    axis: Axes = None,
    keepdims: bool = False,
    *,
    dtype: DTypeLike | None = None,
    initial: float | None = None,
    where: ArrayLike = True,
):
    """The sum of the elements of x along `axis` (an axis, several, or None for all).

    The shape is x's without these axes; with `keepdims` they stay, with length 1. `dtype`, `initial` (to
    start with) and `where` (a mask that broadcasts) are NumPy's. float16 is summed in float32.
    """
    shape = x.shape
    small, _ = reduced(shape, axis)

    def backward(g):
        return (_spread(g, small, shape),)

    if where is not True:
        backward = _masked(backward, where)
    if x.dtype is HALF and dtype is None:
        return added(x, axis, np.float32, keepdims, initial, where).astype(HALF), backward
    if where is True and initial is None:
        return np.add.reduce(x, axis, dtype, None, keepdims), backward
    return added(x, axis, dtype, keepdims, initial, where), backward


def _masked(backward, where):
    """`backward` of a reduction whose result does not depend on what a mask leaves out."""
    return lambda g: (np.where(where, backward(g)[0], 0),)


def added(x, axis, dtype, keepdims, initial=None, where=True):
    """np.add.reduce, where nothing is masked without what a mask costs."""
    if where is True and initial is None:
        return np.add.reduce(x, axis, dtype, None, keepdims)
    return np.add.reduce(x, axis, dtype, None, keepdims, NONE if initial is None else initial, where)


@op(inputs=1, numpy=np.mean, method=True)
def mean(
    x: ArrayLike,
    axis: Axes = None,
    keepdims: bool = False,
    *,
    dtype: DTypeLike | None = None,
    where: ArrayLike = True,
):
    """sum(x) / n along `axis` (an axis, several, or None for all), n elements going into each result.

    The shape is x's without these axes; with `keepdims` they stay, with length 1. `dtype` and `where` (a mask
    of the elements that count, which broadcasts) are NumPy's. float16 is summed in float32.
    """
    shape = x.shape
    small, count = reduced(shape, axis)
    narrow = dtype is None and x.dtype.char not in "fdg"
    wide = working(x.dtype) if narrow else dtype
    if where is True:
        y = np.add.reduce(x, axis, wide, None, keepdims) / count
    else:
        y = added(x, axis, wide, keepdims, None, where)
        count = counted(shape, axis, keepdims, where, y.dtype)
        y = y / count

    def backward(g):
        if g.dtype is HALF:
            g = g.astype(np.float32)
        return (_spread(g / count, small, shape),)

    if where is not True:
        backward = _masked(backward, where)
    return y.astype(HALF) if narrow and x.dtype is HALF else y, backward


def counted(shape, axis, keepdims, where, dtype):
    """How many elements of `shape` a mask lets through along `axis`."""
    return np.add.reduce(np.broadcast_to(where, shape), axis, dtype, None, keepdims)


@op(inputs=1, numpy=(np.prod, np.multiply.reduce), method=True)
def prod(
    x: ArrayLike,
    axis: Axes = None,
    keepdims: bool = False,
    *,
    dtype: DTypeLike | None = None,
    initial: float | None = None,
    where: ArrayLike = True,
):
    """The product of the elements of x along `axis` (an axis, several, or None for all).

    The shape is x's without these axes; with `keepdims` they stay, with length 1. `dtype`, `initial` and
    `where` are those of `sum`. The gradient of an element is the product of the others, zeros included.
    """
    if x.dtype is HALF and dtype is None:
        return widened(prod.body, x, axis, keepdims, initial=initial, where=where)
    small, _ = reduced(x.shape, axis)
    start = NONE if initial is None else initial
    y = np.multiply.reduce(x, axis=axis, dtype=dtype, keepdims=keepdims, initial=start, where=where)

    def backward(g):
        g = g.reshape(small) if initial is None else g.reshape(small) * initial
        return (g * _others(x if where is True else np.where(where, x, 1), axis),)

    return y, backward if where is True else _masked(backward, where)


def _others(x, axis):
    """For each element of x the product of the others along `axis`."""
    small, n = reduced(x.shape, axis)
    order = sorted(range(x.ndim), key=lambda i: small[i] != x.shape[i])  # the reduced axes last
    moved = x.transpose(order)
    rows = moved.reshape(math.prod(small), n)
    before, after = _before(rows), _before(rows[:, ::-1])[:, ::-1]
    back = [order.index(i) for i in range(x.ndim)]
    return (before * after).reshape(moved.shape).transpose(back)


def _before(rows):
    """For each element the product of those before it in its row, from windows that double in length."""
    y = np.ones_like(rows)
    y[:, 1:] = rows[:, :-1]
    step = 1
    while step < rows.shape[1]:
        y = np.concatenate([y[:, :step], y[:, step:] * y[:, :-step]], axis=1)
        step *= 2
    return y


@op(inputs=1, numpy=np.cumsum, method=True)
def cumsum(x: ArrayLike, axis: int | None = None, dtype: DTypeLike | None = None):
    """The sums of the elements of x up to each one along `axis`; None: of the flat array, whose shape it has.

    float16 is summed in float32.
    """
    shape = x.shape
    back = (slice(None),) * (0 if axis is None else axis % max(x.ndim, 1)) + (slice(None, None, -1),)

    def running(x, dtype):
        if x.dtype is HALF and dtype is None:
            return np.cumsum(x, axis, np.float32).astype(HALF)
        return np.cumsum(x, axis, dtype)

    def backward(g):
        return (running(g[back], None)[back].reshape(shape),)

    return running(x, dtype), backward


@composed(numpy=np.trace, method=True)
def trace(
    x: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: DTypeLike | None = None
) -> Tensor:
    """The sum of the diagonal of x: x[i, i + offset] for all i, where i, j stand on `axis1`, `axis2`.

    The shape is x's without these two axes. ValueError where x has only one.
    """
    return sum(diagonal(x, offset, axis1, axis2), axis=-1, dtype=dtype)
