"""Correlation of an array with kernels, and its two adjoints, which are all that a convolution is made of.

    y[n, o, p] = sum over c and t of w[o, c, t] x[n, c, stride p + dilation t - padding]

`correlate` gives y; `spread` the gradient of x from that of y, which is also what a transposed convolution
computes; `weigh` the gradient of w. The plain forms are sums over the kernel's taps.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from ...autograd.adding import zeros_to_add
from ...autograd.arrays import opaque
from . import _correlate_band as band
from . import _correlate_rows as rows
from ._together import parts, together


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

    def turned(self, sizes, positions) -> Geometry | None:
        """Of the correlation of y with turned kernels that gives the gradient of x, of these sizes.

        y is to have stride - 1 zeros between its elements. None where x is padded by more than a kernel.
        """
        padding = []
        for i, (n, m) in enumerate(zip(sizes, positions, strict=True)):
            before = self.span(i) - 1 - self.padding[i][0]
            padding.append((before, n - 2 - (m - 1) * self.stride[i] + self.span(i) - before))
        once = (1,) * len(padding)
        return None if min(map(min, padding)) < 0 else self._replace(stride=once, padding=tuple(padding))


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
    pieces = parts(len(x), y.size * math.prod(w.shape[1:]))
    together([partial(_correlate_part, y[part], x[part], w, bias, geometry) for part in pieces])


def _correlate_part(y, x, w, bias, geometry):
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
    pieces = parts(len(g), g.size * math.prod(w.shape[1:]))
    together([partial(_spread_part, dx[part], g[part], w, bias, geometry) for part in pieces])


def _spread_part(dx, g, w, bias, geometry):
    turned = geometry.turned(dx.shape[2:], g.shape[2:])
    if not (dx.size and w.size and g.size):
        dx[...] = 0
    elif _is_product(g, geometry):
        kernels = w.reshape((geometry.groups, -1, w.shape[1]))
        np.matmul(kernels.mT, in_groups(g, geometry.groups), out=in_groups(dx, geometry.groups))
    elif turned is not None and (max(geometry.stride) == 1 or _has_band(w, geometry)):
        kernels = kernels_in_groups(np.flip(w, range(2, w.ndim)), geometry.groups).swapaxes(1, 2)
        kernels = kernels.reshape((dx.shape[1], -1, *geometry.kernel))
        _correlate_part(dx, _with_zeros_between(g, geometry.stride), kernels, bias, turned)
        return
    else:
        rows.spread(dx, g, w, geometry)
    _add_bias(dx, bias)


@opaque
def _weigh_into(dw, x, g, geometry):
    pieces = parts(len(g), g.size * math.prod(dw.shape[1:]))
    sums = [dw, *(np.empty_like(dw) for _ in pieces[1:])]
    met = zip(sums, pieces, strict=True)
    together([partial(_weigh_part, made, x[part], g[part], geometry) for made, part in met])
    for made in sums[1:]:
        dw += made


def _weigh_part(dw, x, g, geometry):
    if not (x.size and dw.size and g.size):
        dw[...] = 0
    elif not (_has_band(dw, geometry) and band.weigh(dw, x, g, geometry)):
        rows.weigh(dw, x, g, geometry)


def _with_zeros_between(g, stride):
    if max(stride) == 1:
        return g
    wide = np.zeros(
        (*g.shape[:2], *((n - 1) * s + 1 for n, s in zip(g.shape[2:], stride, strict=True))), g.dtype
    )
    wide[(..., *(slice(None, None, step) for step in stride))] = g
    return wide


def _add_bias(y, bias):
    if bias is not None:
        y += bias.reshape((-1, *[1] * (y.ndim - 2)))
