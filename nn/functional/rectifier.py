"""Rectifiers: as they are above 0, and something else below.

Where numbers are chosen by their sign, they are multiplied by the mask as 0 and 1: np.where branches, and
takes ten times as long where signs are mixed. np.clip with both bounds is fast; np.maximum with a number is
not.
"""

from __future__ import annotations

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike, drawn
from .. import random
from ._curve import applied, curve, masked
from ._inputs import as_float, in_place, where

__all__ = [
    "celu",
    "celu_",
    "elu",
    "elu_",
    "leaky_relu",
    "leaky_relu_",
    "prelu",
    "relu",
    "relu_",
    "rrelu",
    "rrelu_",
]
__all__ += ["selu", "selu_"]


def _rectified(x):
    return np.clip(x, 0, np.inf) if x.dtype.kind == "f" else np.maximum(x, 0)


# `!=` hands the gradient on where y is nan, as PyTorch does.
_relu = ag.elementwise(_rectified, name="relu", slope=lambda y: y != 0, doc="max(x, 0).")


def relu(input: ArrayLike, inplace: bool = False) -> Tensor:
    """max(input, 0), elementwise, with gradient 0 at 0; with `inplace`, input becomes it."""
    return in_place(input, _relu(input), True) if inplace else _relu(input)


def relu_(input: ArrayLike) -> Tensor:
    """`relu`, elementwise, which input becomes."""
    return relu(input, True)


# ----------------------------------------------------------------------------- a slope above 0, another below


def _leaky_relu_plain(x, negative_slope):
    above = x > 0

    def backward(g):
        return (g * _chosen(above.astype(g.dtype), negative_slope),)

    return x * _chosen(above.astype(x.dtype), negative_slope), backward


def _chosen(above, negative_slope):
    """1 where `above` is, else negative_slope."""
    if 0 <= negative_slope <= 1:
        return np.clip(above, negative_slope, 1.0)
    return (1 - above) * negative_slope + above


def _put_leaky_relu(y, above, x, negative_slope):
    np.greater(x, 0, out=above)
    if 0 < negative_slope <= 1:
        np.multiply(x, negative_slope, out=y)
        np.maximum(x, y, out=y)
    else:
        _put_leaky_gradient(y, x, above, negative_slope)


def _put_leaky_gradient(dx, g, above, negative_slope):
    dx[...] = above
    if 0 <= negative_slope <= 1:
        np.clip(dx, negative_slope, 1.0, out=dx)
    else:
        dx[...] = _chosen(dx, negative_slope)
    np.multiply(g, dx, out=dx)


_leaky_relu = masked(_leaky_relu_plain, _put_leaky_relu, _put_leaky_gradient, flops=2)


