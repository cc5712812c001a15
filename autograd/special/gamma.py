"""The gamma function, its logarithm and their derivatives, under SciPy's names and with its arguments."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..arrays import ArrayLike, as_array
from ..op import Needs, composed, op
from ..tensor import Tensor
from .borrowed import borrowed, checked, in_float, inside, of_scipy, special_function


def _near_two(name):
    """A kernel of log gamma: near its zero at 2, where SciPy's has no digits, log((x - 1) gamma(x - 1))."""

    def kernel(x):
        near = np.absolute(x - 2) < 0.25
        shift = np.where(near, x - 2, 0)
        return of_scipy(name)(np.where(near, x - 1, x)) + np.log1p(shift)

    return kernel


gammaln = special_function(
    _near_two("gammaln"),
    name="gammaln",
    slope=lambda x: inside(digamma)(x),
    doc="log(|gamma(x)|): inf at 0, -1, -2 ... Needs SciPy.",
)
loggamma = special_function(
    _near_two("loggamma"),
    name="loggamma",
    slope=lambda x: inside(digamma)(np.where(x < 0, np.nan, x)),
    doc="log(gamma(x)) of real numbers: nan below 0, where gammaln has log(|gamma(x)|). Needs SciPy.",
)
gamma = borrowed(
    "gamma",
    slope=lambda x, y: y * inside(digamma)(x),
    doc="The gamma function, (x - 1)! of whole numbers. Needs SciPy.",
)
digamma = borrowed(
    "digamma",
    slope=lambda x: inside(_polygamma)(x, 1),
    doc="The derivative of gammaln, which SciPy also calls psi. Needs SciPy.",
)


@op(inputs=1, flops=40)
def _polygamma(x: ArrayLike, n: Any):
    if isinstance(x, Tensor):  # the body run again, for its backward
        y = _polygamma(x, n)
    else:
        y = _polygamma_values(x, n)

    def backward(g):
        return (g * inside(_polygamma)(x, n + 1),)

    return y, backward


def _polygamma_values(x, n):
    wide = x.astype(checked(x.dtype))
    if isinstance(n, int):
        factor = (-1.0) ** (n + 1) * math.gamma(n + 1) if n < 171 else math.inf
        y = of_scipy("zeta")(n + 1.0, wide) * factor if n else of_scipy("digamma")(wide)
    else:
        order = n.astype(wide.dtype)
        factor = np.where(n % 2 == 0, -1, 1) * of_scipy("gamma")(order + 1)
        y = np.where(n == 0, of_scipy("digamma")(wide), factor * of_scipy("zeta")(order + 1, wide))
    return y.astype(x.dtype) if x.dtype.kind == "f" else y


@composed(inputs=0)
def polygamma(n: int | ArrayLike, x: ArrayLike) -> Tensor:
    """The n-th derivative of digamma(x), n = 0, 1, 2 ...; shapes of n and x broadcast. Needs SciPy.

    ValueError where an n is negative or not whole.
    """
    try:
        order: Any = operator.index(n)  # type: ignore[arg-type]
        fits = order >= 0
    except TypeError:
        order = n.data if isinstance(n, Tensor) else as_array(n)
        fits = order.dtype.kind in "iu" or bool((order % 1 == 0).all())
        fits = fits and bool((order >= 0).all())
        order = order.astype(np.int64) if fits else order
    if not fits:
        raise ValueError(f"polygamma: n counts derivatives, 0, 1, 2 ..., and is {order}")
    return _polygamma(x, order)


@op(inputs=1, flops=40)
def _zeta(q: ArrayLike, x: Any):
    if isinstance(q, Tensor):
        y = _zeta(q, x)
    else:
        wide = q.astype(checked(q.dtype))
        power = x.astype(wide.dtype) if hasattr(x, "dtype") else float(x)
        y = of_scipy("zeta")(power, wide)
        y = y.astype(q.dtype) if q.dtype.kind == "f" else y

    def backward(g):
        return (g * inside(_zeta)(q, x + 1) * -x,)

    return y, backward


@composed(inputs=0)
def zeta(x: ArrayLike, q: ArrayLike = 1.0) -> Tensor:
    """The sum of (k + q)^-x over k = 0, 1, 2 ...: Hurwitz's function, Riemann's for q = 1. Needs SciPy.

    Shapes broadcast. The gradient is that of q; TypeError where x wants one.
    """
    if not hasattr(q, "dtype") and hasattr(x, "dtype"):
        q = np.full_like(x.data if isinstance(x, Tensor) else x, q, shape=())
    return _zeta(q, x)


@composed(inputs=1)
def multigammaln(a: ArrayLike, d: int) -> Tensor:
    """log of the multivariate gamma function: d (d - 1) / 4 log(pi) + sum of gammaln(a - i / 2), i < d.

    The shape is a's; needs SciPy. ValueError unless d is a whole number above 0 and every a > (d - 1) / 2.
    """
    if isinstance(d, bool) or d != int(d) or d < 1:
        raise ValueError(f"multigammaln: d, the dimension, is a whole number above 0, not {d}")
    a = a if isinstance(a, Tensor) else Tensor(a)
    if (a.data <= (d - 1) / 2).any():
        raise ValueError(f"multigammaln: for d = {d} every a has to be above {(d - 1) / 2}")
    terms = [gammaln(a - i / 2) if i else gammaln(a) for i in range(int(d))]
    total = sum(terms[1:], terms[0])
    return total + d * (d - 1) / 4 * math.log(math.pi) if d > 1 else total


def _beta_gradient(needs, a, b, factor):
    """That of betaln, times a factor for each element."""

    def backward(g):
        g = g * factor if factor is not None else g
        psi, sums = inside(digamma), inside(digamma)(a + b)
        return g * (psi(a) - sums) if needs[0] else None, g * (psi(b) - sums) if needs[1] else None

    return backward


@op(needs=True, flops=60)
@in_float
def betaln(needs: Needs, a: ArrayLike, b: ArrayLike):
    """log(|beta(a, b)|), shapes broadcast. Needs SciPy."""
    return of_scipy("betaln")(a, b), _beta_gradient(needs, a, b, None)


@op(needs=True, flops=60)
@in_float
def beta(needs: Needs, a: ArrayLike, b: ArrayLike):
    """gamma(a) gamma(b) / gamma(a + b), shapes broadcast. Needs SciPy."""
    y = of_scipy("beta")(a, b)
    return y, _beta_gradient(needs, a, b, y)
