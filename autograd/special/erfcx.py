"""exp(x^2) erfc(x), its derivative, and exponentials of squares: what tails of the normal are made of."""

from __future__ import annotations

import numpy as np

from .borrowed import inside, special_function

_TWO_BY_ROOT_PI = 1.1283791670955126

# Numerators and denominators, highest power first, interpolated in 80 digits: of erfcx, and of its derivative
# without the sign, in x up to 2; beyond, of r in (1 - w r(w)) / (sqrt(pi) x) with w = 1 / x^2, where the
# derivative's is over x once more.
_NEAR = (
    (2.254611793717582e-10, 0.0002480469222991685, 0.00441690642543306, 0.03638047200530128)
    + (0.17932794544725128, 0.5722531503003931, 1.193899339204215, 1.531117116853581)
    + (1.0,),
    (0.0004396664021287759, 0.00782849520395026, 0.06470576348279468, 0.3217360033306853)
    + (1.0465171446720831, 2.269977457086685, 3.1948195409803097, 2.6594962839490934)
    + (1.0,),
)
_FAR = (
    (42.374283560738874, 6191.619214209462, 34972.65379934057, 61662.338158130435)
    + (47555.372253098874, 18455.17776504172, 3823.0056488962177, 423.5163088889741)
    + (23.383879484732066, 0.5),
    (8420.7658969004, 73679.92826746796, 198360.4199449976, 235109.48857344943)
    + (142402.12878110318, 47328.47928532365, 8851.658586000276, 915.684256232166)
    + (48.26775896946409, 1.0),
)
_SLOPE_NEAR = (
    (1.717805088383978e-09, -6.133073267930736e-08, 0.00033293956163658097, 0.0055912502118462696)
    + (0.043868981445673805, 0.20231045843819045, 0.602111262493112, 1.0798273470036535)
    + (1.1283791670955126,),
    (0.0005882023031406195, 0.00993246827841215, 0.07844821047263612, 0.37474944820381395)
    + (1.1758968026020407, 2.4685258636515566, 3.37138869677561, 2.729425920660371)
    + (1.0,),
)
_SLOPE_FAR = (
    (167.10079891699573, 176223.37115996217, 1036994.6059395919, 1972378.383123301)
    + (1696665.9441647143, 760393.8354752557, 190141.92402834346, 27179.23949814186)
    + (2181.9969473083224, 90.60077815635857, 1.5),
    (179829.8119971974, 1286487.28420649, 3126247.457648673, 3578533.683829544)
    + (2212209.2297621444, 791282.9521039698, 169034.73444004537, 21616.403280679573)
    + (1603.1659284661516, 62.900518770905705, 1.0),
)


def ratio(x, numerator, denominator):
    """Of two polynomials in x."""
    return _polynomial(x, numerator) / _polynomial(x, denominator)


def _polynomial(x, coefficients):
    """By Horner's rule, in place, which takes three quarters of the time."""
    first, *others = coefficients
    p = x * first
    for a in others[:-1]:
        p += a
        p *= x
    p += others[-1]
    return p


def _falling(x, near, far, power):
    """A function of x >= 0 by its tables, which falls like x^-power."""
    reciprocal = 1 / np.maximum(x, 2)
    w = reciprocal * reciprocal
    tail = (1 - w * ratio(w, *far)) * (_TWO_BY_ROOT_PI / 2) * reciprocal**power
    return np.where(x < 2, ratio(np.clip(x, 0, 2), *near), tail)


def exp_of_square(x, scale):
    """exp(scale x^2), scale a power of 2, to 2 units in the last place.

    x^2 alone, rounded, would cost x^2 units. The square of the nearest sixteenth is exact.
    """
    near = np.rint(x * 16)
    near /= 16
    rest, more = x - near, x + near
    more *= scale
    rest *= more
    near *= near
    near *= scale
    y = np.exp(near)
    y *= np.exp(rest)
    return y


def bell_kernel(x, scale=-1.0):
    """exp(-x^2), or exp(scale x^2) for another scale below 0."""
    return exp_of_square(np.clip(x, -40, 40), scale)


def erfcx_kernel(x):
    """exp(x^2) erfc(x) of an array, to 4 units in the last place."""
    least = -np.sqrt(np.log(np.finfo(x.dtype).max / 2))  # below it overflows
    y = _falling(np.absolute(x), _NEAR, _FAR, 1)
    y = np.where(x < 0, 2 * exp_of_square(np.clip(x, least, 0), 1) - y, y)
    return np.where(x < least, np.inf, y)


def _erfcx_slope_kernel(x):
    """2 x erfcx(x) - 2 / sqrt(pi), without the difference of near equals that this is for large x."""
    below = np.clip(x, -40, 0)  # -inf below -27
    rising = 2 * below * erfcx_kernel(below) - _TWO_BY_ROOT_PI
    return np.where(x < 0, rising, -_falling(np.absolute(x), _SLOPE_NEAR, _SLOPE_FAR, 2))


_bell = special_function(
    bell_kernel,
    name="exp_minus_square",
    slope=lambda x, y: x * y * -2,
    doc="exp(-x^2), accurate for every x.",
)
erfcx = special_function(
    erfcx_kernel,
    name="erfcx",
    slope=lambda x: inside(_erfcx_slope)(x),
    doc="exp(x^2) erfc(x), which falls like 1 / x.",
)
_erfcx_slope = special_function(
    _erfcx_slope_kernel,
    name="erfcx_slope",
    slope=lambda x, y: x * y * 2 + inside(erfcx)(x) * 2,
    doc="The derivative of erfcx, 2 x erfcx(x) - 2 / sqrt(pi).",
)
