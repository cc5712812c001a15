"""Parts of numbers: sign, fraction, mantissa and exponent, real part and angle; and numbers made of them."""

from __future__ import annotations

import numpy as np

from ..arguments import tensor_of
from ..arrays import ArrayLike, as_array, opaque
from ..constant import constant
from ..elementwise import elementwise, elementwise2
from ..op import composed, op
from ..tensor import Tensor

absolute = elementwise(np.absolute, slope=lambda x: np.sign(x), doc="|x|, with gradient 0 at 0.")
fabs = elementwise(np.fabs, slope=lambda x: np.sign(x), doc="|x| as a float, with gradient 0 at 0.")
copysign = elementwise2(
    np.copysign,
    lambda x1, y: np.sign(x1) * np.sign(y),
    None,
    doc="|x1| with the sign of x2; the gradient of x1 is 0 at 0, that of x2 everywhere.",
)
spacing = constant(np.spacing)
signbit = constant(np.signbit)


@op(numpy=np.nextafter)
def nextafter(x1: ArrayLike, x2: ArrayLike):
    """The float next to x1 in the direction of x2, shapes broadcast.

    The gradient goes to x1; as in PyTorch it is 0 where they are equal, and for x2.
    """
    moved = x1 != x2

    def backward(g):
        return np.where(moved, g, 0), np.zeros_like(g)

    return np.nextafter(x1, x2), backward


@composed(numpy=np.ldexp)
def ldexp(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """x1 * 2^x2 with integers x2, shapes broadcast; the gradient goes to x1.

    TypeError where x2 is not of integers.
    """
    x2 = x2 if isinstance(x2, Tensor) else as_array(x2)
    if x2.dtype.kind not in "iub":
        raise TypeError(f"ldexp: x2 is of {x2.dtype}, not of integers; x1 * np.exp2(x2) takes all numbers")
    return _ldexp(x1, x2)


@op(inputs=1)
def _ldexp(x1: ArrayLike, x2: ArrayLike):
    def backward(g):
        return (np.ldexp(g, x2),)

    return np.ldexp(x1, x2), backward


@composed(numpy=np.frexp)
def frexp(x: ArrayLike) -> tuple[Tensor, Tensor]:
    """(m, e) with x = m * 2^e, 0.5 <= |m| < 1 and integers e, both of the shape of x; e is a constant.

    The gradient goes through m, whose slope is 2^-e.
    """
    x = tensor_of(x)
    exponent = np.empty_like(x.data, dtype=np.intc)
    _put_exponents(exponent, x.data)
    return ldexp(x, -exponent), Tensor(exponent)


@opaque
def _put_exponents(exponent, x):
    exponent[...] = np.frexp(x)[1]


@op(several=True)
def _modf(x: ArrayLike):
    def backward(g):
        return (np.zeros_like(g[1]) if g[0] is None else g[0],)

    if x.dtype.kind != "f":
        x = x.astype(np.result_type(x.dtype, np.float16))
    finite = np.where(np.isinf(x), 0, x)  # np.modf has two results, which a replay does not follow
    return (np.copysign(finite - np.trunc(finite), x), np.trunc(x)), backward


@composed(numpy=np.modf)
def modf(x: ArrayLike) -> tuple[Tensor, Tensor]:
    """(fraction, whole) with the sign of x and of its shape; the gradient goes through the fraction."""
    fraction, whole = _modf(x)
    return fraction, whole


@op(numpy=np.real, flops=0, view=True)
def real(val: ArrayLike):
    """The real part of val, all of it: a view, of the same shape."""

    def backward(g):
        return (g,)

    return np.real(val)[...], backward


@composed(numpy=np.real_if_close)
def real_if_close(a: ArrayLike, tol: float = 100) -> Tensor:
    """`a`, whose numbers are real, of its shape."""
    return real(a)


imag = constant(np.imag)
conjugate = elementwise(np.conjugate, gradient=lambda g: g, method=True, doc="x, as it is real.")
