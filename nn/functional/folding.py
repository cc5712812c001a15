"""Windows of images as columns, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike
from ._correlate import Geometry, room_for, surrounded, taps, without_padding
from ._inputs import as_float, where
from .convolution import sizes

__all__ = ["fold", "unfold"]


def _columns(x, geometry):
    """(N, C, H, W) to (N, C * taps, positions)."""
    n, channels, *lengths = x.shape
    positions = geometry.positions(lengths)
    x = surrounded(x, geometry)
    parts = [
        x[met].reshape((n, channels, positions[0] * positions[1])) for _, met in taps(geometry, positions)
    ]
    return np.stack(parts, axis=2).reshape((n, channels * len(parts), positions[0] * positions[1]))


def _added(columns, shape, geometry):
    """Its transpose: (N, C * taps, positions) to `shape`, (N, C, H, W)."""
    positions = geometry.positions(shape[2:])
    count = geometry.kernel[0] * geometry.kernel[1]
    columns = columns.reshape((*shape[:2], count, *positions))
    x = room_for(columns, shape, geometry)
    for i, (_, met) in enumerate(taps(geometry, positions)):
        x[met] += columns[:, :, i]
    return without_padding(x, shape, geometry)


@op(inputs=1, flops=0)
def _unfold(x, kernel_size, dilation, padding, stride):
    geometry = Geometry(kernel_size, stride, padding, dilation)
    shape = x.shape

    def backward(g):
        return (_added(g, shape, geometry),)

    return _columns(x, geometry), backward


@op(inputs=1)
def _fold(columns, output_size, kernel_size, dilation, padding, stride):
    geometry = Geometry(kernel_size, stride, padding, dilation)
    channels = columns.shape[1] // (kernel_size[0] * kernel_size[1])

    def backward(g):
        return (_columns(g, geometry),)

    return _added(columns, (columns.shape[0], channels, *output_size), geometry), backward


def unfold(
    input: ArrayLike,
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Tensor:
    """The windows of input that conv2d's kernels would meet, each laid out as a column.

    input (N, C, H, W) or (C, H, W) becomes (N, C KH KW, positions) or (C KH KW, positions). ValueError for
    shapes and numbers that do not fit, TypeError for numbers that are no integers.
    """
    x, geometry, batched = _checked("unfold", input, 4, kernel_size, dilation, padding, stride)
    if min(geometry.positions(x.shape[2:])) < 1:
        raise ValueError(
            f"{where('unfold')}: windows of {geometry.kernel} with dilation {geometry.dilation} do not fit "
            f"into input {x.shape} with padding {geometry.padding}"
        )
    y = _unfold(x, geometry.kernel, geometry.dilation, geometry.padding, geometry.stride)
    return y if batched else ag.squeeze(y, 0)


def fold(
    input: ArrayLike,
    output_size: int | Sequence[int],
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Tensor:
    """Columns added up where unfold took them from, which makes images of the sums over all windows.

    input (N, C KH KW, positions) or (C KH KW, positions) becomes (N, C, *output_size) or (C, *output_size).
    ValueError for shapes and numbers that do not fit, TypeError for numbers that are no integers.
    """
    x, geometry, batched = _checked("fold", input, 3, kernel_size, dilation, padding, stride)
    output_size = sizes("fold", "output_size", output_size, 2, 1)
    positions = geometry.positions(output_size)
    count = geometry.kernel[0] * geometry.kernel[1]
    if min(positions) < 1 or x.shape[2] != positions[0] * positions[1] or x.shape[1] % count:
        raise ValueError(
            f"{where('fold')}: input of shape {x.shape} is not (N, C * {count}, {max(positions[0], 0)} * "
            f"{max(positions[1], 0)}), which windows of {geometry.kernel} with stride {geometry.stride}, "
            f"padding {geometry.padding} and dilation {geometry.dilation} have in {output_size}"
        )
    y = _fold(x, output_size, geometry.kernel, geometry.dilation, geometry.padding, geometry.stride)
    return y if batched else ag.squeeze(y, 0)


def _checked(name, input, ndim, kernel_size, dilation, padding, stride):
    x = as_float(input)
    if x.ndim not in (ndim - 1, ndim) or not all(x.shape[1 - ndim :]):
        form = "C, H, W" if ndim == 4 else "C * window, positions"
        raise ValueError(f"{where(name)}: input is (N, {form}) or ({form}), none of them 0, not {x.shape}")
    kernel = sizes(name, "kernel_size", kernel_size, 2, 1)
    padding = tuple((p, p) for p in sizes(name, "padding", padding, 2, 0))
    steps = sizes(name, "stride", stride, 2, 1), padding, sizes(name, "dilation", dilation, 2, 1)
    batched = x.ndim == ndim
    return (x if batched else x[None]), Geometry(kernel, *steps), batched
