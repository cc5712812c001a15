"""Reading and writing by index."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..adding import added_at, leading
from ..arguments import joined
from ..arrays import ArrayLike, as_array, opaque
from ..constant import constant
from ..op import Needs, composed, op
from ..pieces import Pieces
from ..tensor import Tensor
from .logic import not_equal

nonzero = constant(np.nonzero, method=True)

BOOL = np.dtype(bool)
BASIC = frozenset((int, slice, type(None), type(Ellipsis)))  # types of the parts of an index that is a view


def may_repeat(index) -> bool:
    """Whether an index can name one element twice: integer arrays can, slices, numbers and masks cannot."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(np.ndim(p) > 0 and as_array(p).dtype != bool for p in parts)


def _together(values: Sequence[ArrayLike], indices: list, shape: tuple[int, ...]):
    """Zeros of this shape to which values are added at these indices."""
    first, *others = zip(indices, values, strict=True)
    whole = np.zeros_like(values[0], shape=shape)
    whole[first[0]] = first[1]
    for index, value in others:
        whole[index] += value

    def backward(g):
        return [g[index] for index in indices]

    return whole, backward


_record_together = op(inputs=1, flops=0)(_together)


def _joined(values, indices, shape):
    """What makes one gradient of those of parts (pieces.py)."""
    if isinstance(values[0], Tensor):
        return _record_together(values, indices, shape)
    if hasattr(values[0], "together"):  # a stack of arrays that leaves zeros out
        found = values[0].together(_together, values, indices, shape)
        if found is not None:
            return found
    return _together(values, indices, shape)[0]


