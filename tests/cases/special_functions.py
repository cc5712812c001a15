"""Cases of autograd/special without softmax and its kin; references are SciPy's or Python's functions."""

import math

import numpy as np
from scipy import special as scipy

from cases.case import binary, case, normal, positive, unary
from tapegrad.autograd import special
from tapegrad.autograd.special import bessel, entropy, error, incomplete
from tapegrad.autograd.special import normal as normal_distribution
from tapegrad.autograd.special.erfcx import _bell, _erfcx_slope


def inner(rng, shape):
    """Inside (0, 1)."""
    return rng.uniform(0.1, 0.9, shape)


def signed(rng, shape):
    """Between the poles of gamma, in each of the intervals from -3 to 2."""
    return rng.uniform(0.2, 0.8, shape) + rng.integers(-3, 2, shape)


def wide(rng, shape):
    return rng.uniform(-6, 6, shape)


def each(function):
    return np.vectorize(function, otypes=[float])


ORDERS = {"jv": 1.5, "yv": 0, "yn": 2, "iv": 1, "ive": 1.5, "kv": 0.5, "kve": 2, "expn": 2} | {
    "gammainc": 1.5,
    "gammaincc": 2,
}
CASES = [
    *unary(special.erfc, each(math.erfc), normal, "x"),
    *unary(special.erfcx, scipy.erfcx, normal, "x"),
    *unary(special.erfinv, scipy.erfinv, inner, "x"),
    *unary(special.erfcinv, scipy.erfcinv, lambda *a: 2 * inner(*a), "x"),
    *unary(special.ndtr, lambda x: each(math.erfc)(-x / math.sqrt(2)) / 2, wide, "x"),
    *unary(special.log_ndtr, scipy.log_ndtr, wide, "x"),
    *unary(special.ndtri, scipy.ndtri, inner, "x"),
    *unary(special.logit, lambda x: np.log(x) - np.log(1 - x), inner, "x"),
    *unary(special.log_expit, lambda x: -np.log1p(np.exp(-x)), normal, "x"),
    *unary(special.gammaln, each(math.lgamma), signed, "x"),
    *unary(special.loggamma, each(math.lgamma), inner, "x"),
    *unary(special.gamma, each(math.gamma), signed, "x y"),
    *unary(special.digamma, scipy.digamma, signed, "x"),
    *unary(special.i0, np.i0, normal, "x"),
    *unary(special.i1, scipy.i1, normal, "x"),
    *unary(special.i0e, lambda x: np.i0(x) * np.exp(-abs(x)), normal, "x"),
    *unary(special.i1e, lambda x: scipy.i1(x) * np.exp(-abs(x)), normal, "x"),
    *unary(special.entr, lambda x: -x * np.log(x), positive, "x"),
    *binary(special.xlogy, lambda x, y: x * np.log(y), positive, "x y"),
    *binary(special.xlog1py, lambda x, y: x * np.log(1 + y), positive, "x y"),
    *binary(special.rel_entr, lambda x, y: x * np.log(x / y), positive, "x y"),
    *binary(special.kl_div, lambda x, y: x * np.log(x / y) - x + y, positive, "x y"),
    *binary(
        special.beta,
        lambda a, b: scipy.gamma(a) * scipy.gamma(b) / scipy.gamma(a + b),
        positive,
        "a b factor",
    ),
    *binary(special.betaln, scipy.betaln, positive, "a b"),
    *binary(
        special.huber,
        lambda d, r: np.where(abs(r) <= d, r * r / 2, d * (abs(r) - d / 2)),
        positive,
        "delta r",
    ),
    *binary(special.pseudo_huber, lambda d, r: d * d * (np.sqrt(1 + r * r / d / d) - 1), positive, "delta r"),
    # With arguments that have no gradient.
    *[case(special.polygamma, scipy.polygamma, n, (2, 3), saves="x", domain=positive) for n in (0, 1, 3)],
    case(special.polygamma, scipy.polygamma, 2, (), saves="x", domain=signed),
    case(special.polygamma, scipy.polygamma, np.array([[0], [2]]), (2, 3), saves="n x", domain=positive),
    case(special.zeta, scipy.zeta, 2.5, (2, 3), saves="q", domain=positive),
    case(special.zeta, scipy.zeta, 3, (), saves="q", domain=positive),
    *[
        case(getattr(special, name), getattr(scipy, name), order, shape, saves="x", domain=positive)
        for name, order in ORDERS.items()
        for shape in ((2, 3), (), (0, 3))
    ],
    case(special.jv, scipy.jv, np.array([[-1.5], [2]]), (3,), saves="beside x", domain=positive),
    case(special.expn, scipy.expn, np.array([[0], [1], [3]]), (3,), saves="beside x", domain=positive),
    case(special.gammainc, scipy.gammainc, 40, (2, 3), saves="x", domain=lambda *a: 20 * positive(*a)),
    case(
        special.gammaincc, scipy.gammaincc, np.array([[0.5], [30]]), (3,), saves="beside x", domain=positive
    ),
    case(special.betainc, scipy.betainc, 1.5, 2, (2, 3), saves="x", domain=inner),
    case(special.betainc, scipy.betainc, np.array([[25.0], [3]]), 30, (3,), saves="beside x", domain=inner),
    *unary(special.j0, scipy.j0, wide, "x"),
    *unary(special.j1, scipy.j1, wide, "x"),
    *unary(special.y0, scipy.y0, positive, "x"),
    *unary(special.y1, scipy.y1, positive, "x"),
    *unary(special.k0, lambda x: scipy.k0e(x) * np.exp(-x), positive, "x"),
    *unary(special.k1, lambda x: scipy.k1e(x) * np.exp(-x), positive, "x"),
    *unary(special.k0e, lambda x: scipy.k0(x) * np.exp(x), positive, "x"),
    *unary(special.k1e, lambda x: scipy.k1(x) * np.exp(x), positive, "x"),
    *unary(special.exp1, lambda x: -scipy.expi(-x), positive, "x"),
    *unary(special.expi, lambda x: -scipy.exp1(-x), lambda *a: -positive(*a), "x"),
    *unary(special.rgamma, lambda x: 1 / scipy.gamma(x), signed, "x"),
    *unary(special.gammasgn, lambda x: np.sign(scipy.gamma(x)), signed),
    # What derivatives are made of.
    case(
        incomplete._gamma_density,
        lambda x, beside: x ** (beside[0] - 1) * np.exp(-x) / scipy.gamma(*beside),
        (2, 3),
        beside=(2.5,),
        saves="x",
        domain=positive,
    ),
    case(
        incomplete._beta_density,
        lambda x, beside: x ** (beside[0] - 1) * (1 - x) ** (beside[1] - 1) / scipy.beta(*beside),
        (2, 3),
        beside=(2.5, 3.0),
        saves="x",
        domain=inner,
    ),
    *unary(entropy._quiet_log, np.log, positive, "x"),
    *unary(_bell, lambda x: np.exp(-x * x), normal, "x y"),
    *unary(_erfcx_slope, lambda x: 2 * x * scipy.erfcx(x) - 2 / math.sqrt(math.pi), normal, "x y"),
    *unary(
        error._erfinv_slope, lambda x: math.sqrt(math.pi) / 2 * np.exp(scipy.erfinv(x) ** 2), inner, "x y"
    ),
    *unary(
        error._erfcinv_slope, lambda x: -math.sqrt(math.pi) / 2 * np.exp(scipy.erfcinv(x) ** 2), inner, "x y"
    ),
    *unary(normal_distribution._half_bell, lambda x: np.exp(-x * x / 2), normal, "x y"),
    *unary(
        normal_distribution._log_ndtr_slope,
        lambda x: np.exp(-x * x / 2) / math.sqrt(2 * math.pi) / scipy.ndtr(x),
        normal,
        "x y",
    ),
    *unary(
        normal_distribution._ndtri_slope,
        lambda x: math.sqrt(2 * math.pi) * np.exp(scipy.ndtri(x) ** 2 / 2),
        inner,
        "x y",
    ),
    case(bessel._bessel_ratio, lambda x, n: scipy.iv(n, x) / x**n, (2, 3), 2, saves="x", domain=positive),
    case(
        bessel._kummer,
        lambda x, a, b: scipy.hyp1f1(a, b, -2 * x),
        (2, 3),
        1.5,
        2.0,
        saves="x",
        domain=positive,
    ),
]
