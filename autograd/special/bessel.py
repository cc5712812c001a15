"""Modified Bessel functions of the first kind, under SciPy's names."""

from __future__ import annotations

import math

import numpy as np

from ..op import op
from ..tensor import Tensor
from .borrowed import borrowed, checked, inside, of_scipy


@op(inputs=1, flops=40)
def _bessel_ratio(x, n):
    """I_n(x) / x^n, whose derivative is x times the next: of every order at 0, too."""
    if isinstance(x, Tensor):  # the body run again, for its backward
        y = _bessel_ratio(x, n)
    else:
        wide = x.astype(checked(x.dtype))
        y = of_scipy("hyp0f1")(n + 1.0, wide * wide / 4) * (0.5**n / math.factorial(n))
        y = y.astype(x.dtype)

    def backward(g):
        return (g * x * inside(_bessel_ratio)(x, n + 1),)

    return y, backward


@op(inputs=1, flops=60)
def _kummer(x, a, b):
    """1F1(a; b; -2 x): e^-x (I_0(x) - I_1(x)) for (3/2, 2), e^-x I_1(x) 2 / x for (3/2, 3)."""
    if isinstance(x, Tensor):
        y = _kummer(x, a, b)
    else:
        y = of_scipy("hyp1f1")(a, b, x.astype(checked(x.dtype)) * -2).astype(x.dtype)

    def backward(g):
        return (g * inside(_kummer)(x, a + 1, b + 1) * (-2 * a / b),)

    return y, backward


def _i0e_slope(x):
    """sign(x) (i1e(|x|) - i0e(x)), without the difference of near equals; 0 at the kink."""
    return -np.sign(x) * inside(_kummer)(np.absolute(x), 1.5, 2.0)


def _i1e_slope(x):
    size = np.absolute(x)
    return inside(_kummer)(size, 1.5, 2.0) - inside(_kummer)(size, 1.5, 3.0) / 2


i0 = borrowed("i0", slope=lambda x: inside(i1)(x), doc="The modified Bessel function I_0. Needs SciPy.")
i1 = borrowed(
    "i1",
    slope=lambda x: inside(i0)(x) - inside(_bessel_ratio)(x, 1),
    doc="The modified Bessel function I_1. Needs SciPy.",
)
i0e = borrowed("i0e", slope=_i0e_slope, doc="exp(-|x|) I_0(x), with gradient 0 at 0. Needs SciPy.")
i1e = borrowed("i1e", slope=_i1e_slope, doc="exp(-|x|) I_1(x). Needs SciPy.")
