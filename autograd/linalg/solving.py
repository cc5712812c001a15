"""Linear equations, inverses and least squares, under the names of np.linalg and scipy.linalg.

NumPy has LAPACK compute float32 in float64 and rounds: that is no faster than float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..arrays import ArrayLike
from ..op import Needs, composed, op
from ..tensor import Tensor
from .triangles import (
    check_square,
    cubic,
    from_lower,
    lower,
    refuse_half,
    solve_lower,
    solve_upper,
    tensor_of,
    upper,
)


@op(inputs=1, numpy=np.linalg.inv, flops=cubic(2))
def inv(a: ArrayLike):
    """The inverse of a of shape (..., n, n), of the same shape.

    LinAlgError where a is singular or not square, TypeError for float16.
    """
    refuse_half(a)
    y = _unless_singular(np.linalg.inv, a)

    def backward(g):
        return (-(y.mT @ g @ y.mT),)

    return y, backward


def _unless_singular(fn, *arrays):
    """fn(*arrays), with a way out in its error."""
    try:
        return fn(*arrays)
    except np.linalg.LinAlgError as error:
        if "ingular" not in str(error):
            raise
        raise np.linalg.LinAlgError(f"{error}; pinv and lstsq take those too") from None


def _check_equations(a, b) -> None:
    """LinAlgError unless a is square, ValueError unless b has as many rows, and stacks that fit."""
    check_square(a)
    rows = 0 if len(b.shape) == 0 else b.shape[-1] if len(b.shape) == 1 else b.shape[-2]
    if rows != a.shape[-1] or len(b.shape) == 0:
        raise ValueError(
            f"a of shape {a.shape} takes b of shape ({a.shape[-1]},) or (..., {a.shape[-1]}, k), "
            f"not {b.shape}; for a stack of vectors write b[..., None]"
        )
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise ValueError(f"the stacks of a {a.shape} and of b {b.shape} do not broadcast") from None


def _solve_flops(factor):
    """Those of the factors of a, and of two triangular equations for each column of the result."""

    def flops(inputs, outputs, attributes):
        a = inputs[0]
        return cubic(factor)(inputs, outputs, attributes) + (2 * a[-1] * math.prod(outputs[0]) if a else 0)

    return flops


def _columns(b):
    """A vector as a matrix of one column."""
    return b[..., None] if len(b.shape) == 1 else b


@op(numpy=np.linalg.solve, flops=_solve_flops(2 / 3))
def solve(needs: Needs, a: ArrayLike, b: ArrayLike):
    """The solution x of a x = b, for a of shape (..., n, n) and b of shape (n,) or (..., n, k).

    As in NumPy 2, b is a vector only if it has one axis; x then has shape (..., n), else (..., n, k).
    The gradient solves another equation and is as costly, for NumPy does not hand out the factors.
    LinAlgError where a is singular or not square, ValueError for shapes that do not fit, TypeError for
    float16.
    """
    refuse_half(a, b)
    _check_equations(a, b)
    vector = len(b.shape) == 1
    x = _unless_singular(np.linalg.solve, a, b)
    found = x if needs[0] else None

    def backward(g):
        gb = np.linalg.solve(a.mT, g[..., None] if vector else g)
        if not needs[0]:
            return None, gb[..., 0] if vector else gb
        ga = -(gb @ (found[..., None] if vector else found).mT)
        return ga, (gb[..., 0] if vector else gb) if needs[1] else None

    return x, backward


@op(inputs=2, flops=_solve_flops(0))
def solve_triangular(
    needs: Needs,
    a: ArrayLike,
    b: ArrayLike,
    trans: int | str = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
):
    """The solution x of a x = b with the upper triangle of a, or its `lower` one; nothing else of a is read.

    Shapes are those of `solve`. `trans` 1 or "T": of a^T x = b. `unit_diagonal`: the diagonal is taken for
    ones. NumPy alone is used: blocks of 64 rows are left to np.linalg.solve. LinAlgError where a is
    singular or not square, ValueError for shapes that do not fit or another `trans`, TypeError for float16.
    """
    refuse_half(a, b)
    _check_equations(a, b)
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise ValueError(f"trans is 0 or 'N', 1 or 'T', 2 or 'C', not {trans!r}")
    turned = trans not in (0, "N")
    t = _triangle(a, lower, unit_diagonal)
    t = t.mT if turned else t
    low, vector = lower != turned, len(b.shape) == 1
    x = (solve_lower if low else solve_upper)(t, _columns(b))
    found = x if needs[0] else None

    def backward(g):
        gb = (solve_upper if low else solve_lower)(t.mT, g[..., None] if vector else g)
        ga = None
        if needs[0]:
            ga = -(gb @ found.mT)
            ga = _triangle(ga.mT if turned else ga, lower, unit_diagonal, 0)
        return ga, (gb[..., 0] if vector else gb) if needs[1] else None

    return x[..., 0] if vector else x, backward


def _triangle(a, low, unit_diagonal, one=1):
    """The lower or upper triangle of a, on its diagonal perhaps `one`."""
    t = lower(a) if low else upper(a)
    return np.where(np.eye(a.shape[-1], dtype=bool, like=a), one, t) if unit_diagonal else t


@op(inputs=1, numpy=np.linalg.pinv, flops=cubic(20))
def pinv(a: ArrayLike, rcond: ArrayLike | None = None, hermitian: bool = False, *, rtol: Any = np._NoValue):
    """The pseudo-inverse of a of shape (..., m, n): of shape (..., n, m).

    Singular values up to `rcond` (or `rtol`) times the largest are taken for 0; the gradient is that with as
    many of them. `hermitian`: a is symmetric, and its lower triangle is read. ValueError for both `rcond` and
    `rtol`, LinAlgError where a has one axis, TypeError for float16.
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
    found = _columns(x) if math.prod(residuals.shape) else None
    kept = b if needs[0] or found is not None else None

    def backward(g):
        p, columns = np.linalg.pinv(a, cut), None if kept is None else _columns(kept)
        ga, gb = np.zeros_like(a), np.zeros_like(a, shape=(shape[0], math.prod(shape[1:])))
        if g[0] is not None:
            gx = _columns(g[0])
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


