"""The same numbers in another shape or order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from ..adding import added_at
from ..arrays import HALF, ArrayLike, Axes, Shape
from ..op import composed, op
from ..tensor import Tensor
from .creation import copy


@op(inputs=1, numpy=np.reshape, method=True, flops=0, view=True)
def reshape(x: ArrayLike, shape: Shape, order: str = "C"):
    """x in another `shape` of as many elements; one length may be -1: what is left.

    `order` is that in which elements are read and placed, "C" (the last axis fastest) or "F" (the first one).
    ValueError for another.
    """
    old = x.shape
    if order == "C":  # most often

        def backward(g):
            return (g.reshape(old),)

        return x.reshape(shape), backward
    if order != "F":
        raise ValueError(f"order is 'C' or 'F', not {order!r}")

    def backward_f(g):
        return (g.reshape(old, order="F"),)

    return x.reshape(shape, order="F"), backward_f


@composed(numpy=np.ravel, method=True)
def ravel(x: ArrayLike, order: str = "C") -> Tensor:
    """x with all its elements on one axis, of shape (n,), a view if it can; `order` is that of `reshape`."""
    return reshape(x, -1, order)


@composed(method=True)
def flatten(x: ArrayLike, order: str = "C") -> Tensor:
    """A copy of x with all its elements on one axis, of shape (n,); `order` is that of `reshape`."""
    return copy(reshape(x, -1, order))


@op(inputs=1, numpy=np.repeat, method=True, flops=0)
def repeat(x: ArrayLike, repeats: int | Sequence[int], axis: int | None = None):
    """x with each element `repeats` times along `axis` (None: of the flat array), or as often as a list says.

    The length n of the axis becomes n * repeats in the shape, or the sum of the list.
    """
    shape = x.shape
    y = np.repeat(x, repeats, axis)
    at = 0 if axis is None else axis % x.ndim
    before, n, after = ((), x.size, ()) if axis is None else (shape[:at], shape[at], shape[at + 1 :])

    def backward(g):
        if isinstance(repeats, int):
            wide = np.float32 if g.dtype is HALF else None
            dx = g.reshape((*before, n, repeats, *after)).sum(axis=at + 1, dtype=wide)
        else:
            index = np.repeat(np.arange(n, like=g), repeats)
            dx = added_at(g, (slice(None),) * at + (index,), (*before, n, *after))
        return (dx.reshape(shape),)

    return y, backward


@op(inputs=1, numpy=np.transpose, method=True, flops=0, view=True)
def transpose(x: ArrayLike, axes: Sequence[int] | None = None):
    """x with its axes in the order `axes`, by default reversed: (a, b, c) becomes (c, b, a)."""
    y = x.transpose(axes)
    order = (
        range(x.ndim)[::-1]
        if axes is None
        else [a % x.ndim for a in ((axes,) if isinstance(axes, int) else axes)]
    )
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
def concatenate(arrays: Sequence[ArrayLike], axis: int | None = 0):
    """A list of `arrays` joined along an axis they already have; their shapes agree on the others.

    None: all their elements on one axis. One array is the list of its rows.
    """
    y = np.concatenate(arrays, axis)
    shapes = [getattr(a, "shape", ()) for a in arrays]
    ends = list(accumulate(math.prod(s) if axis is None else s[axis] for s in shapes))[:-1]

    def backward(g):
        parts = np.split(g, ends, 0 if axis is None else axis)
        return tuple(parts if axis is not None else map(np.reshape, parts, shapes))

    return y, backward


@op(numpy=np.stack, flops=0)
def stack(arrays: Sequence[ArrayLike], axis: int = 0):
    """A list of `arrays` of one shape joined along a new axis, at `axis` of the result.

    One array is the list of its rows.
    """
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
