"""Modified Bessel functions of the first kind, of orders 0 and 1, under SciPy's names."""

from __future__ import annotations

import math

import numpy as np

from ..op import op
from ..tensor import Tensor
from .borrowed import borrowed, checked, inside, of_scipy, of_scipy_or, special_function


@op(inputs=1, flops=40)
def _bessel_ratio(x, n):
    """I_n(x) / x^n, whose derivative is x times the next: of every order at 0, too."""
    y = _bessel_ratio(x, n) if isinstance(x, Tensor) else _ratio(x, n)  # of Tensors: run again, for backward

    def backward(g):
        return (g * x * inside(_bessel_ratio)(x, n + 1),)

    return y, backward


@op(inputs=1, flops=60)
def _kummer(x, a, b):
    """1F1(a; b; -2 x): e^-x (I_0(x) - I_1(x)) for (3/2, 2), e^-x I_1(x) 2 / x for (3/2, 3)."""
    y = _kummer(x, a, b) if isinstance(x, Tensor) else _kummer_values(x, a, b)

    def backward(g):
        return (g * inside(_kummer)(x, a + 1, b + 1) * (-2 * a / b),)

    return y, backward


def _kummer_values(x, a, b):
    wide = x.astype(checked(x.dtype))
    if (a, b) == (1.5, 3):
        y = np.where(wide == 0, 1, of_scipy("i1e")(wide) / np.where(wide == 0, 1, wide) * 2)
    else:
        y = np.where(wide > 1e30, 0, of_scipy("hyp1f1")(a, b, np.minimum(wide, 1e30) * -2))
    return y.astype(x.dtype)


def _series(x, n):
    """I_n(x) / (x / 2)^n for |x| < 1, where SciPy's is 6 units in the last place off."""
    half = np.clip(x, -1, 1) / 2
    total = np.zeros_like(half)
    for k in range(9, -1, -1):
        total = total * half * half + 1 / (math.factorial(k) * math.factorial(k + n))
    return total


# I_n(x) / x^n is the mean of cosh(c x) s^2n, with c = cos(t) and s = sin(t), over a quarter of a circle,
# divided by 1 * 3 * ... * (2 n - 1): a sum of positive terms. It stands in for SciPy where that is missing.
_ANGLES = [math.pi * (k + 0.5) / 192 for k in range(96)]


def _mean(x, n):
    size = np.absolute(x)
    total = np.zeros_like(size)
    for t in _ANGLES:  # e^size is left out, which would cost as many units
        near, far = 2 * math.sin(t / 2) ** 2, 1 + math.cos(t)
        total = total + (np.exp(-size * near) + np.exp(-size * far)) * math.sin(t) ** (2 * n)
    return np.exp(size) * (total / (192 * math.prod(range(1, 2 * n, 2))))


def _i0(x):
    return np.where(np.absolute(x) < 1, _series(x, 0), of_scipy_or(np.i0, "i0")(x))


def _i1(x):
    far = of_scipy_or(lambda x: _mean(x, 1) * x, "i1")(x)
    return np.where(np.absolute(x) < 1, _series(x, 1) * x / 2, far)


def _ratio(x, n):
    wide = x.astype(checked(x.dtype))
    if n == 1:
        y = np.where(np.absolute(wide) < 1, _series(wide, 1) / 2, _i1(wide) / np.where(wide == 0, 1, wide))
    else:
        far = of_scipy_or(None, "hyp0f1")
        far = far(n + 1.0, wide * wide / 4) / (math.factorial(n) * 2**n) if far else _mean(wide, n)
        y = np.where(np.absolute(wide) < 1, _series(wide, n) * 0.5**n, far)
    return y.astype(x.dtype)


def _i0e_slope(x):
    """sign(x) (i1e(|x|) - i0e(x)), without the difference of near equals; 0 at the kink."""
    return -np.sign(x) * inside(_kummer)(np.absolute(x), 1.5, 2.0)


def _i1e_slope(x):
    size = np.absolute(x)
    return inside(_kummer)(size, 1.5, 2.0) - inside(_kummer)(size, 1.5, 3.0) / 2


i0 = special_function(
    _i0,
    name="i0",
    numpy=np.i0,
    slope=lambda x: inside(i1)(x),
    doc="The modified Bessel function I_0.",
)
i1 = special_function(
    _i1,
    name="i1",
    slope=lambda x: inside(i0)(x) - inside(_bessel_ratio)(x, 1),
    doc="The modified Bessel function I_1.",
)
i0e = borrowed("i0e", slope=_i0e_slope, doc="exp(-|x|) I_0(x), with gradient 0 at 0.")
i1e = borrowed("i1e", slope=_i1e_slope, doc="exp(-|x|) I_1(x).")
