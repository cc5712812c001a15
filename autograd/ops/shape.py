"""The same numbers in another shape or order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..arrays import ArrayLike, Axes, Shape
from ..op import op


@op(inputs=1, numpy=np.reshape, method=True, flops=0, view=True)
def reshape(x: ArrayLike, shape: Shape):
    """x in another `shape` of as many elements; one length may be -1: what is left."""
    old = x.shape

    def backward(g):
        return (g.reshape(old),)

    return x.reshape(shape), backward


@op(inputs=1, numpy=np.transpose, method=True, flops=0, view=True)
def transpose(x: ArrayLike, axes: Sequence[int] | None = None):
    """x with its axes in the order `axes`, by default reversed: (a, b, c) becomes (c, b, a)."""
    y = x.transpose(axes)
    order = range(x.ndim)[::-1] if axes is None else [a % x.ndim for a in axes]
    back = tuple(order.index(i) for i in range(x.ndim))

    def backward(g):
        return (g.transpose(back),)

    return y, backward


@op(inputs=1, numpy=np.swapaxes, method=True, flops=0, view=True)
def swapaxes(x: ArrayLike, axis1: int, axis2: int):
    """x with two axes exchanged: of axes 0 and 2, (a, b, c) becomes (c, b, a)."""

    def backward(g):
        return (g.swapaxes(axis1, axis2),)

    return x.swapaxes(axis1, axis2), backward


@op(inputs=1, numpy=np.expand_dims, flops=0, view=True)
def expand_dims(x: ArrayLike, axis: Axes):
    """x with axes of length 1 put into its shape at `axis` (one position in the result, or several)."""
    old = x.shape

    def backward(g):
        return (g.reshape(old),)

    return np.expand_dims(x, axis), backward


@op(inputs=1, numpy=np.squeeze, method=True, flops=0, view=True)
def squeeze(x: ArrayLike, axis: Axes = None):
    """x without the axes of length 1 in its shape: all, or those of `axis`."""
    old = x.shape

    def backward(g):
        return (g.reshape(old),)

    return x.squeeze(axis), backward


@op(inputs=1, numpy=np.broadcast_to, flops=0, view=True)
def broadcast_to(x: ArrayLike, shape: Shape):
    """x repeated along axes of length 1, and along new ones in front, to `shape`."""

    def backward(g):  # the engine sums it down to x's shape
        return (g,)

    return np.broadcast_to(x, shape), backward


@op(numpy=np.concatenate, flops=0)
def concatenate(arrays: Sequence[ArrayLike], axis: int = 0):
    """A list of `arrays` joined along an axis they already have; their shapes agree on the others.

    TypeError for one array in place of a list.
    """
    _check_list(arrays)
    y = np.concatenate(arrays, axis)
    ends = list(accumulate(a.shape[axis] for a in arrays))[:-1]

    def backward(g):
        return tuple(np.split(g, ends, axis))

    return y, backward


def _check_list(arrays):
    if not isinstance(arrays, list):
        raise TypeError("takes a list of arrays, not one array; list(x) splits it along its first axis")


@op(numpy=np.stack, flops=0)
def stack(arrays: Sequence[ArrayLike], axis: int = 0):
    """A list of `arrays` of one shape joined along a new axis, at `axis` of the result.

    TypeError for one array in place of a list.
    """
    _check_list(arrays)
    y = np.stack(arrays, axis)
    before = (slice(None),) * (axis % y.ndim)
    count = len(arrays)

    def backward(g):
        return tuple(g[(*before, i)] for i in range(count))

    return y, backward


@op(inputs=1, several=True, numpy=np.split, flops=0, view=True)
def split(x: ArrayLike, indices_or_sections: int | Sequence[int], axis: int = 0):
    """x cut along `axis` into equal sections (a number) or before each index of a list.

    A list of Tensors, shaped as x but for the length of `axis`.
    """
    parts = tuple(np.split(x, indices_or_sections, axis))
    shapes = [part.shape for part in parts]

    def backward(gs):
        gs = gs if len(shapes) > 1 else [gs]
        like = next(g for g in gs if g is not None)
        gs = [np.zeros_like(like, shape=s) if g is None else g for g, s in zip(gs, shapes, strict=True)]
        return (np.concatenate(gs, axis),)

    return parts, backward


@op(inputs=1, numpy=np.pad, flops=0)
def pad(x: ArrayLike, pad_width: Any, mode: str = "constant", constant_values: Any = 0):
    """x surrounded with a constant; `pad_width` is a number, (before, after), or one pair for each axis.

    An axis of length n gets n + before + after in the result's shape. ValueError for another `mode`.
    """
    if mode != "constant":
        raise ValueError(f"only mode 'constant' has a gradient here, not {mode!r}")
    widths = np.broadcast_to(pad_width, (x.ndim, 2)).tolist()
    inner = tuple(slice(before, before + n) for (before, _), n in zip(widths, x.shape, strict=True))

    def backward(g):
        return (g[inner],)

    return np.pad(x, widths, constant_values=constant_values), backward
