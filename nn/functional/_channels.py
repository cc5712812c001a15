"""Passes over arrays (N, C, L) with a mean and a deviation for each channel, or for each item and channel.

A table of shape (5, 1, C) or (5, N, C) says what is known of the channels: the mean in two parts, `hi`
in the precision of x and `lo`, what that leaves out; `r` = 1 / sqrt(var + eps); `var`; and whether a mean is
large beside its deviation, in one number for all. These kernels take ndarrays and work on blocks that stay in
the cache. Sums over a block are products with ones, those over blocks are float64.
"""

from __future__ import annotations

import numpy as np

from ...autograd.arrays import opaque
from ...autograd.kernels import SMALLEST_BUFFER, ones

HI, LO, R, VAR, LARGE = range(5)
SHORT = 16  # below so many numbers to a channel sums are taken of rows of C * L numbers, item by item
LONG = 512  # from so many on, a number for each channel is read as such; else it is written out
BLOCK = 1 << 18  # numbers of a block: a quarter of them takes a quarter longer, by calls

quietly = np.errstate(all="ignore")  # inf and nan go their way, as in PyTorch; undoes setbufsize too


@quietly
def times(a, b, dtype):
    """a * b, without a word where that is inf times 0 or too large."""
    return (a * b).astype(dtype)


def fill(table, mean, var, eps):
    """Say in the table what mean and variance, float64, the channels have."""
    square = var + eps
    table[HI] = mean
    table[LO] = mean - table[HI]
    table[R] = 1 / np.sqrt(square)
    table[VAR] = var
    table[LARGE] = is_large(mean, square)


def is_large(mean, square):
    """Whether a mean is above four deviations, beside which x * a + d would lose digits. nan is large."""
    return not (mean * mean <= 16 * square).all()


