"""Least squares and pseudo-inverses, under the names of np.linalg."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..arrays import ArrayLike
from ..op import Needs, composed, op
from ..tensor import Tensor
from .triangles import columns_of, cubic, from_lower, refuse_half


@op(inputs=1, numpy=np.linalg.pinv, flops=cubic(20))
def pinv(a: ArrayLike, rcond: ArrayLike | None = None, hermitian: bool = False, *, rtol: Any = np._NoValue):
    """The pseudo-inverse of a of shape (..., m, n): of shape (..., n, m).

    Singular values up to `rcond` (or `rtol`) times the largest are taken for 0; the gradient is that with as
    many of them. `hermitian`: a is symmetric, and its lower triangle is read; the gradient is symmetric then,
    that for symmetric changes of a. ValueError for both `rcond` and `rtol`, LinAlgError where a has one axis,
    TypeError for float16.
    """
    refuse_half(a)
    if len(a.shape) < 2:
        raise np.linalg.LinAlgError(f"takes matrices (..., m, n), not shape {a.shape}")
    options = {} if rtol is np._NoValue else {"rtol": rtol}
    y = np.linalg.pinv(a, rcond, hermitian, **options)
    if rcond is None:
        eps = max(*a.shape[-2:], 1) * float(np.finfo(y.dtype).eps)
        rcond = 1e-15 if rtol is np._NoValue else eps if rtol is None else rtol

    def backward(g):
        if not hermitian:
            return (pinv_gradient(a, y, g, rcond),)
        d = pinv_gradient(from_lower(a), y, g, rcond)
        return ((d + d.mT) / 2,)

    return y, backward


def pinv_gradient(a, p, g, cut):
    """The gradient of a, where g is that of its pseudo-inverse p, with singular values cut off at `cut`."""
    if not a.shape[-1] or not a.shape[-2]:
        return np.zeros_like(a)
    s = np.linalg.svdvals(a)
    top = s[..., :1]
    kept = s > (cut[..., None] if np.ndim(cut) else cut) * top
    gt = g.mT
    rounding = 16 * max(a.shape[-2:]) * float(np.finfo(s.dtype).eps)
    if np.any(~kept & (s > rounding * top)):
        return _of_truncated(a, gt, kept) - p.mT @ g @ p.mT
    q, r = gt @ p @ p.mT, p.mT @ p @ gt
    return q - a @ (p @ q) + r - (r @ p) @ a - p.mT @ g @ p.mT


def _of_truncated(a, gt, kept):
    """What turns the kept singular vectors, where the others are no rounding, adds to the gradient.

    In the basis of all of them it is w_ij (E_ij + x_ij E_ji) by which a change E of a changes p^T, where
    one of i, j is kept.
    """
    u, s, vh = np.linalg.svd(a)
    k = s.shape[-1]
    f = np.where(kept, 1 / np.where(kept, s, 1), 0)

    def pairs(of_row, of_column):
        """Two matrices (m, n): a number for each row and for each column, 0 beyond the k-th."""
        row, column = np.zeros_like(a), np.zeros_like(a)
        row[..., :k, :] = of_row[..., :, None]
        column[..., :, :k] = of_column[..., None, :]
        return row, column

    (si, sj), (fi, fj) = pairs(s, s), pairs(f, f)
    mixed = (fi > 0) != (fj > 0)
    w = np.where(mixed, 1 / np.where(mixed, np.absolute(si * si - sj * sj), 1), 0)
    h = u.mT @ gt @ vh.mT * w
    other = h * (si * fj + sj * fi)
    inner = np.zeros_like(h)
    inner[...] = h
    inner[..., :k, :k] += other[..., :k, :k].mT
    return u @ inner @ vh


class LstsqResult(NamedTuple):
    """What `lstsq` gives, NumPy's tuple with names."""

    x: Tensor
    residuals: Tensor
    rank: Tensor
    s: Tensor


@composed(numpy=np.linalg.lstsq)
def lstsq(a: ArrayLike, b: ArrayLike, rcond: float | None = None) -> LstsqResult:
    """(x, residuals, rank, s): the shortest x for which |b - a x| is least, of a (m, n) and b (m,) or (m, k).

    x has shape (n,) or (n, k). `residuals` are the sums of squares of each column of b - a x, or empty where
    a has not the rank n, or m <= n; s are the singular values of a, of which those up to `rcond` times the
    largest are taken for 0. x, residuals and s have a gradient. LinAlgError for shapes that do not fit,
    TypeError for float16.
    """
    x, residuals, s = _lstsq(a, b, rcond)
    known = s.data
    rank = Tensor((known > _cut(rcond, np.shape(a)) * known[:1]).sum())
    return LstsqResult(x, residuals, rank, s)


def _cut(rcond, shape):
    """What lstsq takes for 0, relative to the largest; NumPy computes float32 in float64."""
    eps = float(np.finfo(float).eps)
    return eps * max(*shape, 1) if rcond is None else rcond if rcond >= 0 else eps


@op(inputs=2, flops=cubic(4))
def _lstsq(needs: Needs, a: ArrayLike, b: ArrayLike, rcond: float | None):
    refuse_half(a, b)
    if len(a.shape) != 2 or len(b.shape) not in (1, 2) or a.shape[0] != b.shape[0]:
        raise np.linalg.LinAlgError(
            f"takes a of shape (m, n) and b of shape (m,) or (m, k), not {a.shape} and {b.shape}"
        )
    x, residuals, _, s = np.linalg.lstsq(a, b, rcond)
    cut, shape = _cut(rcond, a.shape), b.shape
    found = columns_of(x) if math.prod(residuals.shape) else None
    kept = b if needs[0] or found is not None else None

    def backward(g):
        p, columns = np.linalg.pinv(a, cut), None if kept is None else columns_of(kept)
        ga, gb = np.zeros_like(a), np.zeros_like(a, shape=(shape[0], math.prod(shape[1:])))
        if g[0] is not None:
            gx = columns_of(g[0])
            gb = gb + p.mT @ gx
            if needs[0]:
                ga = ga + pinv_gradient(a, p, gx @ columns.mT, cut)
        if g[1] is not None and found is not None:
            rest = 2 * (columns - a @ found) * g[1]
            ga, gb = ga - rest @ found.mT, gb + rest
        if g[2] is not None and needs[0]:
            u, values, vh = np.linalg.svd(a, full_matrices=False)
            ga = ga + (u * (g[2] + 0 * values)) @ vh
        return ga if needs[0] else None, gb.reshape(shape) if needs[1] else None

    return (x, residuals, s), backward