def is_basic(index) -> bool:
    """Whether an index is made of slices and numbers alone."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(type(p) in BASIC for p in parts)


@op(inputs=1, flops=0, view=True)
def getitem(x: ArrayLike, index: Any):
    """x[index], with every kind of index NumPy has, and the shape NumPy gives it."""
    shape = x.shape
    basic = is_basic(index)

    def backward(g):
        if basic:
            return (Pieces(g, index, shape, _joined),)
        if may_repeat(index):
            return (added_at(g, index, shape),)
        dx = np.zeros_like(g, shape=shape)
        dx[index] = g
        return (dx,)

    return x[index], backward


@op(inputs=2, flops=0, needs=True)
def index_put(needs: Needs, x: ArrayLike, value: ArrayLike, index: Any):
    """A copy of x in which x[index] is `value`, which broadcasts to the shape of x[index].

    Where the index names an element twice, the value that stands there in the end has the gradient.
    """
    y = np.empty_like(x)
    y[...] = x
    y[index] = value
    ndim, shape = np.ndim(value), x.shape

    def backward(g):
        dx = None
        if needs[0]:
            dx = np.empty_like(g)
            dx[...] = g
            dx[index] = 0
        if not needs[1]:
            return dx, None
        dv = g[index]
        if may_repeat(index):
            dv = np.where(_last_named(dv, index, shape), dv, 0)
        # NumPy lets a value have axes of length 1 in front of those of its place
        return dx, dv.reshape((1,) * (ndim - dv.ndim) + dv.shape) if ndim > dv.ndim else dv

    return y, backward


def _last_named(dv, index, shape):
    """For each element of x[index] whether an assignment leaves it there, not one named again after it.

    It takes half of the time of a backward; PyTorch's gives the gradient to all of them.
    """
    parts, axes = leading(index, len(shape))
    rest = len(shape) - axes
    named = dv.shape[: dv.ndim - rest]
    order = np.arange(math.prod(named), like=dv).reshape(named)
    taken = np.zeros_like(order, shape=shape[:axes])
    taken[parts] = order
    return (taken[parts] == order).reshape((*named, *(1,) * rest))


def at_axis(index, axis):
    """`index` along an axis, counted from 0, as an index of the whole array."""
    return (slice(None),) * axis + (index,)


def grid(index, shape, axis):
    """`index`, which has an element along `axis` for each position on the others, as one of the array."""
    own = [np.arange(n, like=index).reshape((n,) + (1,) * (len(shape) - i - 1)) for i, n in enumerate(shape)]
    own[axis] = index
    return tuple(own)


@op(inputs=1, numpy=np.take, method=True, flops=0)
def take(x: ArrayLike, indices: ArrayLike, axis: int | None = None, *, mode: str = "raise"):
    """Elements of x (axis=None: of the flat array) or slices along `axis` at integer `indices`.

    In the result's shape that of `indices` takes the place of the axis. Indices that are out of range raise
    IndexError or, by `mode`, "wrap" around or "clip" to the range.
    """
    shape = x.shape
    if as_array(indices).dtype.kind not in "iu":  # np.take casts it; an index would take it for a mask
        indices = as_array(indices).astype(np.intp)
    y = x.take(indices, axis) if mode == "raise" else np.take(x, indices, axis, mode=mode)
    flat, at = ((x.size,), 0) if axis is None or not shape else (shape, axis % len(shape))
    if mode != "raise":
        indices = np.take(np.arange(flat[at], like=x), indices, mode=mode)
    index = at_axis(indices, at)

    def backward(g):
        return (added_at(g, index, flat).reshape(shape),)

    return y, backward


def places_of(indices, shape, axis):
    """`grid` as an index of the flat array, which NumPy reads and writes in a third of the time."""
    places = np.empty_like(indices, dtype=np.intp)
    _put_places(places, indices, shape, axis)
    return places


@opaque
def _put_places(places, indices, shape, axis):
    n, step = shape[axis], math.prod(shape[axis + 1 :])
    places[...] = indices
    if indices.size:
        low, high = indices.min(), indices.max()
        if low < -n or high >= n:
            raise IndexError(
                f"index {low if low < -n else high} is out of bounds for axis {axis} with size {n}"
            )
        if low < 0:
            places += n * (indices < 0)
    if step > 1:
        places *= step
    for i, length in enumerate(indices.shape):
        if i != axis and length > 1:
            places += (np.arange(length, like=places) * math.prod(shape[i + 1 :])).reshape(
                (-1,) + (1,) * (places.ndim - i - 1)
            )


def _take_along_axis_plain(arr, indices, axis=-1):
    shape, indices = arr.shape, as_array(indices)
    y = np.take_along_axis(arr, indices, axis)
    if axis is None:
        arr, axis = arr.reshape(-1), 0
    flat = arr.shape
    index = grid(indices, flat, axis)

    def backward(g):
        return (added_at(g, index, flat).reshape(shape),)

    return y, backward


@op(inputs=1, numpy=np.take_along_axis, flops=0, plain=_take_along_axis_plain)
def take_along_axis(arr: ArrayLike, indices: ArrayLike, axis: int | None = -1):
    """arr[..., indices, ...] along `axis`, with one index for each position of the other axes.

    The result has the shape of `indices`, broadcast with that of arr on the other axes. None: of the flat
    array.
    """
    shape, size, indices = arr.shape, arr.size, as_array(indices)
    x, at = (arr.reshape(-1), 0) if axis is None else (arr, axis % max(arr.ndim, 1))
    others = [s[:at] + s[at + 1 :] for s in (x.shape, indices.shape)]
    alike = x.ndim == indices.ndim and others[0] == others[1]
    if not alike or not x.flags.c_contiguous or indices.dtype.kind not in "iu":
        return _take_along_axis_plain(arr, indices, axis)
    index = places_of(indices, x.shape, at)

    def backward(g):
        return (added_at(g, index, (size,)).reshape(shape),)

    return x.reshape(-1)[index], backward


@op(inputs=1, numpy=np.diagonal, method=True, flops=0, view=True)
def diagonal(x: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1):
    """x[i, i + offset] for all i, where i, j stand on `axis1`, `axis2`.

    In the shape the two axes are gone and a new one is the last. ValueError where x has only one.
    """
    shape = x.shape
    y = np.diagonal(x, offset, axis1, axis2)
    pair = axis1 % x.ndim, axis2 % x.ndim
    order = [i for i in range(x.ndim) if i not in pair] + list(pair)
    back = [order.index(i) for i in range(x.ndim)]
    count = y.shape[-1]

    def backward(g):
        dx = np.zeros_like(g, shape=[shape[i] for i in order])
        i = np.arange(count, like=g)
        dx[..., i - min(offset, 0), i + max(offset, 0)] = g
        return (dx.transpose(back),)

    return y, backward


@composed(numpy=np.where)
def where(condition: ArrayLike, x: ArrayLike | None = None, y: ArrayLike | None = None) -> Any:
    """x where the condition is true, else y; shapes broadcast.

    Without x and y the indices of the true elements, as nonzero(condition). ValueError for one of them alone.
    """
    if x is None and y is None:
        return nonzero(condition)
    if x is None or y is None:
        raise ValueError("where: takes both x and y, or neither of them")
    condition = joined(condition)
    if getattr(condition, "dtype", BOOL) != BOOL:  # so that it has no part in the result's dtype
        condition = not_equal(condition, 0)
    return _where(condition, x, y)


@op
def _where(condition: ArrayLike, a: ArrayLike, b: ArrayLike):
    def backward(g):
        return None, np.where(condition, g, 0), np.where(condition, 0, g)

    return np.where(condition, a, b), backward
