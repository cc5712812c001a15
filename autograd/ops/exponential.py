"""Exponentials, logarithms, and logarithms of sums of exponentials; the Bessel function of np.kaiser."""

from __future__ import annotations

import math

import numpy as np

from ..elementwise import elementwise, elementwise2

LN2, LN10 = math.log(2), math.log(10)

exp = elementwise(np.exp, slope=lambda y: y, doc="e to the power of x.", flops=4)
exp2 = elementwise(np.exp2, slope=lambda y: y * LN2, doc="2 to the power of x.", flops=4)
expm1 = elementwise(np.expm1, slope=lambda x: np.exp(x), doc="exp(x) - 1, accurate near 0.", flops=4)
log = elementwise(np.log, gradient=lambda g, x: g / x, doc="The natural logarithm of x.", flops=4)
log2 = elementwise(np.log2, gradient=lambda g, x: g / x / LN2, doc="The logarithm of x to base 2.", flops=4)
log10 = elementwise(
    np.log10, gradient=lambda g, x: g / x / LN10, doc="The logarithm of x to base 10.", flops=4
)
log1p = elementwise(np.log1p, gradient=lambda g, x: g / (x + 1), doc="log(1 + x), accurate near 0.", flops=4)


@np.errstate(invalid="ignore")  # where both are inf of one sign each has half
def _ahead(x1, x2):
    return np.where((x1 == x2) & np.isinf(x1), 0, x2 - x1)


def _share(x1, x2):
    """exp(x1) / (exp(x1) + exp(x2)), which never overflows and keeps its accuracy where it is small."""
    return np.exp(-np.logaddexp(0, _ahead(x1, x2)))


def _share2(x1, x2):
    return np.exp2(-np.logaddexp2(0, _ahead(x1, x2)))


logaddexp = elementwise2(
    np.logaddexp,
    lambda x1, x2: _share(x1, x2),
    lambda x1, x2: _share(x2, x1),
    doc="log(exp(x1) + exp(x2)) without overflow; of two equal infinities each has half the gradient.",
    flops=10,
)
logaddexp2 = elementwise2(
    np.logaddexp2,
    lambda x1, x2: _share2(x1, x2),
    lambda x1, x2: _share2(x2, x1),
    doc="log2(2^x1 + 2^x2) without overflow; of two equal infinities each has half the gradient.",
    flops=10,
)
