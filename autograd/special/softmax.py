"""Softmax and the logarithms of sums of exponentials, under SciPy's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import ArrayLike, Axes, opaque
from ..kernels import CHUNK, blocks, exp_sums, less_rows, row_dots, row_sums, times_rows
from ..op import Needs, composed, op
from ..ops.index import where
from ..ops.reduce import reduced, widened, without
from .borrowed import in_float

ROWS = 4 * CHUNK  # numbers of a block: more of them would leave the cache, and fewer be slow by calls


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
    if not _is_of_rows(x, axis):
        return softmax_plain(x, axis)
    shape, x = x.shape, x.reshape(-1, x.shape[-1])
    y = np.empty_like(x)
    for block in blocks(*x.shape, ROWS):
        total, _ = exp_sums(x[block], y[block])
        times_rows(y[block], y[block], 1 / total)

    def backward(g):  # dx = (g - <g, y>) y
        g = g.reshape(y.shape)
        made = np.empty_like(y, shape=shape, order="C")
        dx = made.reshape(y.shape)
        for block in blocks(*y.shape, ROWS):
            less_rows(dx[block], g[block], row_dots(g[block], y[block]))
            dx[block] *= y[block]
        return (made,)  # a view the engine would copy

    return y.reshape(shape), backward


def _is_of_rows(x, axis):
    """Whether the fast forms are for these arguments."""
    return bool(x.ndim and axis in (-1, x.ndim - 1) and x.size and x.dtype.char in "fd")


def log_softmax_plain(needs, x, axis=None):
    if x.dtype.char not in "fdg":
        return widened(lambda x, axis: log_softmax_plain(needs, x, axis), x, axis)
    if not x.size:
        return np.empty_like(x), lambda g: (g,)
    y = x - x.max(axis=axis, keepdims=True)
    y -= np.log(np.exp(y).sum(axis=axis, keepdims=True))

    def backward(g):  # dx = g - sum(g) softmax(x)
        return (g - np.exp(y) * g.sum(axis=axis, keepdims=True),)

    return y, backward


@op(needs=True, plain=log_softmax_plain, flops=6)
def log_softmax(needs: Needs, x: ArrayLike, axis: Axes = None):
    """x - log(sum(exp(x))) along `axis` (an axis, several, or None for all), of the shape of x.

    Shifted by the maximum where something might overflow.
    """
    if not _is_of_rows(x, axis):
        return log_softmax_plain(needs, x, axis)
    shape, x = x.shape, x.reshape(-1, x.shape[-1])
    y = np.empty_like(x)
    e = np.empty_like(x) if needs[0] else y  # kept in place of y, which may go
    total = np.empty_like(x, shape=x.shape[:1])
    for block in blocks(*x.shape, ROWS):
        total[block], shift = exp_sums(x[block], e[block])
        less_rows(y[block], x[block], np.log(total[block]) + shift)

    def backward(g):  # dx = g - sum(g) softmax(x)
        g = g.reshape(e.shape)
        made = np.empty_like(e, shape=shape, order="C")
        dx = made.reshape(e.shape)
        for block in blocks(*e.shape, ROWS):
            times_rows(dx[block], e[block], row_sums(g[block]) / -total[block])
            dx[block] += g[block]
        return (made,)  # a view the engine would copy

    return y.reshape(shape), backward


@composed(inputs=1)
def logsumexp(
    a: ArrayLike,
    axis: Axes = None,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    return_sign: bool = False,
) -> Any:
    """log(sum(b exp(a))) along `axis` (an axis, several, or None for all), b being 1 unless given.

    The shape is a's, broadcast with b's, without these axes; with `keepdims` they stay, with length 1. Where
    b makes the sum negative the result is nan; with `return_sign` it is that of |sum|, and there are two: the
    sign, a constant, comes after it. Elements whose b is 0 do not count. Shifted by the maximum, so that
    nothing overflows.
    """
    if b is None and not return_sign:
        return _logsumexp(a, axis, keepdims)
    y, sign = _logsumexp_weighted(a, 1.0 if b is None else b, axis, keepdims)
    return (y, sign.detach()) if return_sign else where(sign < 0, np.nan, y)


@op(inputs=1, flops=6)
def _logsumexp(x: ArrayLike, axis: Axes = None, keepdims: bool = False):
    if x.dtype.char not in "fdg":
        return widened(_logsumexp.body, x, axis, keepdims)
    small, _ = reduced(x.shape, axis)
    top = x.max(axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)  # a row of -inf gives -inf, not nan
    p = np.exp(x - top)
    total = p.sum(axis=axis, keepdims=True)
    top = np.where(total == 0, -np.inf, top)
    total = np.where(total == 0, 1, total)
    y = np.log(total) + top
    if x.ndim:
        _refine(y, p, total, top, axis)

    def backward(g):  # softmax(x); 0 where every element is -inf
        return (g.reshape(small) * p / total,)

    return y if keepdims else y.reshape(without(x.shape, axis)), backward


@opaque
def _refine(y, p, total, top, axis):
    """Where the result is close to 0, by what is beside the largest, whose digits a sum with 1 would lose."""
    near = (total < 1.5) & (np.absolute(y) < 0.5)
    if near.any():
        rest = np.where(p == 1, 0, p).sum(axis=axis, keepdims=True)
        y[...] = np.where(near, np.log1p(rest) + top, y)


@op(inputs=2, needs=True, several=True, flops=8)
@in_float
def _logsumexp_weighted(needs: Needs, x: ArrayLike, b: ArrayLike, axis: Axes = None, keepdims: bool = False):
    off = b == 0
    seen = np.where(off, -np.inf, x)
    shape = seen.shape
    small, _ = reduced(shape, axis)
    top = seen.max(axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    terms = b * np.exp(seen - top)
    total = terms.sum(axis=axis, keepdims=True)
    nothing = np.absolute(terms).max(axis=axis, keepdims=True, initial=0) == 0
    size = np.where(total == 0, 1, np.absolute(total))
    y = np.where(total == 0, -np.inf, np.log(size) + top)
    sign = np.sign(total)
    total = np.where(nothing, 1, total)
    terms = terms if needs[0] else None
    x, top = (np.broadcast_to(x, shape), top) if needs[1] else (None, None)

    def backward(g):
        g = np.zeros_like(total) if g[0] is None else g[0].reshape(small)
        g = g / total
        return g * terms if needs[0] else None, g * np.exp(x - top) if needs[1] else None

    if not keepdims:
        y, sign = (a.reshape(without(shape, axis)) for a in (y, sign))
    return (y, sign), backward
