"""The largest element or the mean of windows that divide the last axes into a given number of parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike
from ._inputs import as_float, as_tensor, where, widened
from ._max_windows import _max_pool, places_of_max, regular_places_of_max
from ._mean_windows import _avg_pool
from ._windows import Windows, check_input, check_numbers, product

__all__ = ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d"]
__all__ += ["adaptive_max_pool1d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices"]
__all__ += ["adaptive_max_pool3d", "adaptive_max_pool3d_with_indices"]

Size = int | None | Sequence[int | None]


def _parts(size: int, out: int) -> list[tuple[int, int]]:
    """Window i of an axis: from floor(i size / out) to, without it, ceil((i + 1) size / out)."""
    return [(i * size // out, -(-(i + 1) * size // out)) for i in range(out)]


def _prepared(name: str, x: Tensor, n: int, output_size) -> tuple[int, ...]:
    """The output's sizes, checked."""
    check_input(name, x, n)
    given = tuple(output_size) if isinstance(output_size, (Sequence, np.ndarray)) else (output_size,) * n
    try:
        if any(isinstance(size, (bool, np.bool_)) for size in given):
            raise TypeError
        sizes = [m if size is None else index(size) for size, m in zip(given, x.shape[-n:], strict=True)]
    except (TypeError, ValueError):
        raise type_or_value(given, n)(
            f"{where(name)}: output_size is an integer or None, or {n} of them, not {output_size!r}"
        ) from None
    if min(sizes) < 0:
        raise ValueError(f"{where(name)}: output_size is at least 0, not {output_size!r}")
    return tuple(sizes)


def type_or_value(given: Sequence, n: int) -> type[Exception]:
    """What is wrong with sizes: their number, or what they are."""
    return ValueError if len(given) != n else TypeError


