"""Elementwise functions held to PyTorch: values, gradients and second derivatives; derivatives to mpmath."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor

HARD = np.array([-np.inf, -3, -1.5, -1, -0.7, -0.0, 0.0, 0.3, 0.5, 1, 2, 20, np.inf, np.nan])
SAME = "sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh exp exp2 expm1 log log2 log10"
SAME += " log1p sqrt square reciprocal positive negative absolute sign sinc floor ceil trunc deg2rad rad2deg"
ONE = {name: (getattr(np, name), getattr(torch, name)) for name in SAME.split()} | {
    "i0": (np.i0, torch.special.i0),
    "rint": (np.rint, torch.round),
    "round": (lambda x: np.round(x, 1), lambda x: torch.round(x, decimals=1)),
    "fix": (np.fix, torch.fix),
    "fraction": (lambda x: np.modf(x)[0], torch.frac),
    "mantissa": (lambda x: np.frexp(x)[0], lambda x: torch.frexp(x).mantissa),
    "nan_to_num": (np.nan_to_num, torch.nan_to_num),
    "nan_to_num with": (lambda x: np.nan_to_num(x, True, 2.0, 3.0), lambda x: torch.nan_to_num(x, 2.0, 3.0)),
    "float_power": (lambda x: np.float_power(x, 3), lambda x: torch.float_power(x, 3)),
    "ldexp": (lambda x: np.ldexp(x, 3), lambda x: torch.ldexp(x, torch.tensor(3))),
}
BOTH = "maximum minimum fmax fmin hypot arctan2 logaddexp logaddexp2 copysign remainder nextafter add"
TWO = {
    name: (getattr(np, name), getattr(torch, name)) for name in (BOTH + " subtract multiply divide").split()
}
# Where PyTorch has nan for what is defined, or the other way round.
OTHER = {
    "sinc": [0, 12],  # at infinity
    "fraction": [0, 12],
    "i0": [0, 12],
    "arccosh": range(9),  # outside of where it is defined
    "absolute": [13],
    "sign": [13],  # of nan
    "arctan2": [0, 12],
    "logaddexp": [0, 12],
    "logaddexp2": [0, 12],
    "copysign": [0, 12],
    "hypot": [0, 12],
}


def derivatives(fn, arrays, make, grad):
    """fn, its gradients, and the gradients of a sum of those and of what was put in."""
    xs = [make(a) for a in arrays]
    y = fn(*xs)
    first = grad(y.sum(), xs)
    second = grad(sum((g * x * x).sum() for g, x in zip(first, xs, strict=True)), xs)
    return y, *first, *second


def ours(fn, *arrays):
    with ag.higher_order(), np.errstate(all="ignore"):
        found = derivatives(
            fn,
            arrays,
            lambda a: Tensor(a, requires_grad=True),
            lambda y, xs: ag.grad(y, xs, create_graph=True, allow_unused=True),
        )
        return [g.data for g in found]


def theirs(fn, *arrays):
    found = derivatives(
        fn,
        arrays,
        lambda a: torch.tensor(a, requires_grad=True),
        lambda y, xs: torch.autograd.grad(y, xs, create_graph=True),
    )
    return [g.detach().numpy() for g in found]


def inputs(name):
    if name in ("arcsin", "arccos", "arctanh"):
        return np.random.default_rng(0).uniform(-0.95, 0.95, 30)
    low = 1.1 if name == "arccosh" else 0.1 if name.startswith(("log", "sqrt")) else -3
    return np.random.default_rng(0).uniform(low, 3, 30)


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_number(name, dtype):
    x = inputs(name).astype(dtype)
    tolerance = 1e-11 if dtype == np.float64 else 2e-4
    for a, b in zip(ours(ONE[name][0], x), theirs(ONE[name][1], x), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ONE)
def test_one_hard_number(name):
    """Values and gradients at limits, kinks, infinities and nan."""
    x = np.delete(HARD, list(OTHER.get(name, [])))
    for a, b in list(zip(ours(ONE[name][0], x), theirs(ONE[name][1], x), strict=True))[:2]:
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("name", TWO)
def test_two_numbers(name):
    rng = np.random.default_rng(0)
    low = 0.2 if name == "power" else -2
    a, b = rng.uniform(low, 3, (4, 5)), rng.uniform(-2, 2, (4, 1))
    for found, right in zip(ours(TWO[name][0], a, b), theirs(TWO[name][1], a, b), strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("name", TWO)
def test_two_hard_numbers(name):
    """Every pair, ties among them; PyTorch's nan at what is defined here apart."""
    x = np.delete(HARD, list(OTHER.get(name, [])))
    a, b = np.repeat(x, len(x)), np.tile(x, len(x))
    if name == "remainder":  # by 0 the number of times is nan here, infinite there
        a, b = a[np.isfinite(a) & (b != 0)], b[np.isfinite(a) & (b != 0)]
    if name == "hypot":
        a, b = a[(a != 0) | (b != 0)], b[(a != 0) | (b != 0)]
    for found, right in list(zip(ours(TWO[name][0], a, b), theirs(TWO[name][1], a, b), strict=True))[:3]:
        np.testing.assert_allclose(found, right, rtol=1e-11, atol=1e-15)


# ---------------------------------------------------------------------------------------------- mpmath

PRECISE = {
    "sinc": (np.sinc, lambda m, x: m.sinc(m.pi * x), [1e-9, 1e-4, 0.1, 0.6, 0.99, 1.01, 1.5, 3.3]),
    "i0": (np.i0, lambda m, x: m.besseli(0, x), [1e-9, 0.1, 1, -3, 8.5]),
    "arctan": (np.arctan, lambda m, x: m.atan(x), [0.3, 1, 1e5]),
    "arcsin": (np.arcsin, lambda m, x: m.asin(x), [0.5, 1 - 1e-10]),
    "arccosh": (np.arccosh, lambda m, x: m.acosh(x), [1 + 1e-10, 2, 1e6]),
    "arctanh": (np.arctanh, lambda m, x: m.atanh(x), [0.5, 1 - 1e-10]),
    "arcsinh": (np.arcsinh, lambda m, x: m.asinh(x), [0.3, 1e6]),
    "expm1": (np.expm1, lambda m, x: m.expm1(x), [-40, -1e-9, 3]),
    "logaddexp": (lambda t: np.logaddexp(t, 0), lambda m, x: m.log1p(m.exp(x)), [-50, -1, 0.1, 1, 20]),
}


@pytest.mark.parametrize("name", PRECISE)
def test_derivatives_to_the_last_places(name):
    """Three of them, to 16 ulp of float64."""
    mpmath = pytest.importorskip("mpmath")
    fn, exact, points = PRECISE[name]
    x = Tensor(np.array(points), requires_grad=True)
    with ag.higher_order(), mpmath.workdps(50):
        y = fn(x)
        for order in (1, 2, 3):
            (y,) = ag.grad(y.sum(), x, create_graph=True)
            right = [float(mpmath.diff(lambda p: exact(mpmath, p), mpmath.mpf(p), order)) for p in points]
            np.testing.assert_allclose(y.data, right, rtol=16 * 2.0**-53, atol=1e-300)