def blocks(n, c, width):
    """Pairs of slices, of items and of channels."""
    if c * width <= BLOCK:
        step = max(1, BLOCK // max(1, c * width))
        return [(slice(i, i + step), slice(None)) for i in range(0, n, step)]
    step = max(1, BLOCK // width)
    return [(slice(i, i + 1), slice(j, j + step)) for i in range(n) for j in range(0, c, step)]


def pieces(arrays, coefficients):
    """Blocks of arrays (N, C, L), each with its part of coefficients (1 or N, C or groups)."""
    n, c, width = arrays[0].shape
    dtype = arrays[0].dtype
    coefficients = [to_channels(a, c) for a in coefficients]
    if width < LONG and all([len(a) == 1 for a in coefficients]):
        arrays = [x.reshape(n, c * width) for x in arrays]
        rows = [(a[0] if width == 1 else np.repeat(a[0], width)).astype(dtype) for a in coefficients]
        columns = max(1, min(c * width, BLOCK // 4))
        step = max(1, BLOCK // columns)
        if columns >= LONG:
            np.setbufsize(SMALLEST_BUFFER)
        for j in range(0, c * width, columns):
            part = [a[j : j + columns] for a in rows]
            for i in range(0, n, step):
                yield [x[i : i + step, j : j + columns] for x in arrays], part
        return
    if width >= LONG:
        np.setbufsize(SMALLEST_BUFFER)
    coefficients = [a.astype(dtype)[:, :, None] for a in coefficients]
    for items, channels in blocks(n, c, width):
        part = [a[items if len(a) > 1 else slice(None), channels] for a in coefficients]
        yield [x[items, channels] for x in arrays], part


def to_channels(a, c):
    """(N, groups) as (N, C)."""
    return a if a.shape[-1] == c else np.repeat(a, c // a.shape[-1], axis=-1)


@opaque
@quietly
def scale(y, x, table, a, d):
    """y = (x - mean) * a + d, where a and d may be None for 1 / deviation and 0."""
    c = x.shape[1]
    r = to_channels(table[R], c)
    a = r if a is None else r * a
    d = np.zeros_like(a[:1]) if d is None else d[None]
    if table[LARGE].any():
        for (out, part), (hi, lo, times, plus) in pieces((y, x), (table[HI], table[LO], a, d)):
            np.subtract(part, hi, out)
            np.subtract(out, lo, out)
            np.multiply(out, times, out)
            np.add(out, plus, out)
        return
    d = d - to_channels(table[HI] + table[LO], c) * a
    for (out, part), (times, plus) in pieces((y, x), (a, d)):
        np.multiply(part, times, out)
        np.add(out, plus, out)


@opaque
@quietly
def combine(dx, g, x, table, weight, b, d):
    """dx = g * weight / deviation + (x - mean) * b + d."""
    a = to_channels(table[R], x.shape[1])
    a = a if weight is None else a * weight
    if table[LARGE].any():
        for (out, seed, part), (hi, lo, *each) in pieces((dx, g, x), (table[HI], table[LO], a, b, d)):
            t = part - hi
            np.subtract(t, lo, t)
            _add_up(out, seed, t, *each)
        return
    d = d - (table[HI] + table[LO]) * b
    for (out, seed, part), each in pieces((dx, g, x), (a, b, d)):
        _add_up(out, seed, part, *each)


def _add_up(out, g, x, a, b, d):
    t = x * b
    np.multiply(g, a, out)
    np.add(out, t, out)
    np.add(out, d, out)


@opaque
@quietly
def gradient_sums(sums, g, x, table):
    """sums[0] = sum(g), sums[1] = sum(g (x - mean)) for each channel; over all items if the table is."""
    large, c = table[LARGE].any(), x.shape[1]
    hi, lo = to_channels(table[HI], c), to_channels(table[LO], c)
    sums[0], sums[1] = found = products(g, x, (hi, lo) if large else (), table.shape[1] == 1)
    if not large:
        sums[1] -= (hi + lo) * found[0]


def products(g, x, less, of_all):
    """Sums over L of g and of g (x - less), for each item and channel, or of_all items for each channel.

    g = None stands for x - less.
    """
    n, c, width = x.shape
    if of_all and width < SHORT:
        return _of_rows(g, x, less)
    one = ones(width, x.dtype)
    sums, squares = np.zeros((2, 1 if of_all else n, c))
    less = [a.astype(x.dtype)[:, :, None] for a in less]
    for items, channels in blocks(n, c, width):
        t = x[items, channels]
        for a in less:
            t = t - a[items if len(a) > 1 else slice(None), channels]
        part = t if g is None else g[items, channels]
        found = part @ one, np.vecdot(part, t) if width >= SHORT else (part * t) @ one
        for total, mine in zip((sums, squares), found, strict=True):
            if of_all:
                total[0, channels] += mine.sum(axis=0)
            else:
                total[items, channels] = mine
    return sums, squares


def _of_rows(g, x, less):
    n, c, width = x.shape
    sums, squares = np.zeros((2, c * width))
    arrays = (x,) if g is None else (x, g)
    for (t, *given), less_here in (
        pieces(arrays, less) if c * width <= BLOCK // 4 else _by_items(arrays, less)
    ):
        for a in less_here:
            t = t - a
        part = given[0] if given else t
        one = ones(len(t), x.dtype)
        sums += one @ part
        squares += one @ (part * t)
    if width != 1:
        return sums.reshape(1, c, width).sum(axis=2), squares.reshape(1, c, width).sum(axis=2)
    return sums[None], squares[None]


def _by_items(arrays, less):
    """As `pieces`, of rows too long to be blocks: one item at a time."""
    n, c, width = arrays[0].shape
    less = [np.repeat(a[0], width).astype(arrays[0].dtype) for a in less]
    for i in range(n):
        yield [x[i].reshape(1, c * width) for x in arrays], less


def moments(x, eps, of_all):
    """Mean and variance over L, (N, C), or over items too, (1, C), float64."""
    share = 1 / max(1, x.shape[2] * (len(x) if of_all else 1))
    sums, squares = products(None, x, (), of_all)
    mean = sums * share
    var = squares * share
    var -= mean * mean
    if is_large(mean, var + eps):  # of the variance little is left: once more, without the mean
        hi = mean.astype(x.dtype)
        sums, squares = products(None, x, (hi,), of_all)
        rest = sums * share
        mean, var = hi + rest, squares * share - rest * rest
    return mean, np.maximum(var, 0, out=var)
