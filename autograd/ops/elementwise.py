"""Arithmetic and elementary functions, elementwise with broadcasting."""

import numpy as np

from .._op import op


@op
def add(a, b):
    return a + b, _to_both


def _to_both(g):  # the backward of `add`, not made inside it: that takes 0.06 us, when 4 x 4 takes 0.2
    return g, g


@op
def subtract(a, b, *, needs):
    def backward(g):
        return g, -g if needs[1] else None

    return a - b, backward


@op
def multiply(a, b, *, needs):
    y = a * b
    a, b = a if needs[1] else None, b if needs[0] else None  # keep only what backward reads

    def backward(g):
        return g * b if needs[0] else None, g * a if needs[1] else None

    return y, backward


@op
def divide(a, b, *, needs):
    y = a / b
    ratio = y if needs[1] else None

    def backward(g):  # d(a / b) = da / b - (a / b) db / b
        da = g / b
        return da if needs[0] else None, -da * ratio if needs[1] else None

    return y, backward


@op
def negative(x):
    def backward(g):
        return (-g,)

    return -x, backward


def _power(a, b):
    """a ** b, by faster ways for 2, 0.5 and -1 only where b is Python's number.

    `**` of older NumPy (2.1) takes them for a 0-d array too. Then rounding would depend on its number, and a
    replay could not follow.
    """
    return a**b if type(b) in (int, float) else np.power(a, b)


@op
def power(a, b, *, needs):
    """a ** b; the gradient of b is 0 where a = 0 and b >= 0, and that of a is 0 where b = 0."""
    y = _power(a, b)
    b, kept = b if needs[0] else None, y if needs[1] else None

    def backward(g):  # da = b a^(b - 1), db = log(a) a^b
        da = g * (b * _power(a, b - (b != 0))) if needs[0] else None
        # where a = 0, a^b <= 1 says that b >= 0
        db = g * (kept * np.log(a + ((a == 0) * (kept <= 1)).astype(g.dtype))) if needs[1] else None
        return da, db

    return y, backward


@op
def absolute(x):
    """|x|, with gradient 0 at 0."""

    def backward(g):
        return (g * np.sign(x),)

    return np.absolute(x), backward


@op
def exp(x):
    y = np.exp(x)

    def backward(g):
        return (g * y,)

    return y, backward


@op
def expm1(x):
    y = np.expm1(x)

    def backward(g):
        return (g * (y + 1),)

    return y, backward


@op
def log(x):
    def backward(g):
        return (g / x,)

    return np.log(x), backward


@op
def log1p(x):
    def backward(g):
        return (g / (x + 1),)

    return np.log1p(x), backward


@op
def sqrt(x):
    y = np.sqrt(x)

    def backward(g):
        return (g / (2 * y),)

    return y, backward


@op
def square(x):
    def backward(g):
        return (g * x * 2,)

    return np.square(x), backward


@op
def sin(x):
    def backward(g):
        return (g * np.cos(x),)

    return np.sin(x), backward


@op
def cos(x):
    def backward(g):
        return (-g * np.sin(x),)

    return np.cos(x), backward


@op
def tanh(x):
    y = np.tanh(x)

    def backward(g):
        return (g * (1 - y * y),)

    return y, backward


@op
def sigmoid(x):
    """1 / (1 + exp(-x)), accurate for every x."""
    y = sigmoid_kernel(x)

    def backward(g):
        return (g * y * (1 - y),)

    return y, backward


def sigmoid_kernel(x):
    """sigmoid of an array: e^x / (1 + e^x) below 0 and 1 / (1 + e^-x) above, so that nothing overflows."""
    e = np.exp(-np.absolute(x))
    return np.where(x < 0, e, 1) / (1 + e)


@op
def erf(x):
    """The error function 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x."""

    def backward(g):
        return (g * np.exp(-x * x) * 1.1283791670955126,)  # 2 / sqrt(pi)

    return erf_kernel(x), backward


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
    if x.dtype == np.float32:
        x = np.clip(x, -4, 4)  # erf(4) is 1 in float32
        return np.clip(x * _ratio(x * x, *_SINGLE), -1, 1)
    size = np.minimum(np.absolute(x), 6.0)  # erf(6) is 1 in float64
    near = np.minimum(size, 0.5)
    far = np.sign(x) * (1 - np.exp(-size * size) * _ratio(size, *_FAR))
    return np.where(size <= 0.46875, x * _ratio(near * near, *_NEAR), far)


@op
def maximum(a, b):
    """The larger of a and b; where they are equal each gets half of the gradient."""

    def backward(g):
        half = g * (a == b) / 2
        return g * (a > b) + half, g * (a < b) + half

    return np.maximum(a, b), backward


@op
def minimum(a, b):
    """The smaller of a and b; where they are equal each gets half of the gradient."""

    def backward(g):
        half = g * (a == b) / 2
        return g * (a < b) + half, g * (a > b) + half

    return np.minimum(a, b), backward


@op(inputs=1)
def clip(x, a_min=None, a_max=None):
    """x limited to [a_min, a_max]; the gradient passes where x lies within, the limits included."""
    inside = (x >= (-np.inf if a_min is None else a_min)) & (x <= (np.inf if a_max is None else a_max))

    def backward(g):
        return (g * inside,)

    return np.clip(x, a_min, a_max), backward


@op
def where(condition, a, b):
    def backward(g):
        return None, np.where(condition, g, 0), np.where(condition, 0, g)

    return np.where(condition, a, b), backward


@op(inputs=1)
def astype(x, dtype, *, needs):
    """x in another dtype; the gradient comes back in x's own."""
    own = x.dtype
    if needs[0] and np.dtype(dtype).kind != "f":
        raise TypeError(f"{np.dtype(dtype)} has no gradient; use .detach() first")

    def backward(g):
        return (g.astype(own),)

    return x.astype(dtype), backward
