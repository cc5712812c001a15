"""Determinants, ranks and condition numbers, under the names of np.linalg."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import ArrayLike
from ..constant import constant
from ..op import composed, op
from ..tensor import Tensor
from .spectra import inverse_or_nan
from .triangles import check_square, cubic, refuse_half, tensor_of

matrix_rank = constant(np.linalg.matrix_rank)


class SlogdetResult(NamedTuple):
    """What `slogdet` gives."""

    sign: Tensor
    logabsdet: Tensor


def _cofactors(a, y, of_singular):
    """The gradient of det(a) = y: what each element is multiplied with in it."""
    singular = y == 0
    if not np.any(singular):
        return y[..., None, None] * np.linalg.inv(a).mT
    singular = singular[..., None, None]
    eye = np.eye(a.shape[-1], dtype=a.dtype, like=a)
    usual = y[..., None, None] * np.linalg.inv(np.where(singular, eye, a)).mT
    return np.where(singular, of_singular(a), usual)


def _by_svd(a):
    """The cofactors from the singular values, of which some may be 0."""
    finite = np.isfinite(a).all(axis=(-2, -1), keepdims=True)
    u, s, vh = np.linalg.svd(np.where(finite, a, 0))
    others = np.where(np.eye(a.shape[-1], dtype=bool, like=a), 1, s[..., None, :]).prod(axis=-1)
    sign = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    return np.where(finite, sign * ((u * others[..., None, :]) @ vh), np.nan)


def _by_minors(a):
    """The same as determinants with a row and a column left out, which can be differentiated again.

    They take n^4 numbers.
    """
    n = a.shape[-1]
    i = np.arange(n, like=a)
    rows = i[: n - 1] + (i[: n - 1] >= i[:, None])
    minors = np.linalg.det(a[..., rows[:, None, :, None], rows[None, :, None, :]])
    return minors * (1 - 2 * ((i + i[:, None]) % 2)).astype(a.dtype)


def det_plain(a):
    refuse_half(a)
    y = np.linalg.det(a)

    def backward(g):
        return (g[..., None, None] * _cofactors(a, y, _by_minors),)

    return y, backward


@op(inputs=1, numpy=np.linalg.det, plain=det_plain, flops=cubic(2 / 3))
def det(a: ArrayLike):
    """The determinant: of shape (...) for a of shape (..., n, n).

    The gradient, the cofactors, is right for singular matrices too; its own derivative then takes n^4
    numbers. LinAlgError where a is not square, TypeError for float16.
    """
    refuse_half(a)
    y = np.linalg.det(a)

    def backward(g):
        return (g[..., None, None] * _cofactors(a, y, _by_svd),)

    return y, backward


@composed(numpy=np.linalg.slogdet)
def slogdet(a: ArrayLike) -> SlogdetResult:
    """(sign, logabsdet): det(a) = sign exp(logabsdet), both of shape (...) for a of shape (..., n, n).

    Of a singular matrix (0, -inf), where the gradient is nan. LinAlgError where a is not square,
    TypeError for float16.
    """
    return SlogdetResult(*_slogdet(a))


@op(inputs=1, flops=cubic(2 / 3))
def _slogdet(a: ArrayLike):
    refuse_half(a)
    sign, value = np.linalg.slogdet(a)
    singular = sign == 0

    def backward(g):
        if g[1] is None:
            return (np.zeros_like(a),)
        return (g[1][..., None, None] * inverse_or_nan(a, singular).mT,)

    return (sign, value), backward


@composed(numpy=np.linalg.cond)
def cond(x: ArrayLike, p: float | str | None = None) -> Tensor:
    """norm(x, p) norm(inv(x), p), of shape (...) for x of shape (..., n, n).

    It is infinite where there is no inverse. `p` is 1, -1, inf, -inf, "fro" or "nuc"; or None, 2 or -2: the
    ratio of the largest and the smallest singular value, of x of shape (..., m, n). ValueError for another
    `p`, LinAlgError for an empty x and where x is not square, TypeError for float16.
    """
    x = tensor_of(x)
    refuse_half(x, name="cond: ")
    if x.ndim < 2 or 0 in x.shape[-2:]:
        raise np.linalg.LinAlgError(f"cond: takes matrices (..., m, n), not of shape {x.shape}")
    known = np.isnan(x.data).any(axis=(-2, -1)) == False  # noqa: E712  (a 0-d array, too)
    with np.errstate(all="ignore"):
        if p is None or p in (2, -2):
            finite = np.isfinite(x.data).all(axis=(-2, -1))[..., None]  # of others NumPy may say nothing
            s = np.where(finite, np.linalg.svdvals(np.where(finite[..., None], x, 0)), np.nan)
            top, bottom = (s[..., -1], s[..., 0]) if p == -2 else (s[..., 0], s[..., -1])
            ratio = top / bottom
            return np.where(known & np.isnan(ratio.data), np.inf, ratio)
        check_square(x, "cond: ")
        singular = np.linalg.slogdet(x.data)[0] == 0
        inverse = inverse_or_nan(x, singular)
        product = _norm(x, p) * _norm(inverse, p)
        return np.where(known & (singular | np.isnan(product.data)), np.inf, product)


def _norm(x, p):
    if p == "nuc":
        finite = np.isfinite(x.data).all(axis=(-2, -1))[..., None, None]
        return np.where(finite[..., 0, 0], np.linalg.svdvals(np.where(finite, x, 0)).sum(axis=-1), np.nan)
    if p == "fro":
        return np.sqrt((x * x).sum(axis=(-2, -1)))
    if p not in (1, -1, np.inf, -np.inf):
        raise ValueError(f"cond: p is None, 1, -1, 2, -2, inf, -inf, 'fro' or 'nuc', not {p!r}")
    sums = np.absolute(x).sum(axis=-2 if abs(p) == 1 else -1)
    return sums.max(axis=-1) if p > 0 else sums.min(axis=-1)
