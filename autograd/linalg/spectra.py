"""Gradients of eigenvalues, singular values and their vectors, equal values included.

Vectors turn by an angle that is a numerator over the difference of two values. Where the values are equal (as
far as they are known at all) and the numerator is 0, the loss does not depend on which of the equal vectors
are taken and the gradient is defined: what depends on the vectors alone, as a projector does, changes nothing
there. Elsewhere it is nan. So it is where the loss depends on the values too, unless it treats the
equal ones alike: the true limit of 0 / 0 is then not to be had from what arrives here. That is why values and
vectors that belong together have to come from one call.

A numerator can also be 0 at the vectors that came out alone. At V = 1 the slope of V[0, 0], which depends on
the choice, is that of trace(V^T M V) with M = 1/2 at (0, 0), which does not: they cannot be told apart here.
(PyTorch, JAX and HIPS autograd give nan for both.)
"""

from __future__ import annotations

import numpy as np


def _size(x, axis=(-2, -1)):
    """The largest |x|; 0 of nothing."""
    return np.absolute(x).max(axis=axis, keepdims=True, initial=0)


def _noise(x):
    """By how much, relative to the largest, numbers differ that are equal but for rounding."""
    return 4 * x.shape[-1] * float(np.finfo(x.dtype).eps)


def of_values(u, s, v, g):
    """u diag(g) v^T, where g is the gradient of the values s."""
    # 0 * s: so that what differentiates this once more takes it for a function of the values too
    return (u * (g + 0 * s)[..., None, :]) @ v.mT


def turned(s, t, g, size):
    """The gradient in the basis of the vectors: t is vectors^T gradient, g that of the values or None.

    `size` is that of the vectors' gradient, which rounding is measured by.
    """
    n = s.shape[-1]
    turn = (t - t.mT) / 2
    gap = s[..., None, :] - s[..., :, None]
    eye = np.eye(n, dtype=bool, like=s)
    equal = np.absolute(gap) <= _noise(s) * _size(s, -1)[..., None]
    k = np.where(equal, 0, turn / np.where(equal, 1, gap))
    pairs = equal & ~eye
    if np.any(pairs):
        limit = 1000 * _noise(s) * size
        wrong = np.absolute(turn) > limit
        if g is not None:
            apart = np.absolute(g[..., None, :] - g[..., :, None])
            wrong = wrong | (np.absolute(t + t.mT) > 2 * limit)
            wrong = wrong | (apart > 1000 * _noise(s) * _size(g, -1)[..., None])
        k = np.where(pairs & wrong, np.nan, k)
    return k if g is None else np.where(eye, g[..., None], k)


def of_eigh(w, v, gw, gv):
    """The gradient of a symmetric matrix, from those of its eigenvalues and eigenvectors, or None."""
    if gv is None:
        return of_values(v, w, v, gw)
    return v @ turned(w, v.mT @ gv, gw, _size(gv)) @ v.mT


def of_eig(w, v, gw, gv):
    """The gradient of a matrix with real eigenvalues w and eigenvectors v of length 1."""
    back = inverse_or_nan(v).mT
    if gv is None:
        return of_values(back, w, v, gw)
    t = v.mT @ gv
    eye = np.eye(w.shape[-1], dtype=bool, like=w)
    t = t - (v.mT @ v) * np.where(eye, t, 0).sum(-2)[..., None, :]  # the lengths stay 1
    gap = w[..., None, :] - w[..., :, None]
    equal = np.absolute(gap) <= _noise(w) * _size(w, -1)[..., None]
    k = np.where(equal, 0, t / np.where(equal, 1, gap))
    wrong = np.absolute(t) > 1000 * _noise(w) * _size(gv)
    k = np.where(equal & ~eye & (wrong if gw is None else True), np.nan, k)
    return back @ (k if gw is None else np.where(eye, gw[..., None], k)) @ v.mT


def of_svd(u, s, vh, gu, gs, gvh):
    """The gradient of a matrix, from those of u, s, vh, as they come with full_matrices or without."""
    k, v = s.shape[-1], vh.mT
    left, right = u[..., :k], vh[..., :k, :]
    if gu is None and gvh is None:
        return of_values(left, s, right.mT, gs)
    gv = None if gvh is None else gvh.mT
    tu = 0 * u.mT @ u if gu is None else u.mT @ gu
    tv = 0 * v.mT @ v if gv is None else v.mT @ gv
    size = sum(_size(g) for g in (gu, gv) if g is not None)
    limit = 1000 * _noise(s) * size
    a, b = tu[..., :k, :k], tv[..., :k, :k]
    inner = turned(s, a + b, gs, size)
    inner = inner + _divided((a - a.mT - b + b.mT) / 2, s[..., None, :] + s[..., :, None], s, limit)
    dx = left @ inner @ right
    if gu is not None and u.shape[-2] > k:
        dx = dx + _divided(_outside(u, gu, tu, k, limit), s[..., None, :], s, limit) @ right
    if gv is not None and v.shape[-2] > k:
        dx = dx + left @ _divided(_outside(v, gv, tv, k, limit), s[..., None, :], s, limit).mT
    return dx


def _divided(x, by, s, limit):
    """x / by, where `by` is made of singular values: 0 for 0 / 0, else nan in place of infinity."""
    none = by <= _noise(s) * _size(s, -1)[..., None]
    return np.where(none, np.where(np.absolute(x) > limit, np.nan, 0 * x), x / np.where(none, 1, by))


def _outside(u, g, t, k, limit):
    """The part of the gradient of the first k vectors that leaves what they span."""
    if u.shape[-1] == k:
        return g - u @ t
    # the others, of full_matrices: whichever they are, they span the rest
    turn = t[..., k:, k:] - t[..., k:, k:].mT
    x = u[..., k:] @ (t[..., k:, :k] - t[..., :k, k:].mT)
    return np.where(_size(turn) > 2 * limit, np.nan, x)


def inverse_or_nan(a, singular=None):
    """inv(a), with nan for the matrices of a stack that have none."""
    if singular is None:
        singular = np.linalg.slogdet(a)[0] == 0
    if not np.any(singular):
        return np.linalg.inv(a)
    singular = singular[..., None, None]
    eye = np.eye(a.shape[-1], dtype=a.dtype, like=a)
    return np.where(singular, np.nan, np.linalg.inv(np.where(singular, eye, a)))
