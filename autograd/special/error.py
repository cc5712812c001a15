"""The error function and its kin, under SciPy's names."""

from __future__ import annotations

import numpy as np

from ..op import elementwise
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


def _ratio(x, numerator, denominator):
    p, q = numerator[0], denominator[0]
    for a, b in zip(numerator[1:], denominator[1:], strict=True):
        p = p * x + a
        q = q * x + b
    return p / q


def erf_kernel(x):
    """erf of an array, to 4 units in the last place of float64, or of float32."""
    if x.dtype.char not in "fdg":
        return in_wider(erf_kernel, x)
    if x.dtype == np.float32:
        x = np.clip(x, -4, 4)  # erf(4) is 1 in float32
        return np.clip(x * _ratio(x * x, *_SINGLE), -1, 1)
    size = np.minimum(np.absolute(x), 6.0)  # erf(6) is 1 in float64
    near = np.minimum(size, 0.5)
    far = np.sign(x) * (1 - np.exp(-size * size) * _ratio(size, *_FAR))
    return np.where(size <= 0.46875, x * _ratio(near * near, *_NEAR), far)


erf = elementwise(
    erf_kernel,
    name="erf",
    slope=lambda x: np.exp(-np.square(np.clip(x, -30, 30))) * 1.1283791670955126,  # 2 / sqrt(pi)
    doc="The error function 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x.",
    flops=20,
)
