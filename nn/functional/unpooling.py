"""The way back from max pooling: the elements where they were, among zeros."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike
from ._inputs import are_within, as_float, as_tensor, as_tuple, where
from ._windows import check_input

__all__ = ["max_unpool1d", "max_unpool2d", "max_unpool3d"]

Size = int | Sequence[int]


@op(inputs=1, flops=0)
def _max_unpool(x, indices, out):
    """Zeros, and x[i] at indices[i] of its plane. A place that is named twice gives both its gradient."""
    n = len(out)
    shape, lead = x.shape, x.shape[:-n]
    at = indices.reshape(*lead, math.prod(shape[-n:]))
    y = np.zeros_like(x, shape=(*lead, math.prod(out)))
    np.put_along_axis(y, at, x.reshape(at.shape), -1)

    def backward(g):
        return (np.take_along_axis(g.reshape(*lead, math.prod(out)), at, axis=-1).reshape(shape),)

    return y.reshape(*lead, *out), backward


def _unpooled(name, n, input, indices, kernel_size, stride, padding, output_size):
    x, at = as_float(input), as_tensor(indices).data
    check_input(name, x, n)
    kernel = as_tuple(name, "kernel_size", kernel_size, n)
    steps = kernel if stride is None else as_tuple(name, "stride", stride, n)
    pads = as_tuple(name, "padding", padding, n)
    if min(steps) < 1:
        raise ValueError(f"{where(name)}: stride is at least 1, not {steps}")
    if at.dtype.kind not in "iu":
        raise TypeError(
            f"{where(name)}: indices are integers, not {at.dtype}; max_pool's return_indices=True gives them"
        )
    if at.shape != x.shape:
        raise ValueError(f"{where(name)}: indices of shape {at.shape} for input of shape {x.shape}")
    usual = [(m - 1) * s + k - 2 * p for m, k, s, p in zip(x.shape[-n:], kernel, steps, pads, strict=True)]
    out = _sizes(name, n, usual, steps, output_size)
    if not are_within(at, math.prod(out)):
        bad = at[(at < 0) | (at >= math.prod(out))].reshape(-1)[0]
        raise IndexError(
            f"{where(name)}: index {bad} is outside of the {math.prod(out)} places of an output of {out}; "
            "output_size= says how large the input of max_pool was"
        )
    return _max_unpool(x, at, out)


def _sizes(name, n, usual, steps, output_size) -> tuple[int, ...]:
    if output_size is None:
        sizes = tuple(usual)
    else:
        given = tuple(output_size) if isinstance(output_size, (Sequence, np.ndarray)) else (output_size,)
        given = given[2:] if len(given) == n + 2 else given
        sizes = as_tuple(name, "output_size", given, n) if len(given) == n else ()
        if not sizes or any(abs(m - u) >= s for m, u, s in zip(sizes, usual, steps, strict=True)):
            raise ValueError(
                f"{where(name)}: output_size has {n} or {n + 2} lengths, the last of which differ by less "
                f"than stride {tuple(steps)} from {tuple(usual)}, not {output_size!r}"
            )
    if min(sizes) < 0:
        raise ValueError(f"{where(name)}: an output of {sizes}; padding is too large for the kernel")
    return sizes


def max_unpool1d(
    input: ArrayLike,
    indices: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Zeros with the elements of input at `indices`: (N, C, L) or (C, L) to (N, C, L_out).

    `indices`, shaped as input, are those of max_pool1d. L_out is (L - 1) stride - 2 padding + kernel_size, or
    the last of `output_size`, a shape with or without N and C, where that has not told the input's length.
    Elements with one index all have its gradient; which one stands there is not said. ValueError for shapes
    and sizes that do not fit, TypeError for indices that are no integers, IndexError where they are outside.
    """
    return _unpooled("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: ArrayLike,
    indices: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Zeros with the elements of input at `indices`: (N, C, H, W) or (C, H, W) to (N, C, H_out, W_out).

    `indices`, shaped as input, count in the flat plane; sizes and errors (ValueError, TypeError, IndexError)
    are those of max_unpool1d for each axis.
    """
    return _unpooled("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: ArrayLike,
    indices: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Zeros with the elements of input at `indices`: (N, C, D, H, W) or without N to (N, C, D_out, ...).

    `indices`, shaped as input, count in the flat volume; sizes and errors (ValueError, TypeError, IndexError)
    are those of max_unpool1d for each axis.
    """
    return _unpooled("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)
