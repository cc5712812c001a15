"""Polynomials and the powers that they are sums of."""

from __future__ import annotations

import numpy as np

from ..arrays import HALF, ArrayLike
from ..op import Needs, op


@op(inputs=1, numpy=np.vander)
def vander(x: ArrayLike, N: int | None = None, increasing: bool = False):
    """x[i]^(N - 1 - j), or with `increasing` x[i]^j: a matrix of shape (n, N) of a vector x of n elements.

    N is n by default. ValueError where x is no vector, or N is negative.
    """
    if x.ndim != 1:
        raise ValueError(f"takes a vector, not an array of shape {x.shape}")
    n = x.shape[0] if N is None else N
    if n < 0:
        raise ValueError(f"N={n} is negative")
    if x.dtype.kind != "f":
        x = x.astype(np.result_type(x.dtype, int))
    exponents = np.arange(n, like=x)
    exponents = (exponents if increasing else exponents[::-1]).astype(x.dtype)

    def backward(g):
        slopes = exponents * x[:, None] ** np.maximum(exponents - 1, 0)
        return (np.add.reduce(g * slopes, 1, np.float32 if g.dtype is HALF else None),)

    return x[:, None] ** exponents, backward


@op(numpy=np.polyval, flops=2, needs=True)
def polyval(needs: Needs, p: ArrayLike, x: ArrayLike):
    """p[0] x^(n-1) + ... + p[n-2] x + p[n-1], elementwise, for n coefficients: the result has the shape of x.

    Coefficients of more axes, of shape (n, ...), are n arrays, which broadcast with x. ValueError where p is
    a number.
    """
    if np.ndim(p) < 1:
        raise ValueError(f"p is a list of coefficients, not an array of shape {np.shape(p)}")
    n, inner = p.shape[0], p.ndim - 1
    y = _horner([p[i] for i in range(n)], x)
    p = p if needs[1] else None

    def backward(g):
        dx = g * _horner([p[i] * (n - 1 - i) for i in range(n - 1)], x) if needs[1] else None
        return _sums_of_powers(g, x, n, inner) if needs[0] else None, dx

    return y, backward


def _horner(coefficients, x):
    y = np.zeros_like(x)
    for c in coefficients:
        y = y * x + c
    return y


def _sums_of_powers(g, x, n, inner):
    """The sums of g x^(n-1), ..., g x, g over all but the last `inner` axes."""
    outer = tuple(range(g.ndim - inner))
    wide = np.float32 if g.dtype is HALF else None
    sums = []
    for _ in range(n):
        sums.insert(0, np.add.reduce(g, outer, wide))
        g = g * x
    return np.stack(sums) if sums else np.zeros_like(g, shape=(0,))
