"""Images of another size: each axis by itself is a few taps of the input, weighted, for each output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike
from ._inputs import as_float, as_tuple, where, widened

__all__ = ["interpolate", "upsample", "upsample_bilinear", "upsample_nearest"]

Size = int | Sequence[int]
Scale = float | Sequence[float]

# For each mode how many axes of an image it takes, the batch and the channels apart.
MODES = {
    "nearest": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
    "area": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "lanczos": (2,),
    "trilinear": (3,),
}
LINEAR = ("linear", "bilinear", "trilinear")
STEPS = ("nearest", "nearest-exact", "area")  # the modes without corners to align


class Taps(NamedTuple):
    """For each output the inputs it is made of, (outputs, taps), and their weights."""

    at: np.ndarray
    weights: np.ndarray

    def transposed(self, inputs: int) -> Taps:
        """For each input the outputs that it is part of; where it is part of fewer than others, weights 0."""
        outputs = np.repeat(np.arange(len(self.at)), self.at.shape[1])
        at, weights = self.at.reshape(-1), self.weights.reshape(-1)
        order = np.argsort(at, kind="stable")
        at, outputs, weights = at[order], outputs[order], weights[order]
        counts = np.bincount(at, minlength=inputs)
        starts = np.cumsum(counts) - counts
        place = np.arange(len(at)) - starts[at]
        shape = inputs, max(1, counts.max(initial=0))
        back = Taps(np.zeros(shape, int), np.zeros(shape, weights.dtype))
        back.at[...] = outputs[np.minimum(starts, len(at) - 1)][:, None]  # its own outputs beside 0
        back.at[at, place], back.weights[at, place] = outputs, weights
        return back


@op(inputs=1, flops=lambda inputs, outputs, attributes: 4 * math.prod(outputs[0]))
def _resample(x, at, weights, back_at, back_weights, axis):
    """Along `axis`, negative, sums of x at `at` times `weights`; gradients go back by the transposed."""

    def backward(g):
        return (_weighted(g, back_at, back_weights, axis),)

    return _weighted(x, at, weights, axis), backward


def _weighted(x, at, weights, axis):
    after = (1,) * (-axis - 1)
    y = np.take(x, at[:, 0], axis) * weights[:, 0].reshape(-1, *after)
    for k in range(1, at.shape[1]):
        y = y + np.take(x, at[:, k], axis) * weights[:, k].reshape(-1, *after)
    return y


# ------------------------------------------------------------------ where the taps are, and their weights


@lru_cache(maxsize=256)
def _taps(mode, inputs, outputs, scale, align_corners, antialias, dtype) -> tuple[np.ndarray, ...]:
    """The taps of an axis and the transposed ones; `scale` is how many inputs an output is wide."""
    dtype = np.dtype(dtype).type
    if mode == "area":
        taps = _area(inputs, outputs)
    elif antialias:
        taps = _filtered(mode, inputs, outputs, scale, dtype)
    else:
        places = np.arange(outputs, dtype=dtype)
        if mode in STEPS:
            at = np.floor((places + dtype(0.5 if mode == "nearest-exact" else 0)) * dtype(scale))
            at, weights = at[:, None].astype(int), np.ones((outputs, 1))
        else:
            if align_corners:
                source = places * dtype(scale)
            else:
                source = (places + dtype(0.5)) * dtype(scale) - dtype(0.5)
            at, weights = _cubic(source) if mode == "bicubic" else _linear(np.maximum(source, 0), inputs)
        taps = Taps(np.clip(at, 0, inputs - 1), weights)
    taps = Taps(taps.at, taps.weights.astype(dtype))
    return *taps, *taps.transposed(inputs)


def _linear(source, inputs):
    first = np.minimum(np.floor(source), inputs - 1)
    t = np.minimum(source - first, 1)
    return np.stack([first, first + 1], 1).astype(int), np.stack([1 - t, t], 1)


def _cubic(source):
    """Keys 1981, with a = -0.75 as PyTorch has it."""
    first = np.floor(source)
    t = source - first
    distances = np.stack([1 + t, t, 1 - t, 2 - t], 1)
    return (first[:, None] + np.arange(-1, 3)).astype(int), cubic_weight(distances, -0.75)


def cubic_weight(x, a):
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _area(inputs, outputs):
    """Means over equal parts, from floor(i n / m) to ceil((i + 1) n / m)."""
    i = np.arange(outputs)
    starts, stops = i * inputs // outputs, -(-(i + 1) * inputs // outputs)
    return _windows(starts, stops, np.ones_like)


FILTERS = {  # how far they reach, and their weight at a distance
    "bilinear": (1, lambda x: np.maximum(1 - np.abs(x), 0)),
    "bicubic": (2, lambda x: cubic_weight(x, -0.5)),
    "lanczos": (3, lambda x: np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)),
}


def _filtered(mode, inputs, outputs, scale, dtype):
    """A filter that is widened where the image shrinks, so that every input counts, as in Pillow."""
    reach, filter = FILTERS[mode]
    scale, half = dtype(scale), dtype(0.5)
    wide = max(scale, dtype(1))
    centers = scale * (np.arange(outputs, dtype=dtype) + half)
    starts = np.maximum((centers - reach * wide + half).astype(int), 0)
    stops = np.minimum((centers + reach * wide + half).astype(int), inputs)
    return _windows(starts, stops, lambda at: filter((at - centers[:, None] + half) / wide))


def _windows(starts, stops, weight):
    """Taps from starts to stops, with weights that are made to sum to 1; spare ones repeat the last input."""
    at = starts[:, None] + np.arange(max(1, (stops - starts).max(initial=0)))
    inside = at < stops[:, None]
    weights = np.where(inside, weight(at), 0)
    return Taps(np.minimum(at, stops[:, None] - 1), weights / weights.sum(1, keepdims=True))


# ------------------------------------------------------------------ the public functions


def interpolate(
    input: ArrayLike,
    size: Size | None = None,
    scale_factor: Scale | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Images (N, C, d1, ...) of one to three axes, made `size` large or `scale_factor` times as large.

    `mode`: "nearest" and "nearest-exact" (as Pillow's), "area" (means), "linear", "bilinear", "trilinear",
    "bicubic", "lanczos". `align_corners` puts the corners of input and result upon each other, else their
    edges; `antialias` (bilinear, bicubic, lanczos) widens the filter where the image shrinks. With
    `scale_factor` places are computed by it, or with `recompute_scale_factor` by the sizes. ValueError for
    arguments that do not fit each other or the input.
    """
    x = as_float(input)
    n = x.ndim - 2
    _check(x, mode, align_corners, antialias)
    sizes, factors = _sizes(
        x, n, size, scale_factor, recompute_scale_factor or (mode == "area" and size is None)
    )
    if x.data.dtype.char == "e":
        return widened(
            _interpolated,
            x,
            sizes=sizes,
            factors=factors,
            mode=mode,
            align_corners=align_corners,
            antialias=antialias,
        )
    return _interpolated(x, sizes, factors, mode, align_corners, antialias)


