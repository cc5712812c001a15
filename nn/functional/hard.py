"""Nonlinearities of straight pieces.

Products with a mask as 0 and 1, and np.clip, take the place of np.where; rectifier.py says why.
"""

from __future__ import annotations

import numpy as np

from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike
from ._curve import applied, curve, masked
from ._inputs import as_float, in_place, where

__all__ = [
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "relu6",
    "softshrink",
    "threshold",
]
__all__ += ["threshold_"]


@op(inputs=1, flops=2)
def _hardtanh(x, low, high):
    y = np.clip(x, low, high)

    def backward(g):
        return (g * ((y > low) & (y < high)),)

    return y, backward


def hardtanh(input: ArrayLike, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """input between min_val and max_val, elementwise, with gradient 0 at both.

    With `inplace`, input becomes it. ValueError where min_val is above max_val.
    """
    if not min_val <= max_val:
        raise ValueError(f"{where('hardtanh')}: min_val ({min_val}) must not be above max_val ({max_val})")
    return in_place(input, _hardtanh(as_float(input), float(min_val), float(max_val)), inplace)


def hardtanh_(input: ArrayLike, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """`hardtanh`, elementwise, which input becomes.

    ValueError where min_val is above max_val.
    """
    return hardtanh(input, min_val, max_val, True)


def relu6(input: ArrayLike, inplace: bool = False) -> Tensor:
    """min(max(input, 0), 6), elementwise, with gradient 0 at 0 and 6; with `inplace`, input becomes it.

    Howard et al. 2017, arXiv:1704.04861.
    """
    return hardtanh(input, 0.0, 6.0, inplace)


def _hardsigmoid_plain(x):
    inside = np.absolute(x) < 3

    def backward(g):
        return (g * inside / 6,)

    return (np.clip(x, -3, 3) + 3) / 6, backward


def _put_hardsigmoid(y, inside, x):
    np.absolute(x, out=y)
    np.less(y, 3, out=inside)
    np.clip(x, -3, 3, out=y)
    y += 3
    y /= 6


def _put_hardsigmoid_gradient(dx, g, inside):
    np.multiply(g, inside, out=dx)
    dx /= 6


_hardsigmoid = masked(_hardsigmoid_plain, _put_hardsigmoid, _put_hardsigmoid_gradient, flops=4)


def hardsigmoid(input: ArrayLike, inplace: bool = False) -> Tensor:
    """min(max(input + 3, 0), 6) / 6, elementwise, with gradient 0 at both ends.

    With `inplace`, input becomes it.
    """
    return in_place(input, applied(_hardsigmoid, input), inplace)


def _hardswish_kernel(x):
    z = np.clip(x, -3, 3)

    def slope():  # (z + 3) / 6, and x / 6 more between -3 and 3
        d = (np.absolute(z) < 3).astype(z.dtype)
        d += 1
        d *= z
        d += 3
        d /= 6
        return d

    h = z + 3
    h /= 6
    y = np.maximum(x, z)
    y *= h
    return y, slope


_hardswish = curve(_hardswish_kernel, flops=6)


def hardswish(input: ArrayLike, inplace: bool = False) -> Tensor:
    """input * hardsigmoid(input), elementwise (Howard et al. 2019, arXiv:1905.02244).

    With `inplace`, input becomes it.
    """
    return in_place(input, applied(_hardswish, input), inplace)


@op(inputs=1, flops=2)
def _hardshrink(x, lambd):
    far = np.absolute(x) > lambd

    def backward(g):
        return (g * far,)

    return x * far, backward


def hardshrink(input: ArrayLike, lambd: float = 0.5) -> Tensor:
    """input where |input| > lambd, else 0, elementwise."""
    return _hardshrink(as_float(input), max(float(lambd), -1.0))


@op(inputs=1, flops=3)
def _softshrink(x, lambd):
    far = np.absolute(x) > lambd

    def backward(g):
        return (g * far,)

    return x - np.clip(x, -lambd, lambd), backward


def softshrink(input: ArrayLike, lambd: float = 0.5) -> Tensor:
    """input moved towards 0 by `lambd`, at most to 0, elementwise; ValueError for a negative lambd."""
    if not lambd >= 0:
        raise ValueError(f"{where('softshrink')}: lambd must not be negative, got {lambd}")
    return _softshrink(as_float(input), float(lambd))


def _threshold_plain(x, threshold, value):
    far = ~(x <= threshold)  # nan is

    def backward(g):
        return (g * far,)

    if not np.isfinite(threshold + value):
        return np.where(far, x, value), backward
    y = np.clip(x, threshold, np.inf) * far  # 0 times -inf would be nan
    return y + (~far).astype(y.dtype) * value if value else y, backward


def _put_threshold(y, far, x, threshold, value):
    near = x <= threshold
    np.logical_not(near, out=far)
    if not np.isfinite(threshold + value):
        y[...] = np.where(far, x, value)
        return
    np.clip(x, threshold, np.inf, out=y)
    if value != threshold:
        y *= far
    if value not in (0, threshold):
        values = near.astype(y.dtype)
        values *= value
        y += values


def _put_threshold_gradient(dx, g, far, threshold, value):
    np.multiply(g, far, out=dx)


_threshold = masked(_threshold_plain, _put_threshold, _put_threshold_gradient, flops=3)


def threshold(input: ArrayLike, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """input where it is above `threshold`, else `value`, elementwise; with `inplace`, input becomes it."""
    return in_place(input, _threshold(as_float(input), float(threshold), float(value)), inplace)


def threshold_(input: ArrayLike, threshold: float, value: float) -> Tensor:
    """`threshold`, elementwise, which input becomes."""
    return in_place(input, _threshold(as_float(input), float(threshold), float(value)), True)
