"""Sums and means of windows, one axis after the other."""

from __future__ import annotations

import math

import numpy as np

from ...autograd import op
from ...autograd.arrays import opaque
from ...autograd.kernels import blocks
from ._windows import taps_of

MANY = 32  # elements of a window along an axis from which on np.sum is faster than one addition for each


def _on(ndim, axis, part):
    return (slice(None),) * axis + (part,) + (slice(None),) * (ndim - axis - 1)


def sums(x, kernel, stride, padding, out):
    """Of the windows on the last axes of x; in plain NumPy."""
    for axis, of_axis in enumerate(zip(kernel, stride, padding, out, strict=True), x.ndim - len(kernel)):
        k, s, p, m = of_axis
        if k == s == 1 and not p:
            continue
        size, ndim, shape = x.shape[axis], x.ndim, (*x.shape[:axis], m, *x.shape[axis + 1 :])
        if k == s and not p and k * m <= size and k > MANY:
            inside = x[_on(ndim, axis, slice(k * m))]
            x = inside.reshape(*shape[:axis], m, k, *shape[axis + 1 :]).sum(axis=axis + 1)
            continue
        total = np.zeros_like(x, shape=shape)
        for windows, places in taps_of(size, k, s, p, 1, m):
            total[_on(ndim, axis, windows)] += x[_on(ndim, axis, places)]
        x = total
    return x


def spread(g, sizes, kernel, stride, padding):
    """Each element of g added to all elements of its window: the gradient of `sums`; in plain NumPy."""
    n, out = len(kernel), g.shape[g.ndim - len(kernel) :]
    for i in reversed(range(n)):
        axis, size, k, s, p, m = g.ndim - n + i, sizes[i], kernel[i], stride[i], padding[i], out[i]
        if k == s == 1 and not p:
            continue
        ndim, shape = g.ndim, (*g.shape[:axis], size, *g.shape[axis + 1 :])
        dx = np.zeros_like(g, shape=shape)
        for windows, places in taps_of(size, k, s, p, 1, m):
            if s >= k:
                dx[_on(ndim, axis, places)] = g[_on(ndim, axis, windows)]
            else:
                dx[_on(ndim, axis, places)] += g[_on(ndim, axis, windows)]
        g = dx
    return g


def avg_pool_plain(x, kernel, stride, padding, out, divisor):
    sizes = x.shape[-len(kernel) :]

    def backward(g):
        return (spread(g / divisor, sizes, kernel, stride, padding),)

    return sums(x, kernel, stride, padding, out) / divisor, backward


def _sum_flops(inputs, outputs, attributes):
    """The axes before an axis are pooled already, those behind it are not."""
    x, y, kernel = inputs[0], outputs[0], attributes["kernel"]
    n = len(kernel)
    first = len(x) - n
    return sum(math.prod(y[: first + i + 1]) * math.prod(x[first + i + 1 :]) * kernel[i] for i in range(n))


@op(inputs=1, plain=avg_pool_plain, flops=_sum_flops)
def _avg_pool(x, kernel, stride, padding, out, divisor):
    """The sum of each window by `divisor`, a number or an array of one for each window."""
    n = len(kernel)
    shape = x.shape
    y = np.empty_like(x, shape=(*shape[:-n], *out), order="C")
    _put_sums(y, x, kernel, stride, padding)
    y /= divisor

    def backward(g):
        dx = np.empty_like(g, shape=shape, order="C")
        _put_spread(dx, g / divisor, kernel, stride, padding)
        return (dx,)

    return y, backward


@opaque
def _put_sums(y, x, kernel, stride, padding):
    n = len(kernel)
    sizes, out = x.shape[-n:], y.shape[-n:]
    x, y = x.reshape(-1, *sizes), y.reshape(-1, *out)
    for block in blocks(len(x), math.prod(sizes)):
        y[block] = sums(x[block], kernel, stride, padding, out)


@opaque
def _put_spread(dx, g, kernel, stride, padding):
    n = len(kernel)
    sizes, out = dx.shape[-n:], g.shape[-n:]
    dx, g = dx.reshape(-1, *sizes), g.reshape(-1, *out)
    for block in blocks(len(dx), math.prod(sizes)):
        dx[block] = spread(g[block], sizes, kernel, stride, padding)