def _interpolated(x, sizes, factors, mode, align_corners, antialias):
    for axis, outputs, factor in zip(range(-len(sizes), 0), sizes, factors, strict=True):
        inputs = x.shape[axis]
        if align_corners:
            scale = (inputs - 1) / (outputs - 1) if outputs > 1 else 0.0
        elif factor is None or (mode == "nearest" and len(sizes) == 2 and outputs in (inputs, 2 * inputs)):
            scale = inputs / outputs  # PyTorch does not look at the factor there
        else:
            scale = 1 / factor
        if inputs == outputs and (scale == 1 or align_corners or (mode in LINEAR and not antialias)):
            continue
        taps = _taps(mode, inputs, outputs, scale, bool(align_corners), antialias, x.data.dtype.char)
        x = _resample(x, *taps, axis)
    return x


def _check(x, mode, align_corners, antialias):
    name, n = where("interpolate"), x.ndim - 2
    if mode not in MODES:
        raise ValueError(f"{name}: mode is one of {', '.join(MODES)}, not {mode!r}")
    if n not in MODES[mode]:
        axes = " or ".join(str(2 + k) for k in MODES[mode])
        raise ValueError(f"{name}: mode={mode!r} takes input (N, C, ...) of {axes} axes, not {x.shape}")
    if 0 in x.shape[1:]:
        raise ValueError(f"{name}: input of shape {x.shape} is empty, only the batch may be")
    if mode in STEPS and align_corners is not None:
        raise ValueError(f"{name}: align_corners is not for mode={mode!r}, which has no corners")
    if antialias and mode not in FILTERS:
        raise ValueError(f"{name}: antialias is for mode {', '.join(FILTERS)}, not {mode!r}")
    if mode == "lanczos" and (align_corners or not antialias):
        raise ValueError(f"{name}: mode='lanczos' takes antialias=True and no align_corners")


def _sizes(x, n, size, scale_factor, recompute):
    """The sizes of the result, and by which factors its places are computed, None for the sizes' own."""
    name = where("interpolate")
    if (size is None) == (scale_factor is None):
        raise ValueError(f"{name}: give one of size and scale_factor")
    if size is not None:
        if recompute is True:
            raise ValueError(f"{name}: recompute_scale_factor is for scale_factor, not for size")
        sizes = as_tuple("interpolate", "size", size, n)
        if np.ndim(size) and len(size) != n:
            raise ValueError(f"{name}: size is an integer or {n} of them, not {size!r}")
        factors = (None,) * n
    else:
        given = (
            tuple(scale_factor) if isinstance(scale_factor, (Sequence, np.ndarray)) else (scale_factor,) * n
        )
        if len(given) != n:
            raise ValueError(f"{name}: scale_factor has {len(given)} numbers for {n} axes of input {x.shape}")
        factors = tuple([float(factor) for factor in given])
        if not all(factor > 0 and math.isfinite(factor) for factor in factors):
            raise ValueError(f"{name}: scale_factor must be positive, not {scale_factor}")
        sizes = tuple([math.floor(k * factor) for k, factor in zip(x.shape[2:], factors, strict=True)])
        if recompute:
            factors = (None,) * n
    if min(sizes) < 1:
        raise ValueError(f"{name}: input of shape {x.shape} would become {sizes} large")
    return sizes, factors


def upsample(
    input: ArrayLike,
    size: Size | None = None,
    scale_factor: Scale | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """interpolate(input, size, scale_factor, mode, align_corners), of images (N, C, ...): its older name."""
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: ArrayLike, size: Size | None = None, scale_factor: Scale | None = None) -> Tensor:
    """interpolate(input, size, scale_factor), of images (N, C, ...): its older name."""
    return interpolate(input, size, scale_factor)


def upsample_bilinear(
    input: ArrayLike, size: Size | None = None, scale_factor: Scale | None = None
) -> Tensor:
    """interpolate(input, size, scale_factor, "bilinear", True), of images (N, C, H, W): its older name."""
    return interpolate(input, size, scale_factor, "bilinear", True)
