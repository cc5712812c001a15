"""Sums, means and products over one axis, several, or all."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy import ndarray

from ..arguments import tensor_of
from ..arrays import HALF, ArrayLike, Axes, DTypeLike, opaque, working
from ..op import composed, op
from ..tensor import Tensor
from .axes import axes_of
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
add_up = np.add.reduce  # found faster than by its three names
NONE: Any = np._NoValue  # what NumPy's functions take for an argument that is not given


def weights_like(name: str, a: Tensor, weights: ArrayLike, axis: Axes) -> Tensor:
    """Weights in a's shape, whose own it is or that of its axes.

    TypeError for a shape that needs an axis, ValueError for one that does not fit.
    """
    w = tensor_of(weights)
    if w.shape == a.shape:
        return w
    if axis is None:
        raise TypeError(f"{name}: weights of shape {w.shape} for shape {a.shape} need an axis")
    axes = axes_of(name, axis, a.ndim)
    if w.shape != tuple([a.shape[i] for i in axes]):
        raise ValueError(f"{name}: weights of shape {w.shape} do not fit axis {axis} of shape {a.shape}")
    order = sorted(range(w.ndim), key=lambda i: axes[i])
    lengths = [n if i in axes else 1 for i, n in enumerate(a.shape)]
    return np.broadcast_to(np.reshape(np.transpose(w, order), lengths), a.shape)


def _spread(g, small, shape):
    """g, of shape `small`, for each element that went into it: a view, or where that is faster, a copy."""
    g = g.reshape(small)
    if not isinstance(g, ndarray) or math.prod(shape) > FEW:  # a tracing array has to be summed as arrays are
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
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    initial: float | None = None,
    where: ArrayLike = True,
):
    """The sum of the elements of x along `axis` (an axis, several, or None for all).

    The shape is x's without these axes; with `keepdims` they stay, with length 1. `dtype`, `initial` (to
    start with) and `where` (a mask that broadcasts) are NumPy's. float16 is summed in float32. TypeError for
    an `out`, which np.sum takes.
    """
    shape = x.shape

    def backward(g):
        return (_spread(g, reduced(shape, axis)[0], shape),)

    if dtype is not None or out is not None:
        check_places(dtype, out)
    elif x.dtype is HALF:
        y = added(x, axis, np.float32, keepdims, initial, where).astype(HALF)
        return y, backward if where is True else _masked(backward, where)
    if where is True and initial is None:
        return add_up(x, axis, dtype, None, keepdims), backward
    y = added(x, axis, dtype, keepdims, initial, where)
    return y, backward if where is True else _masked(backward, where)


def check_places(dtype, out):
    """TypeError for what stands by mistake where NumPy has `dtype` and `out`, or for an `out`."""
    for name, value in (("dtype", dtype), ("out", out)):
        if value is True or value is False:
            raise TypeError(f"{value} stands in the place of {name}; to keep the axes say keepdims={value}")
    if out is not None:
        raise TypeError("out= is for NumPy's functions, np.sum(x, out=y); or write y[...] = x.sum()")


def of_integers(dtype):
    """Whether a dtype that is asked for has no gradient; NumPy then cuts off what is behind the point."""
    return dtype is not None and np.dtype(dtype).kind != "f"


def _masked(backward, where):
    """`backward` of a reduction whose result does not depend on what a mask leaves out."""
    return lambda g: (np.where(where, backward(g)[0], 0),)


def added(x, axis, dtype, keepdims, initial=None, where=True):
    """np.add.reduce, where nothing is masked without what a mask costs."""
    if where is True and initial is None:
        return add_up(x, axis, dtype, None, keepdims)
    return add_up(x, axis, dtype, None, keepdims, NONE if initial is None else initial, where)


@op(inputs=1, numpy=np.mean, method=True)
def mean(
    x: ArrayLike,
    axis: Axes = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: ArrayLike = True,
):
    """sum(x) / n along `axis` (an axis, several, or None for all), n elements going into each result.

    The shape is x's without these axes; with `keepdims` they stay, with length 1. `dtype` and `where` (a mask
    of the elements that count, which broadcasts) are NumPy's. float16 is summed in float32. TypeError for an
    `out`, which np.mean takes.
    """
    if dtype is not None or out is not None:
        check_places(dtype, out)
        if of_integers(dtype):
            return np.mean(x, axis, dtype, None, keepdims, where=where), None
    shape = x.shape
    narrow = dtype is None and x.dtype.char not in "fdg"
    wide = working(x.dtype) if narrow else dtype
    if where is True:
        y = add_up(x, axis, wide, None, keepdims)
        count = x.size // (y.size or 1)
    else:
        y = added(x, axis, wide, keepdims, None, where)
        count = counted(shape, axis, keepdims, where, y.dtype)
    y = y / count

    def backward(g):
        if g.dtype is HALF:
            g = g.astype(np.float32)
        return (_spread(g / count, reduced(shape, axis)[0], shape),)

    if where is not True:
        backward = _masked(backward, where)
    return y.astype(HALF) if narrow and x.dtype is HALF else y, backward


def counted(shape, axis, keepdims, where, dtype):
    """How many elements of `shape` a mask lets through along `axis`."""
    return np.add.reduce(np.broadcast_to(where, shape), axis, dtype, None, keepdims)


def _prod_plain(x, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True):
    if dtype is not None or out is not None:
        check_places(dtype, out)
        x = x if dtype is None else x.astype(dtype)
    elif x.dtype is HALF:
        return widened(_prod_plain, x, axis, keepdims=keepdims, initial=initial, where=where)
    small, n = reduced(x.shape, axis)
    y = np.multiply.reduce(
        x, axis=axis, keepdims=keepdims, initial=NONE if initial is None else initial, where=where
    )

    def backward(g):
        g = g.reshape(small) if initial is None else g.reshape(small) * initial
        rows, back = _as_rows(x if where is True else np.where(where, x, 1), small, n)
        return (g * back(_others(rows)),)

    return y, backward if where is True else _masked(backward, where)


@op(inputs=1, numpy=(np.prod, np.multiply.reduce), method=True, plain=_prod_plain)
def prod(
    x: ArrayLike,
    axis: Axes = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    initial: float | None = None,
    where: ArrayLike = True,
):
    """The product of the elements of x along `axis` (an axis, several, or None for all).

    The shape is x's without these axes; with `keepdims` they stay, with length 1. `dtype`, `initial` and
    `where` are those of `sum`. The gradient of an element is the product of the others, zeros included.
    TypeError for an `out`, which np.prod takes.
    """
    y, backward = _prod_plain(x, axis, dtype, out, keepdims, initial, where)
    if where is not True or x.dtype is HALF or dtype is not None:
        return y, backward
    small, n = reduced(x.shape, axis)
    start = 1 if initial is None else initial

    def quickly(g):
        rows, back = _as_rows(x, small, n)
        others = np.empty_like(rows)
        _fill_others(others, rows, y.reshape(-1, 1), start)
        others *= g.reshape(-1, 1)
        return (back(others),)

    return y, quickly


def _as_rows(x, small, n):
    """x with the `n` elements of each product in a row, and a function that brings such rows back."""
    order = sorted(range(x.ndim), key=lambda i: small[i] != x.shape[i])  # the reduced axes last
    moved = x.transpose(order)
    shape = moved.shape
    back = [order.index(i) for i in range(x.ndim)]
    return moved.reshape(math.prod(small), n), lambda rows: rows.reshape(shape).transpose(back)


@opaque
def _fill_others(others, rows, y, start):
    """y / x, or where y is zero or beyond what can be divided, the product of the others.

    The latter takes several times as long as in PyTorch, which divides what has underflown, and gives 0.
    """
    safe = is_normal(y)
    np.divide(y, rows, out=others, where=safe)
    if safe.all():
        return
    bad = ~safe[:, 0]
    x = rows[bad]
    if x.dtype.char == "f":  # there is more room in float64
        x = x.astype(np.float64)
        wide = np.empty_like(x)
        _fill_others(wide, x, np.multiply.reduce(x, 1, keepdims=True) * start, start)
        others[bad] = wide
        return
    before, after = np.ones_like(x), np.ones_like(x)
    np.multiply.accumulate(x[:, :-1], axis=1, out=before[:, 1:])
    np.multiply.accumulate(x[:, :0:-1], axis=1, out=after[:, -2::-1])
    others[bad] = before * after * start


def is_normal(y):
    """Where y is neither 0, nan or inf nor so small that digits are lost."""
    size = np.absolute(y)
    return (size >= np.finfo(y.dtype).tiny) & (size < np.inf)


def _others(rows):
    """For each element the product of the others of its row."""
    return _before(rows) * _before(rows[:, ::-1])[:, ::-1]


def _before(rows):
    """For each element the product of those before it in its row, from windows that double in length."""
    y = np.ones_like(rows)
    y[:, 1:] = rows[:, :-1]
    step = 1
    while step < rows.shape[1]:
        y = np.concatenate([y[:, :step], y[:, step:] * y[:, :-step]], axis=1)
        step *= 2
    return y


@composed(numpy=np.trace, method=True)
def trace(
    x: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: DTypeLike | None = None
) -> Tensor:
    """The sum of the diagonal of x: x[i, i + offset] for all i, where i, j stand on `axis1`, `axis2`.

    The shape is x's without these two axes. ValueError where x has only one.
    """
    return sum(diagonal(x, offset, axis1, axis2), axis=-1, dtype=dtype)
