"""The largest element, the mean or the norm of each window that slides over the last axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from ._inputs import as_float, as_tensor, as_tuple, where, widened
from ._max_windows import _max_pool, regular_places_of_max
from ._mean_windows import _avg_pool
from ._windows import check_numbers, windows_of
from .rectifier import relu

__all__ = ["avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_pool1d"]
__all__ += ["max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices", "max_pool3d"]
__all__ += ["max_pool3d_with_indices"]

Size = int | Sequence[int]

# ------------------------------------------------------------------------------------------ largest


def max_pool1d(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest of each window of `kernel_size` elements: input (N, C, L) or (C, L) to (N, C, L_out).

    Windows are `stride` apart, by default side by side, their elements `dilation` apart, and up to half a
    window may be `padding` on either side, which is never the largest. L_out is floor((L + 2 padding -
    dilation (kernel_size - 1) - 1) / stride) + 1; with `ceil_mode` rounded up, if the window then begins
    inside. Of equals the first has the gradient; nan is larger than all else. With `return_indices` a pair:
    the second tells where in L each stands, as int64. ValueError for shapes and sizes that do not fit,
    TypeError for booleans, and sizes that are no integers.
    """
    sizes = kernel_size, stride, padding, dilation, ceil_mode
    return _of_largest("max_pool1d", 1, input, sizes, return_indices)


