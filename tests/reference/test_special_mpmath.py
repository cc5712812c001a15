"""Special functions at hard points, values and first derivatives, against mpmath: in units in the last place.

Hard are tails, ends of a domain, zeros and places where the formula of a textbook cancels. The last column is
how far off we are at most; more than 4 where it is SciPy's values that are.
"""

import numpy as np
import pytest

mp = pytest.importorskip("mpmath")
pytest.importorskip("scipy")

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, special

RNG = np.random.default_rng(0)


def between(low, high, count=40):
    """Numbers of every magnitude there."""
    return np.exp(RNG.uniform(np.log(low), np.log(high), count))


def both(x):
    return np.concatenate([-x, x])


def ndtr(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def bell(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def erfcx(x):
    return mp.exp(x * x) * mp.erfc(x)


def quantile(distribution, start):
    """The inverse of a function whose values have every magnitude."""
    return lambda p: mp.findroot(
        lambda y: mp.log(distribution(y)) - mp.log(p), mp.mpf(float(start(float(p))))
    )


def log_gamma(x):
    return mp.log(abs(mp.gamma(x)))


def scaled(order):
    return lambda x: mp.besseli(order, x) * mp.exp(-abs(x))


LOW_NDTRI = quantile(ndtr, lambda p: special.ndtri(p).data)
LOW_ERFCINV = quantile(mp.erfc, lambda p: special.erfcinv(p).data)


def ndtri(p):
    return -LOW_NDTRI(1 - p) if p > 0.5 else LOW_NDTRI(p)


def erfcinv(p):
    return -LOW_ERFCINV(2 - p) if p > 1 else LOW_ERFCINV(p)


TINY, MIDDLE, TAIL, NEAR = between(1e-290, 1e-3), between(1e-3, 1), between(1, 26), between(1e-12, 0.1)
REAL = np.concatenate([TINY, MIDDLE, TAIL, -TINY, -MIDDLE, -TAIL])
ABOVE = np.concatenate([TINY, MIDDLE, TAIL, between(26, 1e6)])
UNIT = np.concatenate([TINY, MIDDLE, 1 - NEAR, 0.5 + NEAR, 0.5 - NEAR])
BETWEEN_POLES = -np.arange(20) - RNG.uniform(0.1, 0.9, 20)
ROOT = 1.4616321449683622  # of digamma
ZEROS = np.concatenate([1 + NEAR, 1 - NEAR, 2 + NEAR, 2 - NEAR])  # of log gamma
TWO_PI = mp.sqrt(2 * mp.pi)

# name: (function, exact, derivative, points, units off in the value, in the derivative)
FUNCTIONS = {
    "erf": (special.erf, mp.erf, lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x), REAL, 4, 4),
    "erfc": (special.erfc, mp.erfc, lambda x: -2 / mp.sqrt(mp.pi) * mp.exp(-x * x), REAL, 4, 4),
    "erfcx": (
        special.erfcx,
        erfcx,
        lambda x: 2 * x * erfcx(x) - 2 / mp.sqrt(mp.pi),
        np.concatenate([REAL, between(26, 1e4)]),
        4,
        4,
    ),
    "erfinv": (
        special.erfinv,
        lambda x: mp.sign(x) * LOW_ERFCINV(1 - abs(x)) if abs(x) > 0.1 else mp.erfinv(x),
        lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(mp.erfinv(x) ** 2),
        both(UNIT),
        4,
        4,
    ),
    "erfcinv": (
        special.erfcinv,
        erfcinv,
        lambda x: -mp.sqrt(mp.pi) / 2 * mp.exp(erfcinv(x) ** 2),
        np.concatenate([UNIT, 2 - NEAR, 1 + NEAR]),
        4,
        4,
    ),
    "ndtr": (special.ndtr, ndtr, bell, REAL, 4, 4),
    "log_ndtr": (
        special.log_ndtr,
        lambda x: mp.log(ndtr(x)) if x < 0 else mp.log1p(-ndtr(-x)),
        lambda x: bell(x) / ndtr(x),
        np.concatenate([REAL, -between(26, 1e4)]),
        4,
        4,
    ),
    "ndtri": (special.ndtri, ndtri, lambda p: 1 / bell(ndtri(p)), UNIT, 4, 4),
    "expit": (
        special.expit,
        lambda x: 1 / (1 + mp.exp(-x)),
        lambda x: mp.exp(-x) / (1 + mp.exp(-x)) ** 2,
        np.concatenate([REAL, both(between(26, 700))]),
        4,
        4,
    ),
    "logit": (special.logit, lambda x: mp.log(x / (1 - x)), lambda x: 1 / (x * (1 - x)), UNIT, 4, 4),
    "log_expit": (
        special.log_expit,
        lambda x: -mp.log1p(mp.exp(-x)),
        lambda x: 1 / (1 + mp.exp(x)),
        np.concatenate([REAL, both(between(26, 700))]),
        4,
        4,
    ),
    "gammaln": (special.gammaln, log_gamma, mp.digamma, np.concatenate([ABOVE, ZEROS]), 4, 4),
    "gammaln below 0": (special.gammaln, log_gamma, mp.digamma, BETWEEN_POLES, 4, 4),
    "loggamma": (special.loggamma, log_gamma, mp.digamma, np.concatenate([ABOVE, ZEROS]), 4, 4),
    "gamma": (
        special.gamma,
        mp.gamma,
        lambda x: mp.gamma(x) * mp.digamma(x),
        np.concatenate([between(1e-150, 170), BETWEEN_POLES]),
        4,
        4,
    ),
    "digamma": (
        special.digamma,
        mp.digamma,
        lambda x: mp.polygamma(1, x),
        np.concatenate([between(1e-150, 1e6), ROOT + NEAR, ROOT - NEAR]),
        4,
        4,
    ),
    "digamma below 0": (special.digamma, mp.digamma, lambda x: mp.polygamma(1, x), BETWEEN_POLES, 4, 4),
    **{
        f"polygamma {n}": (
            lambda x, n=n: special.polygamma(n, x),
            lambda x, n=n: mp.polygamma(n, x),
            lambda x, n=n: mp.polygamma(n + 1, x),
            between(1e-50, 1e6, 120),
            4,
            4,
        )
        for n in (1, 2, 3)
    },
    "zeta": (
        lambda q: special.zeta(2.5, q),
        lambda q: mp.zeta(2.5, q),
        lambda q: -2.5 * mp.zeta(3.5, q),
        between(1e-50, 1e4, 120),
        4,
        4,
    ),
    "i0": (
        special.i0,
        lambda x: mp.besseli(0, x),
        lambda x: mp.besseli(1, x),
        both(between(1e-290, 700)),
        4,
        4,
    ),
    "i1": (
        special.i1,
        lambda x: mp.besseli(1, x),
        lambda x: mp.besseli(0, x) - mp.besseli(1, x) / x,
        both(between(1e-290, 700, 120)),
        4,
        4,
    ),
    "i0e": (
        special.i0e,
        scaled(0),
        lambda x: scaled(1)(x) - mp.sign(x) * scaled(0)(x),
        both(between(1e-290, 1e5, 120)),
        4,
        4,
    ),
    "i1e": (
        special.i1e,
        scaled(1),
        lambda x: scaled(0)(x) - scaled(1)(x) * (mp.sign(x) + 1 / x),
        both(between(1e-290, 1e5, 120)),
        4,
        4,
    ),
    "entr": (special.entr, lambda x: -x * mp.log(x), lambda x: -mp.log(x) - 1, ABOVE, 4, 4),
    "rel_entr in x": (
        lambda x: special.rel_entr(x, 0.75),
        lambda x: x * mp.log(x / 0.75),
        lambda x: mp.log(x / 0.75) + 1,
        np.concatenate([ABOVE, 0.75 + NEAR, 0.75 - NEAR]),
        4,
        4,
    ),
    "kl_div in x": (
        lambda x: special.kl_div(x, 0.75),
        lambda x: x * mp.log(x / 0.75) - x + 0.75,
        lambda x: mp.log(x / 0.75),
        np.concatenate([ABOVE, 0.75 + NEAR, 0.75 - NEAR]),
        4,
        4,
    ),
    "kl_div in y": (
        lambda y: special.kl_div(0.75, y),
        lambda y: 0.75 * mp.log(0.75 / y) - 0.75 + y,
        lambda y: 1 - 0.75 / y,
        np.concatenate([ABOVE, 0.75 + NEAR, 0.75 - NEAR]),
        4,
        4,
    ),
    "logsumexp": (
        lambda x: special.logsumexp(np.stack([x * 0, x]), 0),
        lambda x: mp.log1p(mp.exp(x)),
        lambda x: 1 / (1 + mp.exp(-x)),
        np.concatenate([REAL, both(between(26, 700))]),
        4,
        4,
    ),
}


def units(found, exact, points) -> float:
    """How far off the numbers are at most, in units in the last place of the exact ones."""
    worst = 0.0
    for x, y in zip(points.tolist(), found.tolist(), strict=True):
        expected = exact(mp.mpf(x))
        if 1e-300 < abs(expected) < 1e300:
            worst = max(worst, float(abs(y - expected) / mp.mpf(float(np.spacing(abs(float(expected)))))))
    return worst


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("ignore:.*subnormal")
def test_values_and_derivatives(name):
    function, exact, derivative, points, most, most_of_derivative = FUNCTIONS[name]
    x = Tensor(points, requires_grad=True)
    y = function(x)
    (slope,) = ag.grad(y, x, np.ones(x.shape))
    with mp.workdps(60):
        found = units(y.data, exact, points), units(slope.data, derivative, points)
    assert found[0] <= most and found[1] <= most_of_derivative, found
