"""Trigonometric and hyperbolic functions and their inverses, of angles in radians; sinc."""

from __future__ import annotations

import math

import numpy as np

from ..elementwise import elementwise, elementwise2

sin = elementwise(np.sin, slope=lambda x: np.cos(x), doc="The sine of x, in radians.", flops=8)
cos = elementwise(np.cos, slope=lambda x: -np.sin(x), doc="The cosine of x, in radians.", flops=8)
tan = elementwise(np.tan, slope=lambda y: 1 + y * y, doc="The tangent of x, in radians.", flops=8)
sinh = elementwise(np.sinh, slope=lambda x: np.cosh(x), doc="The hyperbolic sine of x.", flops=8)
cosh = elementwise(np.cosh, slope=lambda x: np.sinh(x), doc="The hyperbolic cosine of x.", flops=8)
tanh = elementwise(np.tanh, slope=lambda y: 1 - y * y, doc="The hyperbolic tangent of x.", flops=8)

# (1 - x)(1 + x) in place of 1 - x * x, which cancels near 1; hypot in place of squares, which overflow.
arcsin = elementwise(
    np.arcsin,
    gradient=lambda g, x: g / np.sqrt((1 - x) * (1 + x)),
    doc="The angle in [-pi/2, pi/2] whose sine is x; nan beyond [-1, 1], where the slope ends at inf.",
    flops=8,
)
arccos = elementwise(
    np.arccos,
    gradient=lambda g, x: -g / np.sqrt((1 - x) * (1 + x)),
    doc="The angle in [0, pi] whose cosine is x; nan beyond [-1, 1], where the slope ends at -inf.",
    flops=8,
)
arctan = elementwise(
    np.arctan,
    slope=lambda x: np.square(1 / np.hypot(1, x)),
    doc="The angle in [-pi/2, pi/2] whose tangent is x.",
    flops=8,
)
arcsinh = elementwise(
    np.arcsinh, slope=lambda x: 1 / np.hypot(1, x), doc="The number whose hyperbolic sine is x.", flops=8
)
arccosh = elementwise(
    np.arccosh,
    gradient=lambda g, x: g / (np.sqrt(x - 1) * np.sqrt(x + 1)),
    doc="The number >= 0 whose hyperbolic cosine is x; nan below 1, where the slope ends at inf.",
    flops=8,
)
arctanh = elementwise(
    np.arctanh,
    gradient=lambda g, x: g / ((1 - x) * (1 + x)),
    doc="The number whose hyperbolic tangent is x; nan beyond [-1, 1].",
    flops=8,
)


def _never_0(y):
    """y with inf in place of 0, so that what is divided by it is 0 there, and so are its derivatives."""
    return np.where(y == 0, np.inf, y)


hypot = elementwise2(
    np.hypot,
    lambda x1, y: x1 / _never_0(y),
    lambda x2, y: x2 / _never_0(y),
    doc="sqrt(x1^2 + x2^2) without overflow; the gradient is 0 where both are 0.",
    flops=8,
)


def _arctan2_slope(other, x1, x2):
    radius = _never_0(np.hypot(x1, x2))
    far = np.isinf(radius)
    radius = np.where(far, 1, radius)
    return np.where(far, 0, other / radius / radius)


arctan2 = elementwise2(
    np.arctan2,
    lambda x1, x2: _arctan2_slope(x2, x1, x2),
    lambda x1, x2: -_arctan2_slope(x1, x1, x2),
    doc="The angle in [-pi, pi] of the point (x2, x1) in the plane; its gradient is 0 at the origin.",
    flops=8,
)

# Of sinc'(x) / x in powers of x^2, highest first; for |x| < 1 enough for several more derivatives, too.
_SINC = [(-1) ** k * 2 * k * math.pi ** (2 * k) / math.factorial(2 * k + 1) for k in range(22, 0, -1)]


def _sinc_slope(x):
    """(cos(pi x) - sinc(x)) / x, which cancels near 0, where it is a series."""
    near = np.absolute(x) < 1
    small, large = np.where(near, x, 0), np.where(near, 1, x)
    square, series = small * small, _SINC[0]
    for coefficient in _SINC[1:]:
        series = series * square + coefficient
    return np.where(near, small * series, (np.cos(np.pi * large) - np.sinc(large)) / large)


sinc = elementwise(
    np.sinc,
    slope=lambda x: _sinc_slope(x),
    numpy=np.sinc,
    doc="sin(pi x) / (pi x), and 1 at 0, with accurate derivatives there.",
    flops=12,
)