def max_pool2d(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest of each window: input (N, C, H, W) or (C, H, W) to (N, C, H_out, W_out).

    Each size is an integer for both axes or one for each; all else, errors too (ValueError, TypeError), is as
    in max_pool1d. Indices count in the flat plane (H, W).
    """
    sizes = kernel_size, stride, padding, dilation, ceil_mode
    return _of_largest("max_pool2d", 2, input, sizes, return_indices)


def max_pool3d(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest of each window: input (N, C, D, H, W) or (C, D, H, W) to (N, C, D_out, H_out, W_out).

    Each size is an integer for all axes or one for each; all else, errors too (ValueError, TypeError), is as
    in max_pool1d. Indices count in the flat volume (D, H, W).
    """
    sizes = kernel_size, stride, padding, dilation, ceil_mode
    return _of_largest("max_pool3d", 3, input, sizes, return_indices)


def max_pool1d_with_indices(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """max_pool1d(input, ...) and the indices, both (N, C, L_out), in any case.

    Errors are those of max_pool1d: ValueError, TypeError.
    """
    return _of_largest("max_pool1d", 1, input, (kernel_size, stride, padding, dilation, ceil_mode), True)


def max_pool2d_with_indices(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """max_pool2d(input, ...) and the indices, both (N, C, H_out, W_out), in any case.

    Errors are those of max_pool1d: ValueError, TypeError.
    """
    return _of_largest("max_pool2d", 2, input, (kernel_size, stride, padding, dilation, ceil_mode), True)


def max_pool3d_with_indices(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """max_pool3d(input, ...) and the indices, both (N, C, D_out, H_out, W_out), in any case.

    Errors are those of max_pool1d: ValueError, TypeError.
    """
    return _of_largest("max_pool3d", 3, input, (kernel_size, stride, padding, dilation, ceil_mode), True)


def _of_largest(name, n, input, sizes, return_indices):
    x = as_tensor(input)
    check_numbers(name, x)
    windows = windows_of(name, x, n, *sizes)
    y = _max_pool(x, *windows)
    return (y, Tensor(regular_places_of_max(x.data, windows))) if return_indices else y


# --------------------------------------------------------------------------------------------- mean


def avg_pool1d(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window of `kernel_size` elements: input (N, C, L) or (C, L) to (N, C, L_out).

    Windows are `stride` apart, by default side by side, and up to half a window may be `padding` on either
    side: zeros that count as elements, unless `count_include_pad` is False. L_out is floor((L + 2 padding -
    kernel_size) / stride) + 1; with `ceil_mode` rounded up, if the window then begins inside, and what it
    has outside of the padding does not count. ValueError for shapes and sizes that do not fit, TypeError
    for sizes that are no integers.
    """
    return _of_mean("avg_pool1d", 1, input, (kernel_size, stride, padding), ceil_mode, count_include_pad)


def avg_pool2d(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window: input (N, C, H, W) or (C, H, W) to (N, C, H_out, W_out).

    Each size is an integer for both axes or one for each. With `divisor_override` the sum is divided by it.
    All else, errors too (ValueError, TypeError), is as in avg_pool1d.
    """
    sizes = kernel_size, stride, padding
    return _of_mean("avg_pool2d", 2, input, sizes, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window: input (N, C, D, H, W) or (C, D, H, W) to (N, C, D_out, H_out, W_out).

    Each size is an integer for all axes or one for each. With `divisor_override` the sum is divided by it.
    All else, errors too (ValueError, TypeError), is as in avg_pool1d.
    """
    sizes = kernel_size, stride, padding
    return _of_mean("avg_pool3d", 3, input, sizes, ceil_mode, count_include_pad, divisor_override)


def _of_mean(name, n, input, sizes, ceil_mode, count_include_pad, divisor_override=None):
    x = as_float(input)
    windows = windows_of(name, x, n, *sizes, 1, ceil_mode)
    if divisor_override is None:
        divisor = _counts(x.shape[-n:], windows, bool(count_include_pad), x.dtype)
    else:
        (divisor,) = as_tuple(name, "divisor_override", divisor_override, 1)
        if not divisor:
            raise ValueError(f"{where(name)}: divisor_override is an integer but 0")
    options = windows.kernel, windows.stride, windows.padding, windows.out, divisor
    if x.data.dtype.char == "e":
        return widened(_avg_pool, x, *options)
    return _avg_pool(x, *options)


@lru_cache(maxsize=256)
def _counts(sizes, windows, count_include_pad, dtype):
    """How many elements count in each window: a number, or an array where they differ."""
    total = np.ones((), dtype if dtype.char != "e" else np.float32)
    for size, k, s, p, _, out in zip(sizes, *windows, strict=True):
        edge = p if count_include_pad else 0
        starts = [o * s - p for o in range(out)]
        counts = [min(start + k, size + edge) - max(start, -edge) for start in starts]
        total = np.multiply.outer(total, np.array(counts, total.dtype))
    if (total == total.flat[0]).all():
        return int(total.flat[0])
    total.flags.writeable = False
    return total


# --------------------------------------------------------------------------------------------- norm


def lp_pool1d(
    input: ArrayLike,
    norm_type: int | float,
    kernel_size: Size,
    stride: Size | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """(sum of x^p)^(1/p), p = `norm_type`, over each window: input (N, C, L) or (C, L) to (N, C, L_out).

    Windows are those of avg_pool1d. As in PyTorch it is x^p without a magnitude, so that odd p are for
    positive input only, and the gradient where all of a window is 0 is nan; inf is the largest magnitude,
    -inf the smallest. A window of `ceil_mode` that ends outside counts as if it went on. ValueError for
    shapes and sizes that do not fit and for p = 0 or nan, TypeError for sizes that are no integers.
    """
    return _of_norm("lp_pool1d", 1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: ArrayLike,
    norm_type: int | float,
    kernel_size: Size,
    stride: Size | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """(sum of x^p)^(1/p), p = `norm_type`, over each window: input (N, C, H, W) to (N, C, H_out, W_out).

    Also without the N. Errors (ValueError, TypeError) and all else are those of lp_pool1d.
    """
    return _of_norm("lp_pool2d", 2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: ArrayLike,
    norm_type: int | float,
    kernel_size: Size,
    stride: Size | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """(sum of x^p)^(1/p), p = `norm_type`, over each window: input (N, C, D, H, W) to (N, C, D_out, ...).

    Also without the N. Errors (ValueError, TypeError) and all else are those of lp_pool1d.
    """
    return _of_norm("lp_pool3d", 3, input, norm_type, kernel_size, stride, ceil_mode)


def _of_norm(name, n, input, norm_type, kernel_size, stride, ceil_mode):
    x = as_float(input)
    if not isinstance(norm_type, (int, float, np.number)) or isinstance(norm_type, bool):
        raise TypeError(f"{where(name)}: norm_type is a number, not {norm_type!r}")
    norm_type = float(norm_type)
    if norm_type == 0 or norm_type != norm_type:
        raise ValueError(f"{where(name)}: norm_type is a number but 0, or inf, not {norm_type!r}")
    if math.isinf(norm_type):
        sign = math.copysign(1, norm_type)
        y = _of_largest(name, n, ag.absolute(x) * sign, (kernel_size, stride, 0, 1, ceil_mode), False)
        return y * sign

    def norm(x):
        powers = x if norm_type == 1 else ag.square(x) if norm_type == 2 else ag.power(x, norm_type)
        mean = _of_mean(name, n, powers, (kernel_size, stride, 0), ceil_mode, True)
        total = (
            ag.sign(mean) * relu(ag.absolute(mean)) * math.prod(as_tuple(name, "kernel_size", kernel_size, n))
        )
        return ag.power(total, 1 / norm_type)

    return widened(norm, x) if x.data.dtype.char == "e" else norm(x)
