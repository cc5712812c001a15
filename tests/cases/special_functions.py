"""Cases of autograd/special without softmax and its kin; references are SciPy's or Python's functions."""

import math

import numpy as np
from scipy import special as scipy

from cases.case import binary, case, normal, positive, unary
from tapegrad.autograd import special
from tapegrad.autograd.special import bessel, entropy, error
from tapegrad.autograd.special import normal as normal_distribution
from tapegrad.autograd.special.erfcx import _bell, _erfcx_slope

ROOT = math.sqrt(math.pi)


def inner(rng, shape):
    """Inside (0, 1)."""
    return rng.uniform(0.1, 0.9, shape)


def signed(rng, shape):
    """Between the poles of gamma, in each of the intervals from -3 to 2."""
    return rng.uniform(0.2, 0.8, shape) + rng.integers(-3, 2, shape)


def wide(rng, shape):
    return rng.uniform(-6, 6, shape)


def above(least):
    return lambda rng, shape: least + positive(rng, shape)


def each(function):
    return np.vectorize(function, otypes=[float])


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
    *(case(special.i0, np.i0, shape, saves="x") for shape in [(3, 2), (1,)]),  # ag.i0 has the others
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
    # What derivatives are made of.
    *(
        case(op, reference, (2, 3), domain=domain, saves=saves)
        for op, reference, domain, saves in (
            (entropy._quiet_log, np.log, positive, "x"),
            (_bell, lambda x: np.exp(-x * x), normal, "x y"),
            (_erfcx_slope, lambda x: 2 * x * scipy.erfcx(x) - 2 / math.sqrt(math.pi), normal, "x y"),
            (error._erfinv_slope, lambda x: ROOT / 2 * np.exp(scipy.erfinv(x) ** 2), inner, "x y"),
            (error._erfcinv_slope, lambda x: -ROOT / 2 * np.exp(scipy.erfcinv(x) ** 2), inner, "x y"),
            (normal_distribution._half_bell, lambda x: np.exp(-x * x / 2), normal, "x y"),
            (
                normal_distribution._log_ndtr_slope,
                lambda x: np.exp(-x * x / 2) / math.sqrt(2) / ROOT / scipy.ndtr(x),
                normal,
                "x y",
            ),
            (
                normal_distribution._ndtri_slope,
                lambda x: math.sqrt(2) * ROOT * np.exp(scipy.ndtri(x) ** 2 / 2),
                inner,
                "x y",
            ),
        )
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
COMPOSED = [
    case(special.multigammaln, scipy.multigammaln, (2, 3), 3, domain=above(1)),
    case(special.multigammaln, scipy.multigammaln, (), 1, domain=positive),
    case(special.multigammaln, scipy.multigammaln, (0,), 2, domain=above(1)),
]
