"""Reductions over one axis, several, or all."""

from functools import lru_cache
from math import prod

import numpy as np

from .._op import op


@lru_cache(maxsize=1024)
def _kept(shape, axis):
    """`shape` with 1 for each reduced axis, and how many elements go into one result."""
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = {a % len(shape) for a in axes} if shape else set()
    count = 1
    for a in axes:
        count *= shape[a]
    return tuple(1 if i in axes else n for i, n in enumerate(shape)), count


FEW = 4096


def _spread(g, kept, shape):
    """g, of shape `kept`, for each element that went into it: a view, or where that is faster, a copy."""
    g = g.reshape(kept)
    if prod(shape) > FEW:
        return np.broadcast_to(g, shape)
    spread = np.empty_like(g, shape=shape)
    spread[...] = g
    return spread


@op(inputs=1)
def sum(x, axis=None, keepdims=False):
    shape = x.shape
    kept, _ = _kept(shape, axis)

    def backward(g):
        return (_spread(g, kept, shape),)

    return x.sum(axis=axis, keepdims=keepdims), backward


@op(inputs=1)
def mean(x, axis=None, keepdims=False):
    shape = x.shape
    kept, count = _kept(shape, axis)

    def backward(g):
        return (_spread(g / count, kept, shape),)

    return x.sum(axis=axis, keepdims=keepdims) / count, backward


@op(inputs=1)
def var(x, axis=None, ddof=0, keepdims=False):
    """Mean squared distance from the mean; divided by count - ddof (PyTorch's default is ddof=1)."""
    kept, count = _kept(x.shape, axis)
    centred = x - x.mean(axis=axis, keepdims=True)

    def backward(g):
        return ((g * 2 / (count - ddof)).reshape(kept) * centred,)

    return (centred * centred).sum(axis=axis, keepdims=keepdims) / (count - ddof), backward


@op(inputs=1)
def std(x, axis=None, ddof=0, keepdims=False):
    """Square root of `var`, with gradient 0 where all elements are equal."""
    kept, count = _kept(x.shape, axis)
    centred = x - x.mean(axis=axis, keepdims=True)
    y = np.sqrt((centred * centred).sum(axis=axis, keepdims=keepdims) / (count - ddof))

    def backward(g):
        return ((g / np.where(y == 0, np.inf, y) / (count - ddof)).reshape(kept) * centred,)

    return y, backward


def _share_among_ties(x, y, kept, axis):
    def backward(g):
        hit = (x == y.reshape(kept)).astype(x.dtype)
        return (hit * (g.reshape(kept) / hit.sum(axis=axis, keepdims=True)),)

    return backward


@op(inputs=1)
def max(x, axis=None, keepdims=False):
    """Largest element; equal ones share the gradient."""
    y = x.max(axis=axis, keepdims=keepdims)
    return y, _share_among_ties(x, y, _kept(x.shape, axis)[0], axis)


@op(inputs=1)
def min(x, axis=None, keepdims=False):
    """Smallest element; equal ones share the gradient."""
    y = x.min(axis=axis, keepdims=keepdims)
    return y, _share_among_ties(x, y, _kept(x.shape, axis)[0], axis)


@op(inputs=1)
def logsumexp(x, axis=None, keepdims=False):
    """log(sum(exp(x))), shifted by the maximum so that nothing overflows."""
    kept, _ = _kept(x.shape, axis)
    top = x.max(axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)  # a row of -inf gives -inf, not nan
    p = np.exp(x - top)
    total = p.sum(axis=axis, keepdims=True)
    top = np.where(total == 0, -np.inf, top)
    total = np.where(total == 0, 1, total)
    y = np.log(total) + top

    def backward(g):  # softmax(x); 0 where every element is -inf
        return (g.reshape(kept) * p / total,)

    return y if keepdims else y.squeeze(axis), backward
