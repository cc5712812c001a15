"""Max pooling with windows at random places (Graham 2014, arXiv:1412.6071)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, drawn
from .. import random
from ._inputs import as_float, as_tensor, as_tuple, where
from ._windows import check_input, check_numbers, product
from .adaptive_pooling import largest_of

__all__ = ["fractional_max_pool2d", "fractional_max_pool2d_with_indices", "fractional_max_pool3d"]
__all__ += ["fractional_max_pool3d_with_indices"]

Size = int | Sequence[int]
Ratio = float | Sequence[float]


def _pooled(name, n, input, kernel_size, output_size, output_ratio, return_indices, samples):
    x = as_tensor(input)
    check_numbers(name, x)
    check_input(name, x, n)
    kernel = as_tuple(name, "kernel_size", kernel_size, n)
    sizes = x.shape[-n:]
    out = _output_size(name, n, sizes, output_size, output_ratio)
    if min(*kernel, *out) < 1 or any(m + k - 1 > s for m, k, s in zip(out, kernel, sizes, strict=True)):
        raise ValueError(
            f"{where(name)}: output_size and kernel_size are at least 1 and together at most the input's "
            f"size and 1, but are {out} and {kernel} for input of shape {x.shape}"
        )
    starts = _starts(_samples(name, n, x, samples), sizes, kernel, out)
    places = product(
        [start[..., None] + np.arange(k, like=start) for start, k in zip(starts, kernel, strict=True)], sizes
    )
    places = places.reshape(*x.shape[:-n], math.prod(out), math.prod(kernel))
    return largest_of(x, places, sizes, out, return_indices)


def _output_size(name, n, sizes, output_size, output_ratio) -> tuple[int, ...]:
    if (output_size is None) == (output_ratio is None):
        raise ValueError(f"{where(name)}: give one of output_size and output_ratio")
    if output_ratio is None:
        return as_tuple(name, "output_size", output_size, n)
    ratios = tuple(output_ratio) if isinstance(output_ratio, (Sequence, np.ndarray)) else (output_ratio,)
    ratios = ratios * n if len(ratios) == 1 else ratios
    if len(ratios) != n or not all(0 < ratio < 1 for ratio in ratios):
        raise ValueError(f"{where(name)}: output_ratio is {n} numbers between 0 and 1, not {output_ratio!r}")
    return tuple([int(size * ratio) for size, ratio in zip(sizes, ratios, strict=True)])


def _samples(name, n, x, samples):
    """(N, C, n) numbers from 0 to 1, drawn unless they are given."""
    shape = (x.shape[0] if x.ndim == n + 2 else 1, x.shape[-n - 1], n)
    dtype = x.dtype if x.dtype.kind == "f" else np.float64
    if samples is None:
        return drawn(_uniform, shape).astype(dtype)
    given = as_float(samples).data
    if given.shape[1:] != shape[1:] or len(given) < shape[0]:
        raise ValueError(f"{where(name)}: _random_samples are of shape {shape}, not {given.shape}")
    if not np.absolute(given).max(initial=0) < 100:  # PyTorch takes others, too, and so do its tests
        raise ValueError(f"{where(name)}: _random_samples are numbers from 0 to 1, not {given}")
    return given[: shape[0]].astype(dtype)


def _uniform(shape):
    return random.generator().random(shape)


def _starts(samples, sizes, kernel, out):
    """For each axis (N, C, windows): their first elements."""
    axes = []
    for axis, (size, k, m) in enumerate(zip(sizes, kernel, out, strict=True)):
        # Two axes take their samples the other way round, as in PyTorch.
        sample = samples[..., axis if len(sizes) == 3 else 1 - axis, None]
        i = np.arange(m, like=samples)
        start = i * 0 + (size - k)
        if m > 1:
            alpha = sample.dtype.type((size - k) / (m - 1))
            steps = ((i.astype(sample.dtype) + sample) * alpha).astype(np.int64)
            start = np.where(i == m - 1, start, steps - (sample * alpha).astype(np.int64))
        else:
            start = start + np.zeros_like(sample, dtype=np.int64)
        axes.append(start)
    return axes


def fractional_max_pool2d(
    input: ArrayLike,
    kernel_size: Size,
    output_size: Size | None = None,
    output_ratio: Ratio | None = None,
    return_indices: bool = False,
    _random_samples: ArrayLike | None = None,
) -> Any:
    """The largest of windows at random places: input (N, C, H, W) or (C, H, W) to (N, C, H_out, W_out).

    Windows of `kernel_size` begin in uneven steps of (H - kernel) / (H_out - 1) on the average, from 0 to the
    end of each axis, drawn for each plane anew. H_out and W_out are `output_size`, or `output_ratio` times
    H and W. Equals, nan and the indices of `return_indices` are as in max_pool2d. `_random_samples`, of shape
    (N, C, 2), are numbers to take in place of random ones. Graham 2014, arXiv:1412.6071. ValueError unless
    there is one of output_size and output_ratio, and for shapes and sizes that do not fit; TypeError for
    booleans, and sizes that are no integers.
    """
    options = kernel_size, output_size, output_ratio, return_indices, _random_samples
    return _pooled("fractional_max_pool2d", 2, input, *options)


def fractional_max_pool3d(
    input: ArrayLike,
    kernel_size: Size,
    output_size: Size | None = None,
    output_ratio: Ratio | None = None,
    return_indices: bool = False,
    _random_samples: ArrayLike | None = None,
) -> Any:
    """The largest of windows at random places: input (N, C, D, H, W) to (N, C, D_out, H_out, W_out).

    Also without the N. All else, errors too (ValueError, TypeError), is as in fractional_max_pool2d;
    `_random_samples` are (N, C, 3).
    """
    options = kernel_size, output_size, output_ratio, return_indices, _random_samples
    return _pooled("fractional_max_pool3d", 3, input, *options)


def fractional_max_pool2d_with_indices(
    input: ArrayLike,
    kernel_size: Size,
    output_size: Size | None = None,
    output_ratio: Ratio | None = None,
    return_indices: bool = False,
    _random_samples: ArrayLike | None = None,
) -> tuple[Tensor, Tensor]:
    """fractional_max_pool2d(input, ...) and its indices, both (N, C, H_out, W_out), in any case.

    Errors are ValueError and TypeError, as there.
    """
    options = kernel_size, output_size, output_ratio, True, _random_samples
    return _pooled("fractional_max_pool2d", 2, input, *options)


def fractional_max_pool3d_with_indices(
    input: ArrayLike,
    kernel_size: Size,
    output_size: Size | None = None,
    output_ratio: Ratio | None = None,
    return_indices: bool = False,
    _random_samples: ArrayLike | None = None,
) -> tuple[Tensor, Tensor]:
    """fractional_max_pool3d(input, ...) and its indices, both (N, C, D_out, H_out, W_out), in any case.

    Errors are ValueError and TypeError, as there.
    """
    options = kernel_size, output_size, output_ratio, True, _random_samples
    return _pooled("fractional_max_pool3d", 3, input, *options)
