"""Decompositions of matrices, under the names of np.linalg.

NumPy has LAPACK compute float32 in float64 and rounds: that is no faster than float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import ArrayLike
from ..op import Needs, composed, op
from ..tensor import Tensor
from . import spectra
from .triangles import cubic, lower, refuse_half, solve_upper, upper


class QRResult(NamedTuple):
    """What `qr` gives."""

    Q: Tensor
    R: Tensor


class SVDResult(NamedTuple):
    """What `svd` gives."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class EighResult(NamedTuple):
    """What `eigh` gives."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class EigResult(NamedTuple):
    """What `eig` gives."""

    eigenvalues: Tensor
    eigenvectors: Tensor


@op(inputs=1, numpy=np.linalg.cholesky, flops=cubic(1 / 3))
def cholesky(a: ArrayLike, *, upper: bool = False):
    """The lower triangular L with L L^T = a; with `upper` the upper triangular U with U^T U = a.

    a of shape (..., n, n) is symmetric and positive definite, of which one triangle is read (by `upper`); the
    gradient is symmetric, as PyTorch's: that for symmetric changes of a. LinAlgError where a is not square
    or not positive definite, TypeError for float16.
    """
    refuse_half(a)
    y = np.linalg.cholesky(a, upper=upper)

    def backward(g):  # L^-T f(L^T g) L^-1, f: the lower triangle, and half of the diagonal
        up, g = (y, lower(g.mT)) if upper else (y.mT, lower(g))
        n = y.shape[-1]
        half = np.tri(n, dtype=g.dtype, like=g) - np.eye(n, dtype=g.dtype, like=g) * 0.5
        s = solve_upper(up, (up @ g) * half)
        s = solve_upper(up, s.mT)
        return ((s + s.mT) / 2,)

    return y, backward


@composed(numpy=np.linalg.qr)
def qr(a: ArrayLike, mode: str = "reduced") -> QRResult | Tensor:
    """(Q, R) with Q R = a, the columns of Q orthonormal and R upper triangular, of a of shape (..., m, n).

    With k = min(m, n) the shapes are (..., m, k) and (..., k, n). `mode` "complete": (..., m, m) and
    (..., m, n); the columns of Q beyond the n-th are not determined, so that ValueError is raised for an a
    that requires a gradient and has m > n. "r": R alone. "raw": as NumPy's, ValueError where a gradient is
    required. The gradient takes the first k columns of a for independent: where they are not, it is
    infinite or nan.
    """
    if mode == "r":
        return _qr(a, "reduced")[1]
    parts = _qr(a, mode)
    return tuple(parts) if mode == "raw" else QRResult(*parts)


@op(inputs=1, flops=cubic(4))
def _qr(needs: Needs, a: ArrayLike, mode: str):
    if mode not in ("reduced", "complete", "raw"):
        raise ValueError(f"mode is 'reduced', 'complete', 'r' or 'raw', not {mode!r}")
    refuse_half(a)
    q, r = np.linalg.qr(a, mode)
    if not needs[0]:
        return (q, r), None
    m, n = a.shape[-2:]
    if mode == "raw" or (mode == "complete" and m > n):
        raise ValueError(f"mode {mode!r} has no gradient here; use 'reduced', or .detach() for a constant")

    def backward(g):
        gq = np.zeros_like(q) if g[0] is None else g[0]
        gr = np.zeros_like(r) if g[1] is None else upper(g[1])
        first, rest = r[..., :m], gr[..., m:]  # the columns beyond the m-th are Q^T a
        k = first.shape[-1]
        gq = gq + q @ (r[..., m:] @ rest.mT)
        s = lower(first @ gr[..., :m].mT - gq.mT @ q)
        s = s + lower(s, -1).mT
        diagonal = np.eye(k, dtype=bool, like=r)
        first = np.where(diagonal & (first == 0), np.nan, first)
        dx = solve_upper(first, (gq + q @ s).mT).mT
        return (dx if n <= m else np.concatenate([dx, q @ rest], axis=-1),)

    return (q, r), backward


@composed(numpy=np.linalg.svd)
def svd(
    a: ArrayLike, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> SVDResult | Tensor:
    """(U, S, Vh) with U diag(S) Vh = a; S alone, from the largest on, without `compute_uv`.

    a has shape (..., m, n); with k = min(m, n) the shapes are (..., m, m), (..., k), (..., n, n), and without
    `full_matrices` (..., m, k), (..., k), (..., k, n). `hermitian`: a is symmetric, and its lower triangle is
    read. The gradient is that of any loss that does not depend on signs of vectors. Where singular values are
    equal, and for the vectors that `full_matrices` adds, it is given if the loss depends on what the vectors
    span alone, or on the values alone; else, and in the derivative of the gradient there, it is nan, but
    for what `eigh` says of losses that are level there. TypeError for float16.
    """
    if not compute_uv:
        return _svdvals_of_symmetric(a) if hermitian else svdvals(a)
    if not hermitian:
        return SVDResult(*_svd(a, full_matrices))
    w, v = eigh(a)
    sign = np.copysign(1.0, w.data).astype(w.dtype)
    order = np.argsort(np.absolute(w.data))[..., ::-1]
    u = np.take_along_axis(v, order[..., None, :], axis=-1)
    sign = np.take_along_axis(sign, order, axis=-1)
    s = np.take_along_axis(w, order, axis=-1) * sign
    return SVDResult(u, s, (u * sign[..., None, :]).mT)


@op(inputs=1, flops=cubic(20))
def _svd(a: ArrayLike, full_matrices: bool):
    refuse_half(a)
    u, s, vh = np.linalg.svd(a, full_matrices)

    def backward(g):
        return (spectra.of_svd(u, s, vh, *g),)

    return (u, s, vh), backward


@op(inputs=1, numpy=np.linalg.svdvals, flops=cubic(4))
def svdvals(x: ArrayLike):
    """The singular values of x from the largest on: of shape (..., k) for (..., m, n) with k = min(m, n).

    Where some are equal, or 0, and the loss treats them differently or is not smooth, the gradient is one of
    those nearby, as in PyTorch; its own derivative is nan there. TypeError for float16.
    """
    refuse_half(x)

    def backward(g):
        u, s, vh = np.linalg.svd(x, full_matrices=False)
        return (spectra.of_values(u, s, vh.mT, g),)

    return np.linalg.svdvals(x), backward


def _svdvals_of_symmetric(a):
    s = np.absolute(eigvalsh(a))
    return np.take_along_axis(s, np.argsort(s.data)[..., ::-1], axis=-1)


def _triangle(name: str, a: ArrayLike, UPLO: str) -> None:
    """ValueError unless UPLO is NumPy's word for a triangle."""
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        shape = np.shape(getattr(a, "data", a))
        raise ValueError(f"{name}: UPLO is 'L' or 'U', the triangle that is read, not {UPLO!r} (a: {shape})")