def _regular(sizes: tuple[int, ...], out: tuple[int, ...]) -> Windows | None:
    """The windows where they lie side by side, in equal parts; else None."""
    if not all(m and size % m == 0 for size, m in zip(sizes, out, strict=True)):
        return None
    kernel = tuple([size // m for size, m in zip(sizes, out, strict=True)])
    return Windows(kernel, kernel, (0,) * len(out), (1,) * len(out), out)


# ---------------------------------------------------------------------------------------------- mean


@op(inputs=1, flops=2)
def _adaptive_avg_pool(x, out):
    n = len(out)
    shape = x.shape
    first = len(shape) - n

    def backward(g):
        for axis in reversed(range(first, len(shape))):
            dx = np.zeros_like(g, shape=(*g.shape[:axis], shape[axis], *g.shape[axis + 1 :]))
            before = (slice(None),) * axis
            for i, (start, stop) in enumerate(_parts(shape[axis], out[axis - first])):
                part = g[(*before, i)] / (stop - start)
                for j in range(start, stop):
                    dx[(*before, j)] += part
            g = dx
        return (g,)

    for axis, m in enumerate(out, first):
        before = (slice(None),) * axis
        y = np.empty_like(x, shape=(*x.shape[:axis], m, *x.shape[axis + 1 :]))
        for i, (start, stop) in enumerate(_parts(x.shape[axis], m)):
            total = x[(*before, start)]
            for j in range(start + 1, stop):
                total = total + x[(*before, j)]
            y[(*before, i)] = total / (stop - start)
        x = y
    return x, backward


def _of_mean(name, n, input, output_size):
    x = as_float(input)
    out = _prepared(name, x, n, output_size)
    regular = _regular(x.shape[-n:], out)
    if regular is None:
        call, options = _adaptive_avg_pool, (out,)
    else:
        kernel, stride, padding, _, out = regular
        call, options = _avg_pool, (kernel, stride, padding, out, math.prod(kernel))
    return widened(call, x, *options) if x.data.dtype.char == "e" else call(x, *options)


def adaptive_avg_pool1d(input: ArrayLike, output_size: Size) -> Tensor:
    """The mean of each of `output_size` windows: input (N, C, L) or (C, L) to (N, C, output_size).

    Window i is from floor(i L / output_size) to ceil((i + 1) L / output_size), so that windows may overlap;
    None is L. ValueError for shapes and sizes that do not fit, TypeError for sizes that are no integers.
    """
    return _of_mean("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: ArrayLike, output_size: Size) -> Tensor:
    """The mean of each of windows that make H_out, W_out: input (N, C, H, W) to (N, C, H_out, W_out).

    Also without the N. `output_size` is an integer or a pair of them, None for the input's own size; each
    axis is divided as in adaptive_avg_pool1d, where the errors are: ValueError, TypeError.
    """
    return _of_mean("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_avg_pool3d(input: ArrayLike, output_size: Size) -> Tensor:
    """The mean of each of windows that make D_out, H_out, W_out: input (N, C, D, H, W) to (N, C, D_out, ...).

    Also without the N. `output_size` is an integer or three of them, None for the input's own size; each
    axis is divided as in adaptive_avg_pool1d, where the errors are: ValueError, TypeError.
    """
    return _of_mean("adaptive_avg_pool3d", 3, input, output_size)


# ------------------------------------------------------------------------------------------- largest


def _of_largest(name, n, input, output_size, return_indices):
    x = as_tensor(input)
    check_numbers(name, x)
    out = _prepared(name, x, n, output_size)
    sizes = x.shape[-n:]
    regular = _regular(sizes, out)
    if regular is not None:
        y = _max_pool(x, *regular)
        return (y, Tensor(regular_places_of_max(x.data, regular))) if return_indices else y
    return largest_of(x, _places(sizes, out), sizes, out, return_indices)


def largest_of(x: Tensor, places, sizes, out, return_indices) -> Any:
    """Of windows given by the places of their elements in the flat planes of x; and its place, or not."""
    lead = x.shape[: x.ndim - len(sizes)]
    if not math.prod(out):
        y = ag.reshape(x, (*lead, -1))[..., :0].reshape(*lead, *out)
        return (y, Tensor(np.zeros(y.shape, np.int64))) if return_indices else y
    flat = ag.reshape(x, (*lead, math.prod(sizes)))
    at = places_of_max(flat.data, places)
    y = ag.reshape(ag.take_along_axis(flat, at, -1), (*lead, *out))
    return (y, Tensor(at.astype(np.int64).reshape(*lead, *out))) if return_indices else y


def _places(sizes, out):
    """(windows, elements): what a window lacks to be as long as the longest is its last element again."""
    axes = []
    for size, m in zip(sizes, out, strict=True):
        bounds = np.array(_parts(size, m) or np.empty((0, 2)), np.int64)
        start, stop = bounds[:, :1], bounds[:, 1:]
        length = int(np.max(stop - start, initial=1))
        axes.append(np.minimum(start + np.arange(length), stop - 1))
    return product(axes, sizes)


def adaptive_max_pool1d(input: ArrayLike, output_size: Size, return_indices: bool = False) -> Any:
    """The largest of each of `output_size` windows: input (N, C, L) or (C, L) to (N, C, output_size).

    Windows and errors (ValueError, TypeError) are those of adaptive_avg_pool1d, equals, nan and the indices
    of `return_indices` those of max_pool1d.
    """
    return _of_largest("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input: ArrayLike, output_size: Size, return_indices: bool = False) -> Any:
    """The largest of each of windows that make H_out, W_out: input (N, C, H, W) to (N, C, H_out, W_out).

    Windows and errors (ValueError, TypeError) are those of adaptive_avg_pool2d, equals, nan and the indices
    of `return_indices` those of max_pool2d.
    """
    return _of_largest("adaptive_max_pool2d", 2, input, output_size, return_indices)


def adaptive_max_pool3d(input: ArrayLike, output_size: Size, return_indices: bool = False) -> Any:
    """The largest of each of windows that make D_out, H_out, W_out: input (N, C, D, H, W).

    Windows and errors (ValueError, TypeError) are those of adaptive_avg_pool3d, equals, nan and the indices
    of `return_indices` those of max_pool3d.
    """
    return _of_largest("adaptive_max_pool3d", 3, input, output_size, return_indices)


def adaptive_max_pool1d_with_indices(
    input: ArrayLike, output_size: Size, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """adaptive_max_pool1d(input, output_size) and its indices, both (N, C, L_out), in any case.

    Errors are ValueError and TypeError, as there.
    """
    return _of_largest("adaptive_max_pool1d", 1, input, output_size, True)


def adaptive_max_pool2d_with_indices(
    input: ArrayLike, output_size: Size, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """adaptive_max_pool2d(input, output_size) and its indices, both (N, C, H_out, W_out), in any case.

    Errors are ValueError and TypeError, as there.
    """
    return _of_largest("adaptive_max_pool2d", 2, input, output_size, True)


def adaptive_max_pool3d_with_indices(
    input: ArrayLike, output_size: Size, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """adaptive_max_pool3d(input, output_size) and its indices, both (N, C, D_out, H_out, W_out), in any case.

    Errors are ValueError and TypeError, as there.
    """
    return _of_largest("adaptive_max_pool3d", 3, input, output_size, True)
