"""Initial values: each function fills a Tensor or array in place and returns it, with PyTorch's formulas."""

from __future__ import annotations

import math
import warnings
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..autograd import Tensor, versions
from . import random

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

skipping: ContextVar[bool] = ContextVar("nothing is initialised", default=False)  # in nn.utils.no_init

T = TypeVar("T", Tensor, np.ndarray)  # `layer.weight`, or its array, `layer.weight.data`


def _fill(tensor: T, values) -> T:
    array = _array_of(tensor)
    if skipping.get():
        return tensor
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


def _source(generator: Any) -> Generator:
    """`generator`, or nn's own; TypeError for what is no NumPy Generator, as nn.manual_seed gives one."""
    if generator is None:
        return random.generator()
    if not isinstance(generator, np.random.Generator):
        raise TypeError(f"init: generator is a numpy.random.Generator, not a {type(generator).__name__}")
    return generator


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> T:
    """Fill `tensor` with numbers uniform in [a, b), from `generator` or else from nn's own.

    TypeError for what is no Tensor and no array, or no NumPy Generator.
    """
    dtype = _draw_dtype(tensor)
    if skipping.get():
        return tensor
    values = _source(generator).random(tensor.shape, dtype=dtype)
    return _fill(tensor, values * (b - a) + a)


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> T:
    """Fill `tensor` with normally distributed numbers; `generator` and TypeError as in uniform_."""
    return _fill(tensor, _normal(tensor, generator) * std + mean)


def _normal(tensor: Tensor | np.ndarray, generator: Any) -> np.ndarray:
    dtype = _draw_dtype(tensor)
    if skipping.get():
        return np.zeros((), dtype)
    return _source(generator).standard_normal(tensor.shape, dtype=dtype)


