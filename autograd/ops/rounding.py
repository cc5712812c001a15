"""Rounding, and other steps: as in PyTorch they are differentiable, with a gradient of zeros."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import ArrayLike
from ..elementwise import elementwise, elementwise2
from ..op import composed, op
from ..tensor import Tensor


def _zeros(g):
    return np.zeros_like(g)


sign = elementwise(
    np.sign, gradient=lambda g: _zeros(g), doc="-1, 0 or 1 for x below, at or above 0; its gradient is 0."
)
floor = elementwise(
    np.floor, gradient=lambda g: _zeros(g), doc="The largest whole number <= x; its gradient is 0."
)
ceil = elementwise(
    np.ceil, gradient=lambda g: _zeros(g), doc="The smallest whole number >= x; its gradient is 0."
)
trunc = elementwise(np.trunc, gradient=lambda g: _zeros(g), doc="x without its fraction; its gradient is 0.")
fix = elementwise(
    np.trunc,
    name="fix",
    numpy=np.fix,  # whose calls NumPy 2.5 warns of
    gradient=lambda g: _zeros(g),
    doc="x without its fraction; its gradient is 0.",
)
rint = elementwise(
    np.rint,
    gradient=lambda g: _zeros(g),
    doc="The nearest whole number, the even one of two; its gradient is 0.",
)
floor_divide = elementwise2(
    np.floor_divide, None, None, operator="floordiv", doc="floor(x1 / x2); its gradient is 0."
)
heaviside = elementwise2(
    np.heaviside,
    None,
    lambda g, x1: np.where(x1 == 0, g, 0),
    doc="0 where x1 < 0, 1 where x1 > 0 and x2 where x1 = 0, where alone it has a gradient, that of x2.",
)


@op(inputs=1, numpy=(np.round, np.around), method=True)
def round(x: ArrayLike, decimals: int = 0):
    """x rounded to `decimals` places, half to even, of the shape of x; its gradient is 0.

    A negative number of decimals rounds to tens, hundreds ...
    """

    def backward(g):
        return (np.zeros_like(g),)

    return np.round(x, decimals), backward


@composed(numpy=np.nan_to_num)
def nan_to_num(
    x: ArrayLike,
    copy: bool = True,
    nan: ArrayLike = 0.0,
    posinf: ArrayLike | None = None,
    neginf: ArrayLike | None = None,
) -> Tensor:
    """x with numbers in place of nan, inf and -inf (by default 0 and the largest and smallest there are).

    The shape is that of x, and the gradient 0 where something was replaced. With `copy=False` x itself, a
    Tensor, is changed in place (RuntimeError for a leaf that requires a gradient).
    """
    y = _nan_to_num(x, nan, posinf, neginf)
    if copy or not isinstance(x, Tensor):
        return y
    from ..inplace import assign  # which stands above the ops

    return assign(x, y)


@op(inputs=1)
def _nan_to_num(x: ArrayLike, nan: Any = 0.0, posinf: Any = None, neginf: Any = None):
    finite = np.isfinite(x)

    def backward(g):
        return (np.where(finite, g, 0),)

    return np.nan_to_num(x, True, nan, posinf, neginf), backward
