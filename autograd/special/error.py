"""The error function and its kin, under SciPy's names."""

from __future__ import annotations

import numpy as np

from ..elementwise import elementwise
from ..tensor import Tensor
from .borrowed import borrowed, in_blocks, inside, of_scipy, special_function
from .erfcx import _bell, bell_kernel, erfcx_kernel, ratio
from .wider import in_wider

# W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969): numerator and
# denominator, highest power first, of erf(x) / x in x^2 up to 0.46875, and of exp(x^2) erfc(x) in x beyond.
_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2)
    + (3.20937758913846947e3,),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
_FAR = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1)
    + (2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3)
    + (1.23033935479799725e3,),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3)
    + (3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)


# Of erf(x) / x in x^2 up to 4, fitted by weighted least squares: 2.5e-8 off at most, a third of the passes.
_SINGLE = (
    (1.98673172e-6, 2.84565378e-4, 3.88343893e-3, 5.31020474e-2, 1.93547668e-1, 1.12837914),
    (3.74196127e-5, 1.18558877e-3, 1.52074497e-2, 1.15351037e-1, 5.0485971e-1, 1.0),
)


def erf_kernel(x):
    """erf of an array, to 4 units in the last place of float64, or of float32; of Tensors, the op erf."""
    if isinstance(x, Tensor):
        return erf(x)
    if x.dtype.char not in "fdg":
        return in_wider(erf_kernel, x)
    if x.dtype == np.float32:
        x = np.clip(x, -4, 4)  # erf(4) is 1 in float32
        x *= ratio(x * x, *_SINGLE)
        return np.clip(x, -1, 1)
    size = np.minimum(np.absolute(x), 6.0)  # erf(6) is 1 in float64
    near = np.minimum(size, 0.5)
    far = np.sign(x) * (1 - np.exp(-size * size) * ratio(size, *_FAR))
    return np.where(size <= 0.46875, x * ratio(near * near, *_NEAR), far)


_ROOT_PI = 1.7724538509055159  # sqrt(pi)


def _erf_slope(x):
    """In float32 by the rounded square, six times as fast: 3 units off to x = 2, 9 to 4, 63 at the end."""
    if isinstance(x, Tensor) or x.dtype != np.float32:
        return inside(_bell)(x) * (2 / _ROOT_PI)
    x = np.clip(x, -30, 30)
    x *= x
    return np.exp(-x) * (2 / _ROOT_PI)


erf = elementwise(
    lambda x: in_blocks(erf_kernel, x),
    name="erf",
    slope=lambda x: _erf_slope(x),
    doc="The error function 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x.",
    flops=20,
)


def _erfc(x):
    return np.where(x > 0.5, bell_kernel(x) * erfcx_kernel(np.maximum(x, 0.5)), 1 - erf_kernel(x))


erfc = special_function(
    _erfc,
    name="erfc",
    slope=lambda x: inside(_bell)(x) * (-2 / _ROOT_PI),
    doc="1 - erf(x), accurate where that is small.",
)
# exp(y^2) for y = erfinv(x) is erfcx(|y|) / (1 - |x|), in which an error of y does not grow by y^2.


def _inverse_slope(inverse, x, rest):
    y = np.minimum(np.absolute(of_scipy(inverse)(x)), 40)  # finite, or 0 / 0 at the ends
    return erfcx_kernel(y) * (_ROOT_PI / 2) / rest


_erfinv_slope = special_function(
    lambda x: _inverse_slope("erfinv", x, 1 - np.absolute(x)),
    name="erfinv_slope",
    slope=lambda x, y: inside(erfinv)(x) * y * y * 2,
    doc="The derivative of erfinv, sqrt(pi) / 2 * exp(erfinv(x)^2).",
)
_erfcinv_slope = special_function(
    lambda x: -_inverse_slope("erfcinv", x, np.minimum(x, 2 - x) + 0.0),
    name="erfcinv_slope",
    slope=lambda x, y: inside(erfcinv)(x) * y * y * 2,
    doc="The derivative of erfcinv, -sqrt(pi) / 2 * exp(erfcinv(x)^2).",
)
erfinv = borrowed(
    "erfinv",
    slope=lambda x: inside(_erfinv_slope)(x),
    doc="The inverse of erf: inf at 1, -inf at -1, nan beyond.",
)
erfcinv = borrowed(
    "erfcinv",
    slope=lambda x: inside(_erfcinv_slope)(x),
    doc="The inverse of erfc: inf at 0, -inf at 2, nan beyond.",
)