@composed(numpy=np.linalg.eigh)
def eigh(a: ArrayLike, UPLO: str = "L") -> EighResult:
    """(eigenvalues, eigenvectors) w, V of a symmetric a: a = V diag(w) V^T, w ascending.

    a has shape (..., n, n), of which the lower triangle is read ("L" of `UPLO`) or the upper ("U"); the
    shapes are (..., n) and (..., n, n). The gradient is symmetric, as PyTorch's: that for symmetric changes
    of a, and of any loss that does not depend on the signs of eigenvectors. Where eigenvalues are equal it is
    given if the loss depends on the values alone or on what the vectors span alone (a projector), else it is
    nan; so is its own derivative there. (Take both from one call: of two, neither knows of the other.) What
    is seen is the slope at the vectors that came out: a loss that is level there when equal ones turn, as
    V[0, 0] of the identity, passes for one that no turn changes, and gets a gradient though it has none.
    ValueError for another `UPLO`, LinAlgError where a is not square, TypeError for float16.
    """
    _triangle("eigh", a, UPLO)
    return EighResult(*_eigh(a, UPLO))


@op(inputs=1, flops=cubic(9))
def _eigh(a: ArrayLike, UPLO: str):
    refuse_half(a)
    w, v = np.linalg.eigh(a, UPLO)

    def backward(g):
        return (spectra.of_eigh(w, v, *g),)

    return (w, v), backward


@composed(numpy=np.linalg.eigvalsh)
def eigvalsh(a: ArrayLike, UPLO: str = "L") -> Tensor:
    """The eigenvalues of a symmetric a, ascending: of shape (..., n) for (..., n, n).

    As `eigh` gives them, and its gradient is as symmetric. Where some are equal and the loss treats them
    differently, it is one of those nearby, as in PyTorch; its own derivative is nan there. ValueError for
    another `UPLO` than "L" or "U", LinAlgError where a is not square, TypeError for float16.
    """
    _triangle("eigvalsh", a, UPLO)
    return _eigvalsh(a, UPLO)


@op(inputs=1, flops=cubic(4 / 3))
def _eigvalsh(a: ArrayLike, UPLO: str):
    refuse_half(a)

    def backward(g):
        w, v = np.linalg.eigh(a, UPLO)
        return (spectra.of_values(v, w, v, g),)

    return np.linalg.eigvalsh(a, UPLO), backward


def _real(w, *others):
    """These arrays in a real dtype, which NumPy 2.5 does not give; LinAlgError where w is complex indeed."""
    if w.dtype.kind == "c" and np.any(np.imag(w)):
        raise np.linalg.LinAlgError(
            "some eigenvalues are complex, and a Tensor holds real numbers; where a is symmetric use eigh, "
            "for complex numbers without a gradient np.linalg on x.numpy()"
        )
    made = [np.real(x) if x.dtype.kind == "c" else x for x in (w, *others)]
    return made if others else made[0]


@composed(numpy=np.linalg.eig)
def eig(a: ArrayLike) -> EigResult:
    """(eigenvalues, eigenvectors) w, V of a, where all are real: a V = V diag(w), columns of length 1.

    a has shape (..., n, n), w (..., n) and V (..., n, n). The gradient is that of any loss that does not
    depend on the signs of eigenvectors; nan where eigenvalues are equal, unless the loss depends on them
    alone or on what their vectors span alone, or is level there, as `eigh` says. LinAlgError where
    eigenvalues are complex or a is not square, TypeError for float16.
    """
    return EigResult(*_eig(a))


@op(inputs=1, flops=cubic(25))
def _eig(a: ArrayLike):
    refuse_half(a)
    w, v = _real(*np.linalg.eig(a))

    def backward(g):
        return (spectra.of_eig(w, v, *g),)

    return (w, v), backward


@op(inputs=1, numpy=np.linalg.eigvals, flops=cubic(10))
def eigvals(a: ArrayLike):
    """The eigenvalues of a, where all are real, in no particular order: of shape (..., n) for (..., n, n).

    LinAlgError where some are complex or a is not square, TypeError for float16.
    """
    refuse_half(a)
    w = _real(np.linalg.eigvals(a))

    def backward(g):
        again, v = _real(*np.linalg.eig(a))  # perhaps in another order
        order = np.argsort(np.argsort(again))
        g = np.take_along_axis(np.take_along_axis(g, np.argsort(w), axis=-1), order, axis=-1)
        return (spectra.of_eig(again, v, g, None),)

    return w, backward
