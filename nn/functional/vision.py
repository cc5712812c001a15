"""Pixels moved: sampled on a grid, or between channels and places."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from ._inputs import as_float, as_tensor, where, widened
from .resampling import cubic_weight

__all__ = ["affine_grid", "channel_shuffle", "grid_sample", "pixel_shuffle", "pixel_unshuffle"]


def grid_sample(
    input: ArrayLike,
    grid: ArrayLike,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Images (N, C, [D,] H, W) at the places grid (N, ..., 2 or 3): the result is (N, C, ...).

    Places are (x, y[, z]) from -1 to 1, the edges of the image or, with `align_corners`, the centers of its
    outermost pixels. `mode`: "bilinear", "nearest", or "bicubic" (of two axes). Outside there is what
    `padding_mode` says: "zeros", "border", "reflection". Jaderberg et al. 2015, arXiv:1506.02025. ValueError
    for shapes or words that do not fit, TypeError for a grid of another dtype than input.
    """
    x, grid = as_float(input, grid), as_float(grid, input)
    n = x.ndim - 2
    _check_grid(x, grid, n, mode, padding_mode)
    if x.data.dtype.char == "e":
        return widened(_sampled, x, grid, n=n, mode=mode, padding=padding_mode, align=align_corners)
    return _sampled(x, grid, n, mode, padding_mode, align_corners)


def _check_grid(x, grid, n, mode, padding_mode):
    name = where("grid_sample")
    if n not in (2, 3) or grid.shape[:1] != x.shape[:1] or grid.shape[-1] != n or grid.ndim != n + 2:
        raise ValueError(
            f"{name}: input of shape {x.shape} with grid of shape {grid.shape}, expected (N, C, H, W) with "
            "(N, H', W', 2) or (N, C, D, H, W) with (N, D', H', W', 3)"
        )
    if 0 in x.shape[2:]:
        raise ValueError(f"{name}: input of shape {x.shape} has no pixels")
    if x.dtype != grid.dtype:
        raise TypeError(f"{name}: input is {x.dtype} and grid {grid.dtype}; use grid.astype(np.{x.dtype})")
    if mode not in ("bilinear", "nearest", "bicubic") or (mode == "bicubic" and n != 2):
        words = "'bilinear', 'nearest' or, for (N, C, H, W), 'bicubic'"
        raise ValueError(f"{name}: mode is {words}, not {mode!r} for input of shape {x.shape}")
    if padding_mode not in PADDINGS:
        raise ValueError(f"{name}: padding_mode is one of {', '.join(PADDINGS)}, not {padding_mode!r}")


def _sampled(x, grid, n, mode, padding, align):
    sizes = x.shape[2:]
    places = []  # in pixels, for each axis of the image
    for axis, size in enumerate(sizes):
        c = grid[..., n - 1 - axis]
        places.append((c + 1) * ((size - 1) / 2) if align else ((c + 1) * size - 1) / 2)
    if mode == "bicubic":
        taps = [
            [(_bounded_index(i, size, padding, align), w) for i, w in _four(c)]
            for c, size in zip(places, sizes, strict=True)
        ]
    else:
        places = [_padded(c, size, padding, align) for c, size in zip(places, sizes, strict=True)]
        taps = [[(np.rint(c.data), None)] if mode == "nearest" else _two(c) for c in places]
    return sum(_picked(x, corner) for corner in itertools.product(*taps))


def _two(c):
    low = np.floor(c.data)
    return [(low, low + 1 - c), (low + 1, c - low)]


def _four(c):
    low = np.floor(c.data)
    t = c - low
    return [(low + i, cubic_weight(t - i, -0.75)) for i in range(-1, 3)]


def _picked(x, corner):
    """The pixels at one corner around each place, with its weight; zeros outside of the image."""
    sizes = x.shape[2:]
    inside, flat, weight = True, 0, None
    for (at, w), size in zip(corner, sizes, strict=True):
        within = (at >= 0) & (at < size)  # false of nan
        inside = inside & within
        flat = flat * size + np.where(within, at, 0).astype(np.intp)
        weight = w if weight is None else weight * w
    shape = flat.shape
    flat = flat.reshape(len(flat), 1, math.prod(shape[1:]))
    pixels = ag.take_along_axis(x.reshape(*x.shape[:2], math.prod(sizes)), flat, 2)
    pixels = pixels.reshape(*x.shape[:2], *shape[1:])
    inside = inside[:, None]
    if weight is None:
        return pixels if inside.all() else ag.where(inside, pixels, 0)
    pixels = ag.expand_dims(weight, 1) * pixels
    return pixels if inside.all() else ag.where(inside, pixels, 0)


# ------------------------------------------------------------------ what is outside of the image


def _reflected(c, size, align):
    """Places c mirrored at both edges until they are inside, as (sign, mirrored numbers)."""
    low, span = (0, size - 1) if align else (-0.5, size)
    if not span:
        return np.zeros_like(c), np.zeros_like(c)
    away = np.abs(c - low)
    odd = np.floor(away / span) % 2 == 1
    rest = np.fmod(away, span)
    sign = np.where(odd, -1, 1) * np.where(c < low, -1, 1)
    return sign.astype(c.dtype), np.where(odd, span - rest, rest) + low


