"""Sums and means of windows, one axis after the other."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from ...autograd import op
from ...autograd.arrays import opaque
from ...autograd.kernels import blocks, row_sums
from ._windows import taps_of

LIMIT = 1 << 17  # numbers in a block of planes, which are to stay in the cache
MANY = 32  # elements of a window along an axis from which on np.sum is faster than one addition for each


@lru_cache(maxsize=256)
def _plan(ndim, axis, size, k, s, p, m):
    """`taps_of` an axis as indices of all axes; those in which all windows lie inside; whether to add."""
    before, behind = (slice(None),) * axis, (slice(None),) * (ndim - axis - 1)
    taps = taps_of(size, k, s, p, 1, m)
    whole = [places for windows, places in taps if windows == slice(0, m)]
    return [((*before, w, *behind), (*before, x, *behind)) for w, x in taps], len(whole) == k


def sums(x, kernel, stride, padding, out):
    """Of the windows on the last axes of x; in plain NumPy."""
    for axis, of_axis in enumerate(zip(kernel, stride, padding, out, strict=True), x.ndim - len(kernel)):
        k, s, p, m = of_axis
        if k == s == 1 and not p:
            continue
        shape = (*x.shape[:axis], m, *x.shape[axis + 1 :])
        taps, inside = _plan(x.ndim, axis, x.shape[axis], *of_axis)
        if inside and k > MANY and k == s:
            x = x[(slice(None),) * axis + (slice(k * m),)]
            x = x.reshape(*shape[: axis + 1], k, *shape[axis + 1 :]).sum(axis=axis + 1)
        elif inside and k > 1:
            total = x[taps[0][1]] + x[taps[1][1]]
            for _, places in taps[2:]:
                total += x[places]
            x = total
        else:
            total = np.zeros_like(x, shape=shape)
            for windows, places in taps:
                total[windows] += x[places]
            x = total
    return x


def spread(g, sizes, kernel, stride, padding):
    """Each element of g added to all elements of its window: the gradient of `sums`; in plain NumPy."""
    n, out = len(kernel), g.shape[g.ndim - len(kernel) :]
    for i in reversed(range(n)):
        axis, size, k, s, p, m = g.ndim - n + i, sizes[i], kernel[i], stride[i], padding[i], out[i]
        if k == s == 1 and not p:
            continue
        taps, _ = _plan(g.ndim, axis, size, k, s, p, m)
        make = np.empty_like if k == s and m * k == size and not p else np.zeros_like
        dx = make(g, shape=(*g.shape[:axis], size, *g.shape[axis + 1 :]))
        for windows, places in taps:
            if s >= k:
                dx[places] = g[windows]
            else:
                dx[places] += g[windows]
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
    if kernel == sizes and not any(padding):  # all of a plane, by BLAS
        y[...] = row_sums(x.reshape(-1, math.prod(sizes))).reshape(y.shape)
        return
    x, y = x.reshape(-1, *sizes), y.reshape(-1, *out)
    for block in blocks(len(x), math.prod(sizes), LIMIT):
        y[block] = sums(x[block], kernel, stride, padding, out)


@opaque
def _put_spread(dx, g, kernel, stride, padding):
    n = len(kernel)
    sizes, out = dx.shape[-n:], g.shape[-n:]
    if kernel == sizes and not any(padding):
        dx[...] = g
        return
    dx, g = dx.reshape(-1, *sizes), g.reshape(-1, *out)
    for block in blocks(len(dx), math.prod(sizes), LIMIT):
        dx[block] = spread(g[block], sizes, kernel, stride, padding)
