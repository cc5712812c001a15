"""Reading and writing by index."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import ArrayLike, as_array
from ..op import op


def may_repeat(index) -> bool:
    """Whether an index can name one element twice: integer arrays can, slices, numbers and masks cannot."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(np.ndim(p) > 0 and as_array(p).dtype != bool for p in parts)


@op(inputs=1, flops=0, view=True)
def getitem(x: ArrayLike, index: Any):
    """x[index], with every kind of index NumPy has, and the shape NumPy gives it."""
    shape = x.shape

    def backward(g):
        dx = np.zeros_like(g, shape=shape)
        if may_repeat(index):
            np.add.at(dx, index, g)
        else:
            dx[index] = g
        return (dx,)

    return x[index], backward


@op(inputs=2, flops=0)
def index_put(x: ArrayLike, value: ArrayLike, index: Any):
    """A copy of x in which x[index] is `value`, which broadcasts to the shape of x[index].

    ValueError where the index names an element twice, which would have no gradient.
    """
    y = np.empty_like(x)
    y[...] = x
    y[index] = value
    ndim = np.ndim(value)
    if may_repeat(index) and np.unique(place(x, index)).size != place(x, index).size:
        raise ValueError("an element is assigned twice, which has no gradient")

    def backward(g):
        dx = np.empty_like(g)
        dx[...] = g
        dx[index] = 0
        dv = g[index]
        # NumPy lets a value have axes of length 1 in front of those of its place
        return dx, dv.reshape((1,) * (ndim - dv.ndim) + dv.shape) if ndim > dv.ndim else dv

    return y, backward


def place(x, index):
    """The flat positions that `index` names in x."""
    return np.arange(x.size, like=x).reshape(x.shape)[index]


@op(inputs=1, numpy=np.take, method=True, flops=0)
def take(x: ArrayLike, indices: ArrayLike, axis: int | None = None):
    """Elements of x (axis=None: of the flat array) or slices along `axis` at integer `indices`.

    In the result's shape that of `indices` takes the place of the axis.
    """
    shape = x.shape
    flat = (x.size,) if axis is None else shape
    index = (slice(None),) * (0 if axis is None else axis % x.ndim) + (indices,)

    def backward(g):
        dx = np.zeros_like(g, shape=flat)
        np.add.at(dx, index, g)
        return (dx.reshape(shape),)

    return np.take(x, indices, axis), backward


@op(inputs=1, numpy=np.take_along_axis, flops=0)
def take_along_axis(arr: ArrayLike, indices: ArrayLike, axis: int = -1):
    """arr[..., indices, ...] along `axis`, with one index for each position of the other axes.

    The result has the shape of `indices`, broadcast with that of arr on the other axes.
    """
    shape = arr.shape
    y = np.take_along_axis(arr, indices, axis)
    own = [np.arange(n, like=arr).reshape((n,) + (1,) * (arr.ndim - i - 1)) for i, n in enumerate(shape)]
    own[axis] = indices
    index = tuple(own)

    def backward(g):
        dx = np.zeros_like(g, shape=shape)
        np.add.at(dx, index, g)
        return (dx,)

    return y, backward


@op(numpy=np.where)
def where(condition: ArrayLike, a: ArrayLike, b: ArrayLike):
    """a where the condition is true, else b; shapes broadcast."""

    def backward(g):
        return None, np.where(condition, g, 0), np.where(condition, 0, g)

    return np.where(condition, a, b), backward
