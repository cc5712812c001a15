"""Larger and smaller: elementwise of two arrays, of all elements, and limits."""

from __future__ import annotations

import numpy as np

from ..arrays import ArrayLike, Axes
from ..op import op
from .reduce import reduced


@op(numpy=np.maximum)
def maximum(a: ArrayLike, b: ArrayLike):
    """The larger of a and b, shapes broadcast; where they are equal each gets half of the gradient."""

    def backward(g):
        half = g * (a == b) / 2
        return g * (a > b) + half, g * (a < b) + half

    return np.maximum(a, b), backward


@op(numpy=np.minimum)
def minimum(a: ArrayLike, b: ArrayLike):
    """The smaller of a and b, shapes broadcast; where they are equal each gets half of the gradient."""

    def backward(g):
        half = g * (a == b) / 2
        return g * (a < b) + half, g * (a > b) + half

    return np.minimum(a, b), backward


@op(inputs=1, numpy=np.clip)
def clip(x: ArrayLike, a_min: ArrayLike | None = None, a_max: ArrayLike | None = None):
    """x limited to [a_min, a_max], shapes broadcast.

    The gradient passes where x lies within, the limits included. None is no limit.
    """
    inside = (x >= (-np.inf if a_min is None else a_min)) & (x <= (np.inf if a_max is None else a_max))

    def backward(g):
        return (g * inside,)

    return np.clip(x, a_min, a_max), backward


def _share_among_ties(x, y, small, axis):
    def backward(g):
        hit = (x == y.reshape(small)).astype(x.dtype)
        return (hit * (g.reshape(small) / hit.sum(axis=axis, keepdims=True)),)

    return backward


@op(inputs=1, numpy=(np.max, np.amax, np.maximum.reduce), method=True)
def max(x: ArrayLike, axis: Axes = None, keepdims: bool = False):
    """The largest element of x along `axis` (an axis, several, or None for all).

    The shape is x's without these axes; with `keepdims` they stay, with length 1.
    Elements that are equally large share the gradient.
    """
    y = x.max(axis=axis, keepdims=keepdims)
    return y, _share_among_ties(x, y, reduced(x.shape, axis)[0], axis)


@op(inputs=1, numpy=(np.min, np.amin, np.minimum.reduce), method=True)
def min(x: ArrayLike, axis: Axes = None, keepdims: bool = False):
    """The smallest element of x along `axis` (an axis, several, or None for all).

    The shape is x's without these axes; with `keepdims` they stay, with length 1.
    Elements that are equally small share the gradient.
    """
    y = x.min(axis=axis, keepdims=keepdims)
    return y, _share_among_ties(x, y, reduced(x.shape, axis)[0], axis)