@composed(numpy=np.linalg.tensorinv)
def tensorinv(a: ArrayLike, ind: int = 2) -> Tensor:
    """The inverse of a as a map from its last axes to its first `ind`.

    Its shape is a.shape[ind:] + a.shape[:ind]; the products of the lengths in these parts are equal.
    ValueError for an `ind` below 1, LinAlgError where a is singular or its parts differ, TypeError for
    float16.
    """
    a = tensor_of(a)
    if ind < 1:
        raise ValueError(f"tensorinv: ind is the number of first axes, 1 or more, not {ind} (a: {a.shape})")
    n = math.prod(a.shape[ind:])
    if a.size != n * n:
        raise np.linalg.LinAlgError(
            f"tensorinv: the first {ind} axes of {a.shape} have not as many elements as the others"
        )
    return np.linalg.inv(a.reshape(n, n)).reshape(a.shape[ind:] + a.shape[:ind])


@composed(numpy=np.linalg.tensorsolve)
def tensorsolve(a: ArrayLike, b: ArrayLike, axes: Sequence[int] | None = None) -> Tensor:
    """The solution x of tensordot(a, x, x.ndim) = b, of shape a.shape[b.ndim:].

    `axes` of a are first moved to its end. LinAlgError where a is singular, or its shape is not that of b
    and as many elements, TypeError for float16.
    """
    a, b = tensor_of(a), tensor_of(b)
    if axes is not None:
        order = list(range(a.ndim))
        for axis in axes:
            order.remove(axis)
            order.append(axis)
        a = a.transpose(tuple(order))
    shape = a.shape[b.ndim :]
    n = math.prod(shape)
    if a.size != n * n or b.size != n:
        raise np.linalg.LinAlgError(
            f"tensorsolve: a of shape {a.shape} and b of shape {b.shape} make no square matrix: the first "
            f"{b.ndim} axes of a and the others need as many elements as b"
        )
    return np.linalg.solve(a.reshape(n, n), b.reshape(n)).reshape(shape)