def _padded(c, size, padding, align):
    """Places as Tensors; those that are moved to the border have no gradient."""
    if padding == "zeros":
        return c
    if padding == "reflection":
        with np.errstate(invalid="ignore"):
            sign, mirrored = _reflected(c.data, size, align)
            c = c * sign + (mirrored - c.data * sign)
    free = (c.data > 0) & (c.data < size - 1)
    return ag.where(free, c, _clipped(c.data, size))


def _clipped(c, size):
    return np.fmin(np.fmax(c, 0), size - 1)  # 0 in place of nan


def _bounded_index(at, size, padding, align):
    if padding == "zeros":
        return at
    return _clipped(_reflected(at, size, align)[1] if padding == "reflection" else at, size)


PADDINGS = ("zeros", "border", "reflection")


def affine_grid(theta: ArrayLike, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The places of the pixels of images of `size` (N, C, [D,] H, W) after affine maps theta.

    theta is (N, 2, 3) or (N, 3, 4): for each image a matrix and, in the last column, a shift. The result,
    (N, [D,] H, W, 2 or 3), is for grid_sample with the same `align_corners`. ValueError for shapes that do
    not fit.
    """
    theta, size = as_float(theta), tuple(int(k) for k in size)
    n = len(size) - 2
    if n not in (2, 3) or theta.shape != (size[0], n, n + 1):
        expected = "(N, 2, 3) with (N, C, H, W) or (N, 3, 4) with (N, C, D, H, W)"
        raise ValueError(
            f"{where('affine_grid')}: theta of shape {theta.shape} for size {size}, expected {expected}"
        )
    if min(size) < 1:
        raise ValueError(f"{where('affine_grid')}: size must be positive, not {size}")
    axes = []
    for k in size[2:]:
        line = np.linspace(-1, 1, k) if k > 1 else np.zeros(1)
        axes.append(line if align_corners else line * ((k - 1) / k))
    places = np.stack([*np.meshgrid(*axes, indexing="ij")[::-1], np.ones(size[2:])], -1).astype(theta.dtype)
    return ag.matmul(places.reshape(1, math.prod(size[2:]), n + 1), theta.mT).reshape(size[0], *size[2:], n)


# ------------------------------------------------------------------ between channels and places


def pixel_shuffle(input: ArrayLike, upscale_factor: int) -> Tensor:
    """input (..., C r r, H, W) to (..., C, H r, W r), r = upscale_factor: channels become pixels.

    Shi et al. 2016, arXiv:1609.05158. ValueError for channels that r^2 does not divide,
    TypeError for an r that is no integer.
    """
    x, r = as_tensor(input), upscale_factor
    _check_shuffle("pixel_shuffle", "upscale_factor", x, r, 3)
    *batch, channels, height, width = x.shape
    if channels % r**2:
        raise ValueError(
            f"{where('pixel_shuffle')}: input of shape {x.shape} has {channels} channels, which "
            f"upscale_factor^2 = {r * r} does not divide"
        )
    k = len(batch)
    x = x.reshape(*batch, channels // r**2, r, r, height, width)
    x = ag.transpose(x, (*range(k), k, k + 3, k + 1, k + 4, k + 2))
    return x.reshape(*batch, channels // r**2, height * r, width * r)


def pixel_unshuffle(input: ArrayLike, downscale_factor: int) -> Tensor:
    """input (..., C, H r, W r) to (..., C r r, H, W), r = downscale_factor: pixel_shuffle backwards.

    ValueError for a height or width that r does not divide, TypeError for an r that is no integer.
    """
    x, r = as_tensor(input), downscale_factor
    _check_shuffle("pixel_unshuffle", "downscale_factor", x, r, 3)
    *batch, channels, height, width = x.shape
    if height % r or width % r:
        raise ValueError(
            f"{where('pixel_unshuffle')}: input of shape {x.shape} has a height or width that "
            f"downscale_factor {r} does not divide"
        )
    k = len(batch)
    x = x.reshape(*batch, channels, height // r, r, width // r, r)
    x = ag.transpose(x, (*range(k), k, k + 2, k + 4, k + 1, k + 3))
    return x.reshape(*batch, channels * r**2, height // r, width // r)


def channel_shuffle(input: ArrayLike, groups: int) -> Tensor:
    """input (N, C, ...) with its channels as a table of `groups` rows read by columns, of the same shape.

    Zhang et al. 2018, arXiv:1707.01083. ValueError for channels that groups does not
    divide, TypeError for groups that are no integer.
    """
    x = as_tensor(input)
    _check_shuffle("channel_shuffle", "groups", x, groups, 3)
    n, channels, *rest = x.shape
    if channels % groups:
        raise ValueError(
            f"{where('channel_shuffle')}: groups {groups} does not divide {channels}, input {x.shape}"
        )
    return x.reshape(n, groups, channels // groups, *rest).swapaxes(1, 2).reshape(*x.shape)


def _check_shuffle(name, argument, x, value, least):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{where(name)}: {argument} is an integer, not {value!r}")
    if value < 1:
        raise ValueError(f"{where(name)}: {argument} must be positive, not {value}")
    if x.ndim < least:
        raise ValueError(f"{where(name)}: input of shape {x.shape} has fewer than {least} axes")