def trunc_normal_(
    tensor: T,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> T:
    """Fill `tensor` with normal numbers that are drawn again until they lie in [a, b].

    The bounds are absolute, not times std. ValueError if a > b, or if the mean is more than two std outside
    of [a, b] (where PyTorch warns that its numbers may be wrong). `generator` and TypeError as in uniform_.
    """
    low, high = (a - mean) / std, (b - mean) / std
    if low > high or low > 2 or high < -2:
        raise ValueError(f"trunc_normal_: cannot draw from N({mean}, {std}) in [{a}, {b}]")
    if skipping.get():
        return tensor
    rng, dtype = _source(generator), _draw_dtype(tensor)
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
    inside = np.clip(values * std + mean, a, b)  # rounding may step over a bound
    return _fill(tensor, inside.reshape(tensor.shape))


def constant_(tensor: T, val: float) -> T:
    """Fill `tensor` with `val`; TypeError as in uniform_."""
    return _fill(tensor, val)


def ones_(tensor: T) -> T:
    """Fill `tensor` with 1; TypeError as in uniform_."""
    return _fill(tensor, 1)


def zeros_(tensor: T) -> T:
    """Fill `tensor` with 0; TypeError as in uniform_."""
    return _fill(tensor, 0)


def eye_(tensor: T) -> T:
    """Fill `tensor` with the identity matrix; ValueError unless it has two axes, TypeError as in uniform_."""
    _check_axes("eye_", tensor, (2,))
    return _fill(tensor, np.eye(*tensor.shape, dtype=tensor.dtype))


def dirac_(tensor: T, groups: int = 1) -> T:
    """Fill the weight (out, in, *window) of a convolution so that it hands on its input, group by group.

    Each output that has an input of its number gets a 1 in the middle of the window. ValueError for other
    than 3, 4 or 5 axes, or where `groups` does not divide the outputs. TypeError as in uniform_.
    """
    _check_axes("dirac_", tensor, (3, 4, 5))
    outputs, inputs, *window = tensor.shape
    if groups < 1 or outputs % groups:
        raise ValueError(f"dirac_: {groups} groups do not divide the {outputs} outputs of {tensor.shape}")
    values = np.zeros(tensor.shape, tensor.dtype)
    each = outputs // groups
    k = np.arange(min(each, inputs))
    for group in range(groups):
        middle: Any = (group * each + k, k, *(length // 2 for length in window))
        values[middle] = 1
    return _fill(tensor, values)


def _check_axes(name: str, tensor: Tensor | np.ndarray, axes: tuple[int, ...]) -> None:
    _array_of(tensor)
    if tensor.ndim not in axes:
        raise ValueError(f"{name} fills a tensor of {' or '.join(map(str, axes))} axes, not {tensor.shape}")


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor on std that keeps the size of activations through a nonlinearity (PyTorch's table).

    `param` is the slope of a leaky ReLU below 0. ValueError for a name that is not in the table.
    """
    slope = 0.01 if param is None else param
    if nonlinearity == "leaky_relu" and (isinstance(slope, bool) or not isinstance(slope, (int, float))):
        raise ValueError(f"calculate_gain: the slope of a leaky_relu is a number, not {slope!r}")
    gains = {
        "linear": 1.0,
        "conv1d": 1.0,
        "conv2d": 1.0,
        "conv3d": 1.0,
        "conv_transpose1d": 1.0,
        "conv_transpose2d": 1.0,
        "conv_transpose3d": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + slope**2)),
        "selu": 3 / 4,
    }
    if nonlinearity not in gains:
        raise ValueError(f"no gain is known for {nonlinearity!r}; known: {', '.join(gains)}")
    return gains[nonlinearity]


def _calculate_fan_in_and_fan_out(tensor: Tensor | np.ndarray) -> tuple[int, int]:
    """(inputs, outputs) of a weight (out, in, *window)."""
    _array_of(tensor)
    if tensor.ndim < 2:
        raise ValueError(f"fan in and fan out need a Tensor of two or more axes, got shape {tensor.shape}")
    window = math.prod(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


def xavier_uniform_(tensor: T, gain: float = 1.0, generator: Generator | None = None) -> T:
    """Fill `tensor` with numbers uniform in +-gain * sqrt(6 / (fan_in + fan_out)).

    Glorot and Bengio 2010. Of a weight (out, in, *window) fan_in is in * window, fan_out is out * window;
    ValueError for less than two axes, TypeError as in uniform_.
    """
    bound = gain * math.sqrt(6 / max(sum(_calculate_fan_in_and_fan_out(tensor)), 1))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: T, gain: float = 1.0, generator: Generator | None = None) -> T:
    """Fill `tensor` with normal numbers of std gain * sqrt(2 / (fan_in + fan_out)).

    Glorot and Bengio 2010. The fans, ValueError and TypeError as in xavier_uniform_.
    """
    std = gain * math.sqrt(2 / max(sum(_calculate_fan_in_and_fan_out(tensor)), 1))
    return normal_(tensor, 0.0, std, generator)


def _calculate_correct_fan(tensor: Tensor | np.ndarray, mode: str) -> int:
    """Inputs or outputs, as `mode` says."""
    mode = mode.lower() if isinstance(mode, str) else mode
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    return _calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]


def _kaiming_std(tensor: Tensor | np.ndarray, a: float, mode: str, nonlinearity: str) -> float:
    fan = _calculate_correct_fan(tensor, mode)
    gain = calculate_gain(nonlinearity, a)
    if 0 in tensor.shape:
        warnings.warn("kaiming_uniform_ and kaiming_normal_: there are no numbers to fill", stacklevel=3)
        return 0.0
    return gain / math.sqrt(fan)


def kaiming_uniform_(
    tensor: T,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> T:
    """Fill `tensor` with numbers uniform in +-sqrt(3) * gain / sqrt(fan).

    He et al. 2015. `mode` says which fan, "fan_in" or "fan_out" of xavier_uniform_; the gain is that of
    calculate_gain, `a` the slope of a leaky ReLU. ValueError for other words or less than two axes,
    a UserWarning where there are no numbers to fill; `generator` and TypeError as in uniform_.
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: T,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> T:
    """Fill `tensor` with normal numbers of std gain / sqrt(fan).

    He et al. 2015. Arguments, ValueError and TypeError as in kaiming_uniform_.
    """
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: T, gain: float = 1, generator: Generator | None = None) -> T:
    """Fill `tensor`, as a matrix of its first axis and all others, with `gain` times a (semi-)orthogonal one.

    Saxe et al. 2014, arXiv:1312.6120: the Q of normal numbers, uniform among all. ValueError for less than
    two axes; `generator` and TypeError as in uniform_.
    """
    _array_of(tensor)
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_ fills a tensor of two or more axes, not {tensor.shape}")
    if tensor.size == 0 or skipping.get():
        return tensor
    rows, columns = tensor.shape[0], tensor.size // tensor.shape[0]
    a = _source(generator).standard_normal((rows, columns), dtype=_draw_dtype(tensor))
    q, r = np.linalg.qr(a.T if rows < columns else a)
    q = q * np.sign(np.diagonal(r))  # else not uniform
    return _fill(tensor, ((q.T if rows < columns else q) * gain).reshape(tensor.shape))


def sparse_(tensor: T, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> T:
    """Fill `tensor`, of two axes, with normal numbers, but in each column `sparsity` of the rows with 0.

    Martens 2010. ValueError for others than two axes; `generator` and TypeError as in uniform_.
    """
    _check_axes("sparse_", tensor, (2,))
    if skipping.get():
        return tensor
    rng, values = _source(generator), _normal(tensor, generator) * std
    zeros = math.ceil(sparsity * tensor.shape[0])
    for column in values.T:
        column[rng.permutation(len(column))[:zeros]] = 0
    return _fill(tensor, values)
