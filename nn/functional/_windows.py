"""Where the windows of pooling lie: sizes, checks, and positions as arrays."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ...autograd import Tensor
from ._inputs import as_tuple, where


class Windows(NamedTuple):
    """Regular windows, for each axis: element i of window o stands at o * stride + i * dilation - padding."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    out: tuple[int, ...]  # so many windows


def check_input(name: str, x: Tensor, n: int) -> None:
    """Raise ValueError unless x is (C, n axes) or (N, C, n axes), with nothing empty but the batch."""
    if x.ndim not in (n + 1, n + 2):
        axes = ", ".join("DHW"[-n:] if n > 1 else "L")
        raise ValueError(f"{where(name)}: input is (N, C, {axes}) or (C, {axes}), not of shape {x.shape}")
    if 0 in x.shape[-n - 1 :]:
        raise ValueError(f"{where(name)}: input of shape {x.shape} is empty on another axis than the batch")


def check_numbers(name: str, x: Tensor) -> None:
    """Raise TypeError for booleans."""
    if x.dtype.kind == "b":
        raise TypeError(f"{where(name)}: input is of booleans; use .astype(np.float32)")


def windows_of(
    name: str, x: Tensor, n: int, kernel_size, stride, padding, dilation, ceil_mode: bool
) -> Windows:
    """The windows on the last n axes of x; TypeError and ValueError for arguments that do not fit."""
    check_input(name, x, n)
    kernel = as_tuple(name, "kernel_size", kernel_size, n)
    without = stride is None or (isinstance(stride, (tuple, list)) and not stride)
    steps = kernel if without else as_tuple(name, "stride", stride, n)
    pads = as_tuple(name, "padding", padding, n)
    gaps = as_tuple(name, "dilation", dilation, n)
    windows, trouble = _windows(x.shape[-n:], kernel, steps, pads, gaps, bool(ceil_mode))
    if trouble:
        raise ValueError(f"{where(name)}: {trouble} (input of shape {x.shape})")
    return windows


@lru_cache(maxsize=256)
def _windows(sizes, kernel, steps, pads, gaps, ceil_mode) -> tuple[Windows, str]:
    """The windows, and what is wrong with them."""
    made = Windows(kernel, steps, pads, gaps, ())
    for word, values in (("kernel_size", kernel), ("stride", steps), ("dilation", gaps)):
        if min(values) < 1:
            return made, f"{word} is at least 1, not {values}"
    if any(p < 0 or 2 * p > k for p, k in zip(pads, kernel, strict=True)):
        return made, (
            f"padding is from 0 to half of the kernel, but padding is {pads}, kernel_size {kernel}; "
            "nn.functional.pad puts more around the input"
        )
    axes = list(zip(sizes, kernel, steps, pads, gaps, strict=True))
    made = made._replace(out=tuple([_count(*axis, ceil_mode) for axis in axes]))
    if min(made.out) < 1:
        return made, f"windows of {_reach(kernel, gaps)} do not fit into {sizes} with padding {pads}"
    for (size, k, s, p, d), m in zip(axes, made.out, strict=True):
        starts = [o * s - p for o in range(min(m, -(-p // s)))]  # outside
        if any(start + (k - 1) * d < 0 or start % d >= size for start in starts):
            return made, (
                f"a window sees padding alone with kernel_size {kernel}, padding {pads}, dilation {gaps}"
            )
    return made, ""


def _reach(kernel, gaps):
    return tuple([(k - 1) * d + 1 for k, d in zip(kernel, gaps, strict=True)])


def _count(size, k, s, p, d, ceil_mode):
    """How many windows; with `ceil_mode` also one that ends outside, but it has to begin inside."""
    room = size + 2 * p - (k - 1) * d - 1
    if not ceil_mode:
        return room // s + 1
    count = -(-room // s) + 1
    return count - 1 if (count - 1) * s >= size + p else count


def taps_of(size: int, k: int, s: int, p: int, d: int, out: int) -> list[tuple[slice, slice]]:
    """For each element of a kernel along an axis: in which windows it lies inside, and where."""
    taps = []
    for i in range(k):
        at = i * d - p  # in window 0
        low = max(0, -(at // s))
        high = max(low, min(out, (size - 1 - at) // s + 1))
        first = low * s + at
        taps.append((slice(low, high), slice(first, max(first + (high - low - 1) * s + 1, first), s)))
    return taps


def are_apart(windows: Windows) -> bool:
    """Whether no element of the input lies in two windows."""
    reach = _reach(windows.kernel, windows.dilation)
    return all(s >= r for s, r in zip(windows.stride, reach, strict=True))


def positions(like, sizes, windows: Windows):
    """(windows, elements): where each element of each window stands in the flat input.

    What would lie in the padding is in its place the nearest element of the window that does not, so that it
    changes no maximum. The array is of the library of `like`.
    """
    axes = []
    for size, k, s, p, d, out in zip(sizes, *windows, strict=True):
        start = (np.arange(out, like=like) * s - p)[:, None]
        first = np.where(start < 0, start % d, start)
        last = np.minimum(start + (k - 1) * d, size - 1 - (size - 1 - start) % d)
        axes.append(np.minimum(np.maximum(start + np.arange(k, like=like) * d, first), last))
    return product(axes, sizes)


def product(axes, sizes):
    """(windows, elements) from (windows, elements) of each axis, the last axis counting fastest."""
    places = axes[0]
    for at, size in zip(axes[1:], sizes[1:], strict=True):
        shape = *places.shape[:-2], places.shape[-2] * at.shape[-2], places.shape[-1] * at.shape[-1]
        places = places[..., :, None, :, None] * size + at[..., None, :, None, :]
        places = places.reshape(shape)
    return places
