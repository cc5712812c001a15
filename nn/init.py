"""Initial values: each function fills a Tensor or array in place and returns it, with PyTorch's formulas."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np

from ..autograd import Tensor, versions
from . import random

T = TypeVar("T", Tensor, np.ndarray)  # `layer.weight`, or its array, `layer.weight.data`


def _fill(tensor: T, values) -> T:
    array = _array_of(tensor)
    array[...] = values
    versions.mark_written(array)
    return tensor


def _array_of(tensor: Tensor | np.ndarray) -> np.ndarray:
    if isinstance(tensor, np.ndarray):
        return tensor
    if not isinstance(tensor, Tensor):
        raise TypeError(f"init fills Tensors and arrays in place, not a {type(tensor).__name__}")
    return tensor.data


def _draw_dtype(tensor: Tensor | np.ndarray) -> np.dtype:
    """The dtype to draw in: the tensor's own, or float32 where NumPy has no generator for it."""
    _array_of(tensor)
    return tensor.dtype if tensor.dtype in (np.float32, np.float64) else np.dtype(np.float32)


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0) -> T:
    """Fill `tensor` with numbers uniform in [a, b); TypeError for what is no Tensor and no array."""
    dtype = _draw_dtype(tensor)
    values = random.generator().random(tensor.shape, dtype=dtype)
    return _fill(tensor, values * (b - a) + a)


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0) -> T:
    """Fill `tensor` with normally distributed numbers; TypeError as in uniform_."""
    dtype = _draw_dtype(tensor)
    values = random.generator().standard_normal(tensor.shape, dtype=dtype)
    return _fill(tensor, values * std + mean)


def trunc_normal_(tensor: T, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> T:
    """Fill `tensor` with normal numbers that are drawn again until they lie in [a, b].

    The bounds are absolute, not times std. ValueError if a > b, or if the mean is more than two std outside
    of [a, b] (where PyTorch warns that its numbers may be wrong). TypeError as in uniform_.
    """
    low, high = (a - mean) / std, (b - mean) / std
    if low > high or low > 2 or high < -2:
        raise ValueError(f"trunc_normal_: cannot draw from N({mean}, {std}) in [{a}, {b}]")
    rng, dtype = random.generator(), _draw_dtype(tensor)
    values = np.empty(tensor.size, dtype)
    todo = np.arange(tensor.size)
    while todo.size:
        if high - low > 2.5:
            x = rng.standard_normal(todo.size, dtype=dtype)
            good = (low <= x) & (x <= high)
        else:  # a narrow interval holds few of them: numbers uniform in it, kept in proportion to the density
            x = rng.random(todo.size, dtype=dtype) * (high - low) + low
            peak = min(max(low, 0), high)
            good = rng.random(todo.size, dtype=dtype) <= np.exp((peak**2 - x**2) / 2)
        values[todo[good]] = x[good]
        todo = todo[~good]
    return _fill(
        tensor, np.clip(values * std + mean, a, b).reshape(tensor.shape)
    )  # rounding may step over a bound


def constant_(tensor: T, val: float) -> T:
    """Fill `tensor` with `val`; TypeError as in uniform_."""
    return _fill(tensor, val)


def ones_(tensor: T) -> T:
    """Fill `tensor` with 1; TypeError as in uniform_."""
    return _fill(tensor, 1)


def zeros_(tensor: T) -> T:
    """Fill `tensor` with 0; TypeError as in uniform_."""
    return _fill(tensor, 0)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor on std that keeps the size of activations through a nonlinearity (PyTorch's table).

    `param` is the slope of a leaky ReLU below 0. ValueError for a name that is not in the table.
    """
    slope = 0.01 if param is None else param
    gains = {
        "linear": 1.0,
        "conv1d": 1.0,
        "conv2d": 1.0,
        "conv3d": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + slope**2)),
        "selu": 3 / 4,
    }
    if nonlinearity not in gains:
        raise ValueError(f"no gain is known for {nonlinearity!r}; known: {', '.join(gains)}")
    return gains[nonlinearity]


def _fans(tensor: Tensor | np.ndarray) -> tuple[int, int]:
    """(inputs, outputs) of a weight (out, in, *window)."""
    _array_of(tensor)
    if tensor.ndim < 2:
        raise ValueError(f"fan in and fan out need a Tensor of two or more axes, got shape {tensor.shape}")
    window = math.prod(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


def xavier_uniform_(tensor: T, gain: float = 1.0) -> T:
    """Fill `tensor` with numbers uniform in +-gain * sqrt(6 / (fan_in + fan_out)).

    Glorot and Bengio 2010. Of a weight (out, in, *window) fan_in is in * window, fan_out is out * window;
    ValueError for less than two axes, TypeError as in uniform_.
    """
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: T, gain: float = 1.0) -> T:
    """Fill `tensor` with normal numbers of std gain * sqrt(2 / (fan_in + fan_out)).

    Glorot and Bengio 2010. The fans, ValueError and TypeError as in xavier_uniform_.
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor))))


def _kaiming_std(tensor: Tensor | np.ndarray, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    fan = _fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> T:
    """Fill `tensor` with numbers uniform in +-sqrt(3) * gain / sqrt(fan).

    He et al. 2015. `mode` says which fan, "fan_in" or "fan_out" of xavier_uniform_; the gain is that of
    calculate_gain, `a` the slope of a leaky ReLU. ValueError for other words or less than two axes,
    TypeError as in uniform_.
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> T:
    """Fill `tensor` with normal numbers of std gain / sqrt(fan).

    He et al. 2015. Arguments, ValueError and TypeError as in kaiming_uniform_.
    """
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity))
