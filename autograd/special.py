"""Special functions, under SciPy's names: `scipy.special.f(t)` of a Tensor comes here where it is a ufunc."""

from __future__ import annotations

import numpy as np

from .arrays import ArrayLike, Axes, working
from .kernels import blocks, exp_sums, row_sums
from .op import elementwise, op
from .ops.reduce import reduced, widened, without


def _in_wider(kernel, x):
    """kernel(x) computed in float32 for float16, and in float64 for whole numbers."""
    y = kernel(x.astype(working(x.dtype)))
    return y.astype(x.dtype) if x.dtype.kind == "f" else y


def sigmoid_kernel(x):
    """sigmoid of an array: e^x / (1 + e^x) below 0 and 1 / (1 + e^-x) above, so that nothing overflows."""
    if x.dtype.char not in "fdg":
        return _in_wider(sigmoid_kernel, x)
    e = np.exp(-np.absolute(x))
    return np.where(x < 0, e, 1) / (1 + e)


expit = elementwise(
    sigmoid_kernel,
    name="expit",
    slope=lambda y: y * (1 - y),
    doc="1 / (1 + exp(-x)), accurate for every x.",
    flops=8,
)


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
        return _in_wider(erf_kernel, x)
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


def softmax_plain(x, axis=None):
    if x.dtype.char not in "fdg":
        return widened(softmax_plain, x, axis)
    y = np.empty_like(x)  # an array where x is 0-d, too
    np.subtract(x, x.max(axis=axis, keepdims=True, initial=-np.inf), out=y)
    np.exp(y, out=y)
    y /= y.sum(axis=axis, keepdims=True)

    def backward(g):  # dx = (g - <g, y>) y
        dx = g * y
        dx -= dx.sum(axis=axis, keepdims=True) * y
        return (dx,)

    return y, backward


@op(inputs=1, plain=softmax_plain, flops=6)
def softmax(x: ArrayLike, axis: Axes = None):
    """exp(x) / sum(exp(x)) along `axis` (an axis, several, or None for all), of the shape of x.

    Shifted by the maximum where something might overflow.
    """
    if axis not in (-1, x.ndim - 1) or not x.ndim or not x.size or x.dtype.char not in "fd":
        return softmax_plain(x, axis)
    shape, x = x.shape, x.reshape(-1, x.shape[-1])
    y = np.empty_like(x)
    for block in blocks(*x.shape):
        total, _ = exp_sums(x[block], y[block])
        y[block] *= (1 / total)[:, None]

    def backward(g):
        dx = g.reshape(y.shape) * y
        dx -= y * row_sums(dx)[:, None]
        return (dx.reshape(shape),)

    return y.reshape(shape), backward


@op(inputs=1, flops=6)
def log_softmax(x: ArrayLike, axis: Axes = None):
    """x - log(sum(exp(x))) along `axis` (an axis, several, or None for all), of the shape of x.

    Shifted by the maximum, so that nothing overflows.
    """
    if x.dtype.char not in "fdg":
        return widened(log_softmax.body, x, axis)
    if not x.size:
        return np.empty_like(x), lambda g: (g,)
    y = x - x.max(axis=axis, keepdims=True)
    y -= np.log(np.exp(y).sum(axis=axis, keepdims=True))

    def backward(g):  # dx = g - sum(g) softmax(x)
        return (g - np.exp(y) * g.sum(axis=axis, keepdims=True),)

    return y, backward


@op(inputs=1, flops=6)
def logsumexp(x: ArrayLike, axis: Axes = None, keepdims: bool = False):
    """log(sum(exp(x))) along `axis` (an axis, several, or None for all).

    The shape is x's without these axes; with `keepdims` they stay, with length 1.
    Shifted by the maximum, so that nothing overflows.
    """
    if x.dtype.char not in "fdg":
        return widened(logsumexp.body, x, axis, keepdims)
    small, _ = reduced(x.shape, axis)
    top = x.max(axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)  # a row of -inf gives -inf, not nan
    p = np.exp(x - top)
    total = p.sum(axis=axis, keepdims=True)
    top = np.where(total == 0, -np.inf, top)
    total = np.where(total == 0, 1, total)
    y = np.log(total) + top

    def backward(g):  # softmax(x); 0 where every element is -inf
        return (g.reshape(small) * p / total,)

    return y if keepdims else y.reshape(without(x.shape, axis)), backward
