"""Softmax and the logarithms of sums of exponentials, under SciPy's names."""

from __future__ import annotations

import numpy as np

from ..arrays import ArrayLike, Axes
from ..kernels import blocks, exp_sums, row_sums
from ..op import op
from ..ops.reduce import reduced, widened, without


def softmax_plain(x, axis=None):
    if x.dtype.char not in "fdg":
        return widened(softmax_plain, x, axis)
    y = np.empty_like(x)  # an array where x is 0-d, too
    np.subtract(x, x.max(axis=axis, keepdims=True, initial=-np.inf), out=y)
    np.exp(y, out=y)
    y /= y.sum(axis=axis, keepdims=True)

    def backward(g):  # dx = (g - <g, y>) y
        dx = g * y
        dx -= dx.sum(axis=axis, keepdims=True) * y
        return (dx,)

    return y, backward


@op(inputs=1, plain=softmax_plain, flops=6)
def softmax(x: ArrayLike, axis: Axes = None):
    """exp(x) / sum(exp(x)) along `axis` (an axis, several, or None for all), of the shape of x.

    Shifted by the maximum where something might overflow.
    """
    if axis not in (-1, x.ndim - 1) or not x.ndim or not x.size or x.dtype.char not in "fd":
        return softmax_plain(x, axis)
    shape, x = x.shape, x.reshape(-1, x.shape[-1])
    y = np.empty_like(x)
    for block in blocks(*x.shape):
        total, _ = exp_sums(x[block], y[block])
        y[block] *= (1 / total)[:, None]

    def backward(g):
        dx = g.reshape(y.shape) * y
        dx -= y * row_sums(dx)[:, None]
        return (dx.reshape(shape),)

    return y.reshape(shape), backward


@op(inputs=1, flops=6)
def log_softmax(x: ArrayLike, axis: Axes = None):
    """x - log(sum(exp(x))) along `axis` (an axis, several, or None for all), of the shape of x.

    Shifted by the maximum, so that nothing overflows.
    """
    if x.dtype.char not in "fdg":
        return widened(log_softmax.body, x, axis)
    if not x.size:
        return np.empty_like(x), lambda g: (g,)
    y = x - x.max(axis=axis, keepdims=True)
    y -= np.log(np.exp(y).sum(axis=axis, keepdims=True))

    def backward(g):  # dx = g - sum(g) softmax(x)
        return (g - np.exp(y) * g.sum(axis=axis, keepdims=True),)

    return y, backward


@op(inputs=1, flops=6)
def logsumexp(x: ArrayLike, axis: Axes = None, keepdims: bool = False):
    """log(sum(exp(x))) along `axis` (an axis, several, or None for all).

    The shape is x's without these axes; with `keepdims` they stay, with length 1.
    Shifted by the maximum, so that nothing overflows.
    """
    if x.dtype.char not in "fdg":
        return widened(logsumexp.body, x, axis, keepdims)
    small, _ = reduced(x.shape, axis)
    top = x.max(axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)  # a row of -inf gives -inf, not nan
    p = np.exp(x - top)
    total = p.sum(axis=axis, keepdims=True)
    top = np.where(total == 0, -np.inf, top)
    total = np.where(total == 0, 1, total)
    y = np.log(total) + top

    def backward(g):  # softmax(x); 0 where every element is -inf
        return (g.reshape(small) * p / total,)

    return y if keepdims else y.reshape(without(x.shape, axis)), backward
