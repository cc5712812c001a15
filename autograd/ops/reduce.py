"""Reductions over one axis, several, or all."""

from __future__ import annotations

from functools import lru_cache
from math import prod

import numpy as np

from ..arrays import ArrayLike, Axes
from ..op import op


@lru_cache(maxsize=1024)
def reduced(shape, axis):
    """`shape` with 1 for each reduced axis, and how many elements go into one result."""
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = {a % len(shape) for a in axes} if shape else set()
    count = 1
    for a in axes:
        count *= shape[a]
    return tuple(1 if i in axes else n for i, n in enumerate(shape)), count


FEW = 4096


def _spread(g, small, shape):
    """g, of shape `small`, for each element that went into it: a view, or where that is faster, a copy."""
    g = g.reshape(small)
    if prod(shape) > FEW:
        return np.broadcast_to(g, shape)
    spread = np.empty_like(g, shape=shape)
    spread[...] = g
    return spread


@op(inputs=1, numpy=(np.sum, np.add.reduce), method=True)
def sum(x: ArrayLike, axis: Axes = None, keepdims: bool = False):
    """The sum of the elements of x along `axis` (an axis, several, or None for all).

    The shape is x's without these axes; with `keepdims` they stay, with length 1.
    """
    shape = x.shape
    small, _ = reduced(shape, axis)

    def backward(g):
        return (_spread(g, small, shape),)

    return x.sum(axis=axis, keepdims=keepdims), backward


@op(inputs=1, numpy=np.mean, method=True)
def mean(x: ArrayLike, axis: Axes = None, keepdims: bool = False):
    """sum(x) / n along `axis` (an axis, several, or None for all), n elements going into each result.

    The shape is x's without these axes; with `keepdims` they stay, with length 1.
    """
    shape = x.shape
    small, count = reduced(shape, axis)

    def backward(g):
        return (_spread(g / count, small, shape),)

    return x.sum(axis=axis, keepdims=keepdims) / count, backward


@op(inputs=1, numpy=np.var, method=True, flops=4)
def var(x: ArrayLike, axis: Axes = None, ddof: float = 0, keepdims: bool = False):
    """sum((x - mean(x))^2) / (n - ddof) along `axis`, n elements going into each result.

    The shape is x's without these axes; with `keepdims` they stay, with length 1.
    PyTorch's default is ddof=1.
    """
    small, count = reduced(x.shape, axis)
    centred = x - x.mean(axis=axis, keepdims=True)

    def backward(g):
        return ((g * 2 / (count - ddof)).reshape(small) * centred,)

    return (centred * centred).sum(axis=axis, keepdims=keepdims) / (count - ddof), backward


@op(inputs=1, numpy=np.std, method=True, flops=4)
def std(x: ArrayLike, axis: Axes = None, ddof: float = 0, keepdims: bool = False):
    """sqrt(var(x)) along `axis`, with gradient 0 where all elements are equal.

    The shape is x's without these axes; with `keepdims` they stay, with length 1.
    """
    small, count = reduced(x.shape, axis)
    centred = x - x.mean(axis=axis, keepdims=True)
    y = np.sqrt((centred * centred).sum(axis=axis, keepdims=keepdims) / (count - ddof))

    def backward(g):
        return ((g / np.where(y == 0, np.inf, y) / (count - ddof)).reshape(small) * centred,)

    return y, backward
