"""The gamma function, its logarithm and their derivatives, under SciPy's names and with its arguments."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..arguments import attribute
from ..arrays import ArrayLike, as_array
from ..op import Needs, composed, op
from ..tensor import Tensor
from .borrowed import borrowed, checked, in_float, inside, of_scipy, special_function

# Of log(gamma(2 + d)) in powers of d, highest first, without the last, which is 0: (zeta(k) - 1) / k.
_AT_TWO = (
    (-2.7595228851242334e-10, 5.731367241678862e-10, -1.1921401405860912e-09, 2.4836745438024785e-09)
    + (-5.183475041970047e-09, 1.0838659214896955e-08, -2.2711094608943164e-08, 4.7698101693639804e-08)
    + (-1.0043224823968099e-07, 2.1207184805554665e-07, -4.492469198764566e-07, 9.55141213040742e-07)
    + (-2.039215753801366e-06, 4.374866789907488e-06, -9.439488275268397e-06, 2.050721277567069e-05)
    + (-4.492623673813314e-05, 9.945751278180853e-05, -0.00022315475845357939, 0.0005096695247430425)
    + (-0.001192753911703261, 0.0028905103307415234, -0.007385551028673986, 0.020580808427784546)
    + (-0.0673523010531981, 0.3224670334241132, 0.42278433509846713)
)


def _log_gamma(name):
    """A kernel of log gamma: SciPy's but near its zeros at 1 and 2, where that has no digits below them."""

    def kernel(x):
        one, two = np.absolute(x - 1) < 0.5, np.absolute(x - 2) <= 0.5
        d = np.where(one, x - 1, np.where(two, x - 2, 0))
        series = np.zeros_like(d)
        for c in _AT_TWO:
            series = (series + c) * d
        return np.where(one, series - np.log1p(d), np.where(two, series, of_scipy(name)(x)))

    return kernel


gammaln = special_function(
    _log_gamma("gammaln"),
    name="gammaln",
    needs_scipy=True,
    slope=lambda x: inside(digamma)(x),
    doc="log(|gamma(x)|): inf at 0, -1, -2 ...",
)
loggamma = special_function(
    _log_gamma("loggamma"),
    name="loggamma",
    needs_scipy=True,
    slope=lambda x: inside(digamma)(np.where(x < 0, np.nan, x)),
    doc="log(gamma(x)) of real numbers: nan below 0, where gammaln has log(|gamma(x)|).",
)
gamma = borrowed(
    "gamma",
    slope=lambda x, y: y * inside(digamma)(x),
    doc="The gamma function, (x - 1)! of whole numbers.",
)


def _rgamma_slope(x):
    """-rgamma(x) digamma(x); below 1/2 by reflection, which has no poles."""
    up = np.where(x < 0.5, 1, x)
    below = 1 - np.where(x < 0.5, x, 0)
    whole = np.rint(x)
    part = np.where(x < 0.5, x - whole, 0) * math.pi
    sign = 1 - whole % 2 * 2
    turn = np.cos(part) - np.sin(part) / math.pi * inside(digamma)(below)
    return np.where(x < 0.5, sign * turn * inside(gamma)(below), -inside(rgamma)(up) * inside(digamma)(up))


rgamma = borrowed("rgamma", slope=_rgamma_slope, doc="1 / gamma(x), 0 at 0, -1, -2 ...")
gammasgn = borrowed(
    "gammasgn",
    gradient=lambda g: np.zeros_like(g),
    doc="The sign of gamma(x); its gradient is 0.",
)
digamma = borrowed(
    "digamma",
    slope=lambda x: inside(_polygamma)(x, 1),
    doc="The derivative of gammaln, which SciPy also calls psi.",
)


@op(inputs=1, flops=40)
def _polygamma(x: ArrayLike, n: Any):
    # Of Tensors the body is run again for its backward, and this is the op itself.
    y = _polygamma(x, n) if isinstance(x, Tensor) else _polygamma_values(x, n)

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
    """The n-th derivative of digamma(x), n = 0, 1, 2 ...; shapes of n and x broadcast.

    Needs SciPy. ValueError where an n is negative or not whole, TypeError where it wants a gradient.
    """
    order: Any = attribute("polygamma", n)
    try:
        order = operator.index(order)
        fits = order >= 0
    except TypeError:
        order = as_array(order)
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
def zeta(x: ArrayLike, q: ArrayLike | None = None) -> Tensor:
    """The sum of (k + q)^-x over k = 0, 1, 2 ...: Hurwitz's function, or without q, as for q = 1, Riemann's.

    Needs SciPy. Shapes broadcast. The gradient is that of q, without q a constant comes out; TypeError where
    x wants one.
    """
    x = as_array(x) if isinstance(x, (list, tuple)) else x
    if q is None:
        return Tensor(as_array(of_scipy("zeta")(attribute("zeta", x))))
    if isinstance(q, (int, float)) and hasattr(x, "dtype") and x.dtype.kind == "f":  # of its dtype
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
    """log(|beta(a, b)|), shapes broadcast.

    Needs SciPy.
    """
    return of_scipy("betaln")(a, b), _beta_gradient(needs, a, b, None)


@op(needs=True, flops=60)
@in_float
def beta(needs: Needs, a: ArrayLike, b: ArrayLike):
    """gamma(a) gamma(b) / gamma(a + b), shapes broadcast.

    Needs SciPy.
    """
    y = of_scipy("beta")(a, b)
    return y, _beta_gradient(needs, a, b, y)
