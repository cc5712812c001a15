"""Correlation of an array with kernels, and its two adjoints, which are all that a convolution is made of.

    y[n, o, p] = sum over c and t of w[o, c, t] x[n, c, stride p + dilation t - padding]

`correlate` gives y; `spread` the gradient of x from that of y, which is also what a transposed convolution
computes; `weigh` the gradient of w. The plain forms are sums over the kernel's taps.
"""

from __future__ import annotations

import math
from itertools import product
from typing import NamedTuple

import numpy as np

from ...autograd.adding import zeros_to_add
from ...autograd.arrays import opaque
from . import _correlate_band as band
from . import _correlate_rows as rows

PHASES = 9  # of strides with more, kernels are scattered as one


class Geometry(NamedTuple):
    """How kernels move over an array: of each axis their length, step, (before, after) and spacing."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int = 1

    def span(self, axis: int) -> int:
        """How many elements a kernel reaches over."""
        return self.dilation[axis] * (self.kernel[axis] - 1) + 1

    def positions(self, sizes) -> tuple[int, ...]:
        """How many places there are for a kernel along each axis."""
        wide = [n + a + b for n, (a, b) in zip(sizes, self.padding, strict=True)]
        return tuple((n - self.span(i)) // self.stride[i] + 1 for i, n in enumerate(wide))

    def phases(self, sizes, positions):
        """Of an x of these sizes, with y of these positions: for each axis its _Phases."""
        axes = zip(sizes, positions, self.kernel, self.stride, self.padding, self.dilation, strict=True)
        return [_phases(*axis) for axis in axes]


class _Phase(NamedTuple):
    """Every stride-th element of an axis of x meets the same taps of a kernel, at successive places of y.

    What spreads to them is thus a correlation of y, cut and padded, with these taps turned, in steps of 1.
    """

    there: slice  # of x
    taps: slice  # of the kernel, turned
    part: slice  # of y
    padding: tuple[int, int]
    dilation: int


def _phases(size, count, kernel, stride, padding, dilation):
    """Of one axis, those that a tap meets: t of y[p] meets x[i] where i + before = stride p + dilation t."""
    found = []
    common = math.gcd(stride, dilation)
    apart, spacing = stride // common, dilation // common  # of the taps of a phase; of what they meet in y
    for start in range(min(stride, size)):
        place = start + padding[0]
        first = next((t for t in range(min(apart, kernel)) if (place - dilation * t) % stride == 0), None)
        if first is None:
            continue
        length = -(-(size - start) // stride)
        taps = range(first, kernel, apart)
        newest = (place - dilation * first) // stride  # the p that the first tap meets in the first x
        before = spacing * (len(taps) - 1) - newest
        after = newest + length - count
        part = slice(max(0, -before), count - max(0, -after))
        if part.start < part.stop:
            turned = slice(taps[-1], first - 1 if first else None, -apart)
            there = slice(start, None, stride)
            found.append(_Phase(there, turned, part, (max(0, before), max(0, after)), spacing))
    return found


# ------------------------------------------------------------------------------------- tap by tap


def taps(geometry: Geometry, positions):
    """(index of a tap in a kernel, index in a padded array of the elements that it meets)."""
    for tap in np.ndindex(geometry.kernel):
        starts = [t * d for t, d in zip(tap, geometry.dilation, strict=True)]
        moves = zip(starts, geometry.stride, positions, strict=True)
        yield tap, (..., *(slice(a, a + s * (n - 1) + 1, s) for a, s, n in moves))


def surrounded(x, geometry):
    """x with its padding of zeros."""
    return np.pad(x, ((0, 0), (0, 0), *geometry.padding)) if any(map(any, geometry.padding)) else x


def room_for(g, shape, geometry):
    """Zeros in the shape of a padded x, to add to."""
    padded = [n + a + b for n, (a, b) in zip(shape[2:], geometry.padding, strict=True)]
    return zeros_to_add(g, (*shape[:2], *padded))


def without_padding(x, shape, geometry):
    return x[(..., *(slice(a, a + n) for n, (a, _) in zip(shape[2:], geometry.padding, strict=True)))]


def in_groups(x, groups):
    """(N, C, ...) as (N, groups, C / groups, all positions)."""
    return x.reshape((x.shape[0], groups, x.shape[1] // groups, math.prod(x.shape[2:])))


def kernels_in_groups(w, groups):
    return w.reshape((groups, w.shape[0] // groups, *w.shape[1:]))


def correlate_plain(x, w, positions, geometry):
    x = surrounded(x, geometry)
    w = kernels_in_groups(w, geometry.groups)
    y = 0
    for tap, met in taps(geometry, positions):
        y = y + w[(..., *tap)] @ in_groups(x[met], geometry.groups)
    return y.reshape((x.shape[0], w.shape[0] * w.shape[1], *positions))


def spread_plain(g, w, shape, geometry):
    positions = g.shape[2:]
    dx = room_for(g, shape, geometry)
    w = kernels_in_groups(w, geometry.groups)
    g = in_groups(g, geometry.groups)
    for tap, met in taps(geometry, positions):
        dx[met] += (w[(..., *tap)].mT @ g).reshape((*shape[:2], *positions))
    return without_padding(dx, shape, geometry)


def weigh_plain(x, g, geometry):
    positions = g.shape[2:]
    x = surrounded(x, geometry)
    g = in_groups(g, geometry.groups)
    met = [in_groups(x[index], geometry.groups) for _, index in taps(geometry, positions)]
    dw = np.stack([(g @ part.mT).sum(axis=0) for part in met], axis=-1)
    return dw.reshape((dw.shape[0] * dw.shape[1], dw.shape[2], *geometry.kernel))


def channel_sums(g):
    """Of (N, C, ...) over all but C, by BLAS."""
    g = g.reshape((*g.shape[:2], math.prod(g.shape[2:])))
    sums = g @ np.ones_like(g, shape=g.shape[2:])
    return np.ones_like(sums, shape=sums.shape[:1]) @ sums


# ------------------------------------------------------------------------------------------- fast


def correlate(x, w, bias, positions, geometry):
    """With the bias (out,) of the channels, or None."""
    y = np.empty_like(x, shape=(x.shape[0], w.shape[0], *positions), order="C")
    _correlate_into(y, x, w, bias, geometry)
    return y


def spread(g, w, bias, shape, geometry):
    dx = np.empty_like(g, shape=shape, order="C")
    _spread_into(dx, g, w, bias, geometry)
    return dx


def weigh(x, g, geometry):
    shape = (g.shape[1], x.shape[1] // geometry.groups, *geometry.kernel)
    dw = np.empty_like(g, shape=shape, order="C")
    _weigh_into(dw, x, g, geometry)
    return dw


def _is_product(x, geometry):
    """Whether a matrix product for each image does: each element of y comes from the one in its place."""
    once = max(geometry.kernel) == max(geometry.stride) == 1
    return once and not any(map(any, geometry.padding)) and math.prod(x.shape[2:]) >= rows.COLUMNS


def _has_band(w, geometry):
    """Whether each channel has one kernel of its own, of one or two axes."""
    return w.shape[1] == 1 and w.shape[0] == geometry.groups > 1 and len(geometry.kernel) <= 2


@opaque
def _correlate_into(y, x, w, bias, geometry):
    if not (x.size and w.size and y.size):
        y[...] = 0
    elif _is_product(x, geometry):
        kernels = w.reshape((geometry.groups, -1, w.shape[1]))
        np.matmul(kernels, in_groups(x, geometry.groups), out=in_groups(y, geometry.groups))
    elif not (_has_band(w, geometry) and band.correlate(y, x, w, geometry)):
        rows.correlate(y, x, w, bias, geometry)
        return
    _add_bias(y, bias)


@opaque
def _spread_into(dx, g, w, bias, geometry):
    if not (dx.size and w.size and g.size):
        dx[...] = 0
    elif _is_product(g, geometry):
        kernels = w.reshape((geometry.groups, -1, w.shape[1]))
        np.matmul(kernels.mT, in_groups(g, geometry.groups), out=in_groups(dx, geometry.groups))
    elif math.prod(geometry.stride) <= PHASES:
        _spread_by_phases(dx, g, w, bias, geometry)
        return
    else:
        rows.spread(dx, g, w, geometry)
    _add_bias(dx, bias)


def _spread_by_phases(dx, g, w, bias, geometry):
    found = geometry.phases(dx.shape[2:], g.shape[2:])
    whole = max(geometry.stride) == 1
    if math.prod(map(len, found)) < math.prod(map(min, geometry.stride, dx.shape[2:])):
        dx[...] = 0  # no tap meets some phases
        _add_bias(dx, bias)
    for phases in product(*found):
        there, taps, parts, padding, dilation = zip(*phases, strict=True)
        kernels = kernels_in_groups(w[(..., *taps)], geometry.groups).swapaxes(1, 2)
        kernels = kernels.reshape((dx.shape[1], -1, *kernels.shape[3:]))
        once = Geometry(kernels.shape[2:], (1,) * len(taps), padding, dilation, geometry.groups)
        target = dx[(..., *there)]
        made = target if whole else np.empty(target.shape, dx.dtype)
        _correlate_into(made, g[(..., *parts)], kernels, bias, once)
        if not whole:
            target[...] = made


@opaque
def _weigh_into(dw, x, g, geometry):
    if not (x.size and dw.size and g.size):
        dw[...] = 0
    elif not (_has_band(dw, geometry) and band.weigh(dw, x, g, geometry)):
        rows.weigh(dw, x, g, geometry)


def _add_bias(y, bias):
    if bias is not None:
        y += bias.reshape((-1, *[1] * (y.ndim - 2)))
