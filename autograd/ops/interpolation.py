"""Interpolation between points of a line."""

from __future__ import annotations

import numpy as np

from ..adding import add_at
from ..arguments import joined
from ..arrays import ArrayLike, as_array
from ..op import Needs, composed, op
from ..tensor import Tensor
from .arithmetic import remainder
from .index import take
from .joining import concatenate
from .sort import argsort


@composed(numpy=np.interp)
def interp(
    x: ArrayLike,
    xp: ArrayLike,
    fp: ArrayLike,
    left: float | None = None,
    right: float | None = None,
    period: float | None = None,
) -> Tensor:
    """At each x the value between the points (xp, fp), of the shape of x; xp increases.

    Below the first point it is `left`, beyond the last one `right`, by default their values. With `period`,
    x and xp are taken modulo it, xp in any order. Gradients reach x, xp and fp; at a point x gets the slope
    to its right. float32 stays float32. ValueError where xp and fp are not two arrays of one length, or are
    empty, or for a period of 0.
    """
    x, xp, fp = (v if hasattr(v, "dtype") else as_array(v) for v in map(joined, (x, xp, fp)))
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.shape[0]:
        raise ValueError(f"interp: xp and fp are one axis of points, not {xp.shape} and {fp.shape}")
    if period is None:
        return _interp(x, xp, fp, left, right)
    if period == 0:
        raise ValueError("interp: period must not be 0")
    period = abs(period)
    x, xp = remainder(x, period), remainder(xp, period)
    order = argsort(xp)
    xp, fp = take(xp, order), take(fp, order)
    xp = concatenate([xp[-1:] - period, xp, xp[:1] + period])
    return _interp(x, xp, concatenate([fp[-1:], fp, fp[:1]]))


@op(inputs=3, needs=True, flops=8)
def _interp(
    needs: Needs,
    x: ArrayLike,
    xp: ArrayLike,
    fp: ArrayLike,
    left: float | None = None,
    right: float | None = None,
):
    y = np.interp(x, xp, fp, left, right).astype(np.result_type(x.dtype, xp.dtype, fp.dtype, np.float16))
    values, shape = fp if needs[0] or needs[1] else None, x.shape

    def backward(g):
        at, g = x.reshape(-1), g.reshape(-1)
        first, second = _neighbours(at, xp)
        start, width = _of(xp, first), _of(xp, second) - _of(xp, first)
        width = np.where(width > 0, width, 1)
        inside = (at >= xp[0]) & (at <= xp[-1])
        dx = None
        if needs[0] or needs[1]:
            dx = np.where(inside, g * (_of(values, second) - _of(values, first)) / width, 0)
        own = dx.reshape(shape) if needs[0] else None
        if not (needs[1] or needs[2]):
            return own, None, None
        share = np.where(inside, (at - start) / width, at > xp[-1])  # of the second point
        fixed = at != at
        if left is not None:
            fixed |= at < xp[0]
        if right is not None:
            fixed |= at > xp[-1]
        g = np.where(fixed, 0, g)
        dxp = _to_points(xp, first, second, -dx, share) if needs[1] else None
        dfp = _to_points(xp, first, second, g, share) if needs[2] else None
        return own, dxp, dfp

    return y, backward


def _neighbours(at, xp):
    """The points before and after each number, or the two at the end that it is nearest to."""
    last = xp.shape[0] - 1
    first = np.clip(np.searchsorted(xp, at, "right") - 1, 0, max(last - 1, 0))
    return first, np.clip(first + 1, None, last)


def _of(points, indices):
    return np.take_along_axis(points, indices, 0)  # np.take would not see that the indices alone are traced


def _to_points(points, first, second, g, share):
    """What each point gets of g, of which the second of two gets a share."""
    total = np.zeros_like(g, shape=points.shape, dtype=np.result_type(g.dtype, np.float32))
    add_at(total, first, g * (1 - share))
    add_at(total, second, g * share)
    return total
