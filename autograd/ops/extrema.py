"""Larger and smaller: elementwise of two arrays, of all elements, and limits."""

from __future__ import annotations

import numpy as np

from ..arguments import tensor_of
from ..arrays import HALF, ArrayLike, Axes, opaque
from ..op import Needs, composed, op
from ..tensor import Tensor
from .arithmetic import subtract
from .reduce import NONE, check_places, reduced

NUMBERS = (float, int, type(None))


@op(numpy=np.maximum)
def maximum(a: ArrayLike, b: ArrayLike):
    """The larger of a and b, shapes broadcast; where they are equal each gets half of the gradient.

    nan is larger than all else; where there is nan both get the gradient.
    """

    def backward(g):
        g = g * (1 - (a == b).astype(g.dtype) / 2)
        return g * ~(a < b), g * ~(a > b)

    return np.maximum(a, b), backward


@op(numpy=np.minimum)
def minimum(a: ArrayLike, b: ArrayLike):
    """The smaller of a and b, shapes broadcast; where they are equal each gets half of the gradient.

    nan is smaller than all else; where there is nan both get the gradient.
    """

    def backward(g):
        g = g * (1 - (a == b).astype(g.dtype) / 2)
        return g * ~(a > b), g * ~(a < b)

    return np.minimum(a, b), backward


@op(numpy=np.fmax)
def fmax(x1: ArrayLike, x2: ArrayLike):
    """The larger of x1 and x2, the number where one is nan, shapes broadcast.

    Where they are equal, or both nan, x1 gets the gradient.
    """
    return np.fmax(x1, x2), _to_one_of((x1 >= x2) | np.isnan(x2))


@op(numpy=np.fmin)
def fmin(x1: ArrayLike, x2: ArrayLike):
    """The smaller of x1 and x2, the number where one is nan, shapes broadcast.

    Where they are equal, or both nan, x1 gets the gradient.
    """
    return np.fmin(x1, x2), _to_one_of((x1 <= x2) | np.isnan(x2))


def _to_one_of(first):
    def backward(g):
        return np.where(first, g, 0), np.where(first, 0, g)

    return backward


@composed(numpy=np.clip, method=True)
def clip(
    x: ArrayLike,
    a_min: ArrayLike | None = None,
    a_max: ArrayLike | None = None,
    *,
    min: ArrayLike | None = None,
    max: ArrayLike | None = None,
) -> Tensor:
    """x limited to [a_min, a_max], shapes broadcast.

    None is no limit; `min` and `max` are other names of the two. The gradient passes where x lies within, the
    limits included; elsewhere it goes to the limit. ValueError where one is given by both of its names.
    """
    if (min is not None and a_min is not None) or (max is not None and a_max is not None):
        raise ValueError(
            "clip: a_min and min, and a_max and max, are two names of one limit; give one of them"
        )
    low, high = min if a_min is None else a_min, max if a_max is None else a_max
    if type(x) is Tensor and type(low) in NUMBERS and type(high) in NUMBERS:  # as an operator would
        return _clip.record((x.data, low, high), (x.edge, None, None))
    return _clip(x, low, high)


@op(inputs=3, needs=True)
def _clip(needs: Needs, x: ArrayLike, low: ArrayLike | None = None, high: ArrayLike | None = None):
    if x.dtype.kind == "f" and low is not None and high is not None:  # half the time
        y = np.minimum(np.maximum(x, low), high)
    else:
        y = np.clip(x, low, high)
    inside = (x >= (-np.inf if low is None else low)) & (x <= (np.inf if high is None else high))
    below = above = None
    if needs[1]:
        below = (x < low) & (True if high is None else low <= high)
    if needs[2]:
        above = (x > high) | (False if low is None else low > high)
    inside = inside if needs[0] else None

    def backward(g):
        dx = None if inside is None else g * inside
        return dx, None if below is None else g * below, None if above is None else g * above

    return y, backward


@op(inputs=1, numpy=(np.max, np.amax, np.maximum.reduce), method=True)
def max(
    x: ArrayLike,
    axis: Axes = None,
    out: None = None,
    keepdims: bool = False,
    initial: float | None = None,
    where: ArrayLike = True,
):
    """The largest element of x along `axis` (an axis, several, or None for all).

    The shape is x's without these axes; with `keepdims` they stay, with length 1. `where` is a mask of the
    elements that count, which broadcasts; it needs `initial`, a number that counts too. Elements that are
    equally large share the gradient; so do nan. TypeError for an `out`, which np.max takes.
    """
    return extreme(np.maximum, x, axis, out, keepdims, initial, where)


@op(inputs=1, numpy=(np.min, np.amin, np.minimum.reduce), method=True)
def min(
    x: ArrayLike,
    axis: Axes = None,
    out: None = None,
    keepdims: bool = False,
    initial: float | None = None,
    where: ArrayLike = True,
):
    """The smallest element of x along `axis` (an axis, several, or None for all).

    The shape is x's without these axes; with `keepdims` they stay, with length 1. `where` is a mask of the
    elements that count, which broadcasts; it needs `initial`, a number that counts too. Elements that are
    equally small share the gradient; so do nan. TypeError for an `out`, which np.min takes.
    """
    return extreme(np.minimum, x, axis, out, keepdims, initial, where)


def extreme(ufunc, x, axis, out, keepdims, initial, where):
    """ufunc.reduce of x and its backward, for np.maximum and its like: those that are the result share."""
    if out is not None:
        check_places(None, out)
    if where is True and initial is None:
        y = ufunc.reduce(x, axis, None, None, keepdims)
    else:
        start = NONE if initial is None else initial
        y = ufunc.reduce(x, axis=axis, keepdims=keepdims, initial=start, where=where)

    def backward(g):
        small = reduced(x.shape, axis)[0]
        top = y.reshape(small)
        hit = (x == top) if where is True else (x == top) & where
        hit = hit.astype(np.float32 if x.dtype is HALF else x.dtype)
        count = np.add.reduce(hit, axis, None, None, True)
        if x.ndim:
            _hit_nan(hit, count, x, top, axis, where)
        else:  # the same of one number, which cannot be written to
            hit = np.where(top == top, hit, (x != x) & where)
            count = np.maximum(hit, 1)
        return (hit * (g.reshape(small) / count),)

    return y, backward


@opaque
def _hit_nan(hit, count, x, top, axis, where):
    """Where nothing equals the result, it is nan, and is that of all nan; or it is the initial number."""
    if np.count_nonzero(count) != count.size:  # a tenth of the time of .all()
        hit[...] = np.where(top == top, hit, (x != x) & where)
        count[...] = np.maximum(hit.sum(axis=axis, keepdims=True), 1)


@composed(numpy=np.ptp)
def ptp(x: ArrayLike, axis: Axes = None, out: None = None, keepdims: bool = False) -> Tensor:
    """max(x) - min(x) along `axis` (an axis, several, or None for all).

    The shape is x's without these axes; with `keepdims` they stay, with length 1. TypeError for an `out`.
    """
    x = tensor_of(x)
    return subtract(max(x, axis, out, keepdims), min(x, axis, out, keepdims))