def leaky_relu(input: ArrayLike, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """input where it is > 0, else negative_slope * input, elementwise (Maas et al. 2013).

    With `inplace`, input becomes it.
    """
    return in_place(input, applied(_leaky_relu, input, float(negative_slope)), inplace)


def leaky_relu_(input: ArrayLike, negative_slope: float = 0.01) -> Tensor:
    """`leaky_relu`, elementwise, which input becomes."""
    return leaky_relu(input, negative_slope, True)


@op(needs=True, flops=4)
def _prelu(needs, x, weight):
    """x above 0, weight * x below; the weights broadcast."""
    below = np.clip(x, -np.inf, 0)
    y = np.clip(x, 0, np.inf) + below * weight
    below = below if needs[1] else None
    x, weight = (x, weight) if needs[0] else (None, None)

    def backward(g):
        if not needs[0]:
            return None, g * below
        above = (x > 0).astype(g.dtype)
        return g * ((1 - above) * weight + above), g * below if needs[1] else None

    return y, backward


def prelu(input: ArrayLike, weight: ArrayLike) -> Tensor:
    """input where it is > 0, else weight * input (He et al. 2015, arXiv:1502.01852), in the shape of input.

    `weight` is one number, or one for each of the C channels of input (N, C, ...). ValueError for another
    shape of weight, TypeError where their float dtypes differ.
    """
    x = as_float(input, weight)
    w = as_float(weight, x)
    channels = x.shape[1] if x.ndim > 1 else 1
    if w.ndim > 1 or w.size not in (1, channels):
        raise ValueError(
            f"{where('prelu')}: weight of shape {w.shape} for input of shape {x.shape}, expected (1,) or "
            f"({channels},), one for each channel"
        )
    if w.dtype != x.dtype:
        raise TypeError(
            f"{where('prelu')}: input is {x.dtype}, weight is {w.dtype}; use input.astype(weight.dtype)"
        )
    return _prelu(x, w.reshape(()) if w.size == 1 else w.reshape(-1, *[1] * (x.ndim - 2)))


def rrelu(
    input: ArrayLike,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """`leaky_relu`, elementwise, with slopes drawn between `lower` and `upper` for each element of input.

    Unless `training`, the slope is their mean. With `inplace`, input becomes the result. Xu et al. 2015,
    arXiv:1505.00853. ValueError where lower is above upper.
    """
    if not lower <= upper:
        raise ValueError(f"{where('rrelu')}: lower ({lower}) must not be above upper ({upper})")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    x = as_float(input)
    slopes = drawn(_uniform, x.shape, float(lower), float(upper)).astype(x.dtype)
    return in_place(input, _prelu(x, slopes), inplace)


def _uniform(shape: tuple[int, ...], lower: float, upper: float) -> np.ndarray:
    return random.generator().random(shape) * (upper - lower) + lower


def rrelu_(
    input: ArrayLike, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False
) -> Tensor:
    """`rrelu`, elementwise, which input becomes.

    ValueError where lower is above upper.
    """
    return rrelu(input, lower, upper, training, True)


# ------------------------------------------------------------------------ exponential below 0, straight above


def _elu_kernel(x, alpha, scale, steepness):
    """scale * x above 0, alpha * scale * (exp(steepness * x) - 1) below; PyTorch counts 0 as below."""
    z = np.clip(x, -np.inf, 0) * steepness
    start = alpha * scale * steepness  # the slope at 0

    def slope():
        below = np.exp(z) * start
        if start == scale:
            return below
        above = (x > 0).astype(x.dtype)
        return (1 - above) * below + above * scale  # np.where is several times slower, as it branches

    return np.expm1(z) * (alpha * scale) + np.clip(x, 0, np.inf) * scale, slope


_elu = curve(_elu_kernel, flops=10)
# Of Klambauer et al. 2017, arXiv:1706.02515: they keep mean 0 and variance 1 from layer to layer.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def elu(input: ArrayLike, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """input where it is > 0, else alpha * (exp(input) - 1), elementwise.

    Clevert et al. 2015, arXiv:1511.07289. With `inplace`, input becomes it.
    """
    return in_place(input, applied(_elu, input, float(alpha), 1.0, 1.0), inplace)


def selu(input: ArrayLike, inplace: bool = False) -> Tensor:
    """1.0507 * elu(input, 1.67326), elementwise (Klambauer et al. 2017, arXiv:1706.02515).

    With `inplace`, input becomes it.
    """
    return in_place(input, applied(_elu, input, SELU_ALPHA, SELU_SCALE, 1.0), inplace)


def celu(input: ArrayLike, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """input where it is > 0, else alpha * (exp(input / alpha) - 1), elementwise.

    Barron 2017, arXiv:1704.07483. With `inplace`, input becomes it. ValueError for an alpha of 0.
    """
    if alpha == 0:
        raise ValueError(f"{where('celu')}: alpha is a divisor and must not be 0")
    return in_place(input, applied(_elu, input, float(alpha), 1.0, 1 / alpha), inplace)


def elu_(input: ArrayLike, alpha: float = 1.0) -> Tensor:
    """`elu`, elementwise, which input becomes."""
    return elu(input, alpha, True)


def selu_(input: ArrayLike) -> Tensor:
    """`selu`, elementwise, which input becomes."""
    return selu(input, True)


def celu_(input: ArrayLike, alpha: float = 1.0) -> Tensor:
    """`celu`, elementwise, which input becomes.

    ValueError for an alpha of 0.
    """
    return celu(input, alpha, True)
