"""Incomplete gamma and beta functions and exponential integrals, under SciPy's names."""

from __future__ import annotations

import math

import numpy as np

from .borrowed import Beside, at, borrowed, borrowed_beside, of_scipy, op_beside
from .entropy import _kl_div

_STIRLING = (1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12)  # of log(gamma), in 1 / a; enough from 20 on


@np.errstate(all="ignore")  # of powers that are inf, and of products of those with 0 that are not chosen
def _gamma_density_values(a, x):
    """x^(a - 1) e^-x / gamma(a).

    From a = 20 on, as in C. Loader, "Fast and accurate computation of binomial probabilities" (2000), by the
    relative entropy of a and x, which keeps the digits that the logarithms of the three factors lose.
    """
    x = np.minimum(x, 1e300)
    low, high = np.minimum(a, 20), np.maximum(a, 20)
    scale = of_scipy("rgamma")(low)
    near = np.where(scale == 0, 0, np.minimum(x, 1e4) ** (low - 1) * np.exp(-x) * scale)
    rest = 0
    for c in _STIRLING:
        rest = rest / (high * high) + c
    entropy = _kl_div(high, x)
    far = np.exp(-entropy - rest / high) * np.sqrt(high / (2 * math.pi)) / x
    far = np.where((x == 0) | (entropy == np.inf), 0, far)
    return np.where(x < 0, np.nan, np.where(a < 20, near, far))


@np.errstate(all="ignore")
def _beta_density_values(a, b, x):
    """x^(a - 1) (1 - x)^(b - 1) / beta(a, b), by logarithms where beta might be 0."""
    total, rest = of_scipy("beta")(a, b), of_scipy("xlog1py")(b - 1, -x)
    power = np.where(x > 0.5, (1 - x) ** (b - 1), np.exp(rest))
    near = np.where(np.isinf(total), 0, x ** (a - 1) * power / total)
    far = np.exp(of_scipy("xlogy")(a - 1, x) + rest - of_scipy("betaln")(a, b))
    y = np.where(np.minimum(a, b) < 20, near, far)
    return np.where((x < 0) | (x > 1), np.nan, y)


_gamma_density = op_beside(
    "gamma_density",
    values=_gamma_density_values,
    slope=lambda a, x: at(_gamma_density, a - 1, x) - at(_gamma_density, a, x),
)
_beta_density = op_beside(
    "beta_density",
    values=_beta_density_values,
    slope=lambda a, b, x: (at(_beta_density, a - 1, b, x) - at(_beta_density, a, b - 1, x)) * (a + b - 1),
)
_gammainc = op_beside("gammainc", slope=lambda a, x: at(_gamma_density, a, x))
gammainc: Beside = borrowed_beside(
    _gammainc, "a x", doc="The lower incomplete gamma function at x, as a part of gamma(a)."
)
_gammaincc = op_beside("gammaincc", slope=lambda a, x: -at(_gamma_density, a, x))
gammaincc: Beside = borrowed_beside(
    _gammaincc,
    "a x",
    doc="The upper incomplete gamma function at x, as a part of gamma(a): 1 - gammainc(a, x).",
)
_betainc = op_beside("betainc", slope=lambda a, b, x: at(_beta_density, a, b, x))
betainc = borrowed_beside(
    _betainc, "a b x", doc="The incomplete beta function at x, as a part of beta(a, b)."
)


def _expn_slope(n, x):
    """-E_(n - 1), with E_-1 in closed form."""
    first = np.equal(n, 0)
    safe = np.where(first, x, 1)
    return np.where(first, -np.exp(-safe) * (1 + 1 / safe) / safe, -at(_expn, np.maximum(n - 1, 0), x))


_expn = op_beside("expn", slope=_expn_slope)
expn: Beside = borrowed_beside(
    _expn, "n x", doc="The exponential integral E_n(x), of exp(-x t) / t^n from 1 on.", whole=True
)
exp1 = borrowed("exp1", slope=lambda x: -np.exp(-x) / x, doc="The exponential integral E_1(x), nan below 0.")
expi = borrowed("expi", slope=lambda x: np.exp(x) / x, doc="The exponential integral Ei(x).")
