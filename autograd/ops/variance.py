"""Variance and standard deviation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays import ArrayLike, Axes, DTypeLike, opaque
from ..op import op
from .reduce import FEW, NONE, add_up, added, check_places, counted, of_integers, reduced, widened, without


@op(inputs=1, numpy=np.var, method=True, flops=4)
def var(
    x: ArrayLike,
    axis: Axes = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: ArrayLike = True,
    mean: ArrayLike | None = None,
    correction: float | None = None,
):
    """sum((x - mean(x))^2) / (n - ddof) along `axis`, n elements going into each result.

    The shape is x's without these axes; with `keepdims` they stay, with length 1. `correction` is another
    name of `ddof`, for which PyTorch's default is 1; where it is n or more the result is infinite. `dtype`,
    `where` (a mask) and `mean` (a constant that is known already) are NumPy's. ValueError for both `ddof` and
    `correction`, TypeError for an `out`, which np.var takes.
    """
    if dtype is not None or out is not None:
        check_places(dtype, out)
        if of_integers(dtype):
            return _of_integers(np.var, x, axis, dtype, ddof, keepdims, where, mean, correction), None
    elif x.dtype.char not in "fdg":
        return widened(
            var.body, x, axis, None, None, ddof, keepdims, where=where, mean=mean, correction=correction
        )
    v, centred, divisor, small = _variance(x, axis, ddof, keepdims, dtype, where, mean, correction)

    def backward(g):
        return (g.reshape(small) * 2 / divisor * centred,)

    return v, backward


@op(inputs=1, numpy=np.std, method=True, flops=4)
def std(
    x: ArrayLike,
    axis: Axes = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: ArrayLike = True,
    mean: ArrayLike | None = None,
    correction: float | None = None,
):
    """sqrt(var(x)) along `axis`, with gradient 0 where all elements are equal.

    The shape is x's without these axes; with `keepdims` they stay, with length 1. The other arguments are
    those of `var`. ValueError for both `ddof` and `correction`, TypeError for an `out`, which np.std takes.
    """
    if dtype is not None or out is not None:
        check_places(dtype, out)
        if of_integers(dtype):
            return _of_integers(np.std, x, axis, dtype, ddof, keepdims, where, mean, correction), None
    elif x.dtype.char not in "fdg":
        return widened(
            std.body, x, axis, None, None, ddof, keepdims, where=where, mean=mean, correction=correction
        )
    v, centred, divisor, small = _variance(x, axis, ddof, keepdims, dtype, where, mean, correction)

    def backward(g):
        root = np.sqrt(np.where(v == 0, np.inf, v))  # of v, not of the result: of any order 0 where v is
        return ((g / root).reshape(small) / divisor * centred,)

    return np.sqrt(v), backward


def _of_integers(fn, x, axis, dtype, ddof, keepdims, where, mean, correction):
    ddof = ddof if correction is None else correction
    return fn(x, axis, dtype, None, ddof, keepdims, where=where, mean=NONE if mean is None else mean)


def _variance(x, axis, ddof, keepdims, dtype, where, mean, correction):
    """The variance, the deviations from the mean, n - ddof, and the shape with 1 for each reduced axis."""
    if correction is not None:
        if ddof:
            raise ValueError("ddof and correction are two names of one number, and both are given")
        ddof = correction
    ddof = float(ddof)  # not an array of integers, which would widen float32
    if dtype is not None:
        x = x.astype(dtype)
    if where is True and mean is None:
        shift = add_up(x, axis, None, None, True)
        small, count = shift.shape, x.size // (shift.size or 1)
        shift = shift / count
        centred = x - shift
        total = _square_sums(centred, axis, small, count)
        if x.ndim:
            _recentre(centred, total, shift, axis, count)
        divisor = max(count - ddof, 0)
        v = total / divisor
    else:
        small, count = reduced(x.shape, axis)
        centred, count = _masked_deviations(x, axis, where, mean, count)
        divisor = max(count - ddof, 0) if where is True else np.maximum(count - ddof, 0)
        v = np.add.reduce(centred * centred, axis, None, None, True) / divisor
    return v if keepdims else v.reshape(without(x.shape, axis)), centred, divisor, small


def _masked_deviations(x, axis, where, mean, count):
    """The deviations from a given mean, or from that of the elements of a mask, and how many there are."""
    if where is not True:
        count = counted(x.shape, axis, True, where, x.dtype)
    if mean is not None:
        centred = (x - mean).astype(x.dtype)
        return centred if where is True else np.where(where, centred, 0), count
    centred = np.where(where, x - added(x, axis, None, True, None, where) / count, 0)
    again = centred - np.add.reduce(centred, axis, None, None, True) / count  # as in _recentre
    return np.where(where, again, 0), count


@opaque
def _recentre(centred, total, shift, axis, count):
    """Do it again where the mean is far larger than the spread, so that what it was rounded by matters."""
    scale = math.sqrt(count) / 16
    if total.size <= 16:  # in half the time
        pairs = zip(shift.ravel().tolist(), total.ravel().tolist(), strict=True)
        far: Any = any([abs(mean) * scale > math.sqrt(square) for mean, square in pairs])
    else:
        far = np.count_nonzero(np.absolute(shift) * scale > np.sqrt(total))
    if far:
        for _ in range(2):  # a sum over the first of several axes is so inaccurate that once is not enough
            centred -= np.add.reduce(centred, axis, None, None, True) / count
        total[...] = np.add.reduce(centred * centred, axis, None, None, True)


def _square_sums(x, axis, small, count):
    """Sums of squares along `axis`; of many short rows by einsum, which makes no array of the squares.

    An array of its own, which may be written to.
    """
    if x.size <= FEW or count > 1024:
        return add_up(x * x, axis, None, None, True)
    letters = "abcdefghijklmnopqrstuvwxyz"[: x.ndim]
    kept = "".join(c for c, n, m in zip(letters, small, x.shape, strict=True) if n == m)
    return np.einsum(f"{letters},{letters}->{kept}", x, x).reshape(small) + 0
