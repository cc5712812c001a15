"""Sorting, selecting by order, and searching."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arguments import tensor_of
from ..arrays import ArrayLike, opaque
from ..constant import constant
from ..op import Needs, composed, op
from ..tensor import Tensor
from .axes import axis_of
from .index import take_along_axis
from .shape import reshape, squeeze

argmax = constant(np.argmax, method=True)
argmin = constant(np.argmin, method=True)
argsort = constant(np.argsort, method=True)
argpartition = constant(np.argpartition, method=True)
lexsort = constant(np.lexsort)
searchsorted = constant(np.searchsorted, method=True)
digitize = constant(np.digitize)
count_nonzero = constant(np.count_nonzero)

KINDS = (None, "quicksort", "mergesort", "heapsort", "stable")


class Picked(NamedTuple):
    """Elements along an axis, and where they stand there."""

    values: Tensor
    indices: Tensor


@op(inputs=1, numpy=np.sort, needs=True)
def sort(
    needs: Needs,
    x: ArrayLike,
    axis: int | None = -1,
    kind: str | None = None,
    order: None = None,
    *,
    stable: bool | None = None,
):
    """x with its elements in ascending order along `axis`, nan last, of the shape of x; None: the flat array.

    Of equal elements the first is the first one of x. `kind` and `stable` are NumPy's ways to sort, which
    change nothing but the time. ValueError for another kind, both of them, or `order`, which is for arrays
    with named fields.
    """
    _check_way(kind, order, stable)
    if not needs[0]:
        return np.sort(x, axis, kind, stable=stable), None
    shape = x.shape
    if axis is None:
        x, axis = x.reshape(-1), 0
    index = _order(x, axis)

    def backward(g):
        dx = np.empty_like(g)
        np.put_along_axis(dx, index, g, axis)
        return (dx.reshape(shape),)

    return np.take_along_axis(x, index, axis), backward


def _check_way(kind, order, stable=None, known=KINDS):
    if order is not None:
        raise ValueError("order= names fields of the elements, and numbers have none; leave it away")
    if kind not in known:
        raise ValueError(f"kind= is one of {', '.join(map(str, known[1:]))}, not {kind!r}")
    if kind is not None and stable is not None:
        raise ValueError("kind= and stable= say the same; give one of them")


def _order(x, axis):
    """The indices that sort x along `axis`, those of equal elements ascending."""
    index = np.empty_like(x, dtype=np.intp)
    _put_order(index, x, axis)
    return index


@opaque
def _put_order(index, x, axis):
    """By the way that does not keep the order of equals, which takes half as long; rows with equals again."""
    index[...] = np.argsort(x, axis)
    rows, order = x.swapaxes(axis, -1), index.swapaxes(axis, -1)
    y = np.take_along_axis(rows, order, -1)
    again = (y[..., 1:] == y[..., :-1]).any(axis=-1) | (y[..., -1:] != y[..., -1:]).any(axis=-1)
    if again.any():
        order[again] = np.argsort(rows[again], -1, "stable")


@op(inputs=1, numpy=np.partition, needs=True)
def partition(
    needs: Needs,
    x: ArrayLike,
    kth: int | tuple[int, ...],
    axis: int | None = -1,
    kind: str = "introselect",
    order: None = None,
):
    """x in such an order along `axis` that its element number `kth` (or several) is where sorting puts it.

    What is smaller stands before, the rest behind it, nan last; the shape is that of x, with None that of
    the flat array. Where a gradient is wanted it takes as long as sorting. ValueError for a kth out of range,
    another kind, or `order`, which is for arrays with named fields.
    """
    _check_way(kind, order, known=(None, "introselect"))
    y = np.partition(x, kth, axis)
    if not needs[0]:
        return y, None
    shape = x.shape
    if axis is None:
        x, axis = x.reshape(-1), 0
    source = np.empty_like(y, dtype=np.intp)  # y[j] is x[source[j]]
    np.put_along_axis(source, _order(y, axis), _order(x, axis), axis)

    def backward(g):
        dx = np.empty_like(g)
        np.put_along_axis(dx, source, g, axis)
        return (dx.reshape(shape),)

    return y, backward


@composed()
def topk(x: ArrayLike, k: int, axis: int = -1, largest: bool = True, sorted: bool = True) -> Picked:
    """The k largest (or smallest) elements of x along `axis` in descending (ascending) order, and indices.

    Their shape is x's with length k at the axis. nan is larger than all else. Not `sorted`, they come in any
    order. ValueError for a k below 0 or above the length of the axis.
    """
    x = tensor_of(x)
    at, n = _along("topk", x, axis, k, 0)
    if x.ndim == 0:
        return Picked(*(reshape(part, ()) if k else part for part in topk(reshape(x, 1), k)))
    rows = x.data if at == x.ndim - 1 else np.swapaxes(x.data, at, -1).copy()
    index = _top(rows, n, k, largest, sorted)
    index = np.swapaxes(index, at, -1)
    return Picked(take_along_axis(x, index, at), Tensor(index))


def _along(name, x, axis, k, least):
    """The axis from 0, and its length, of which k elements are wanted."""
    at = axis_of(name, axis, max(x.ndim, 1))
    n = x.shape[at] if x.ndim else 1
    if isinstance(k, (bool, float)) or not least <= k <= n:
        raise ValueError(f"{name}: k = {k!r} is not in {least}..{n}, for axis {axis} of shape {x.shape}")
    return at, n


def _top(x, n, k, largest, ordered):
    """Indices along the last axis, of n elements."""
    if n == 0:
        return np.zeros_like(x, dtype=np.intp)
    index = np.empty_like(x, shape=(*x.shape[:-1], k), dtype=np.intp)
    _put_top(index, x, largest)
    if not ordered:
        return index
    index = index[..., ::-1] if largest else index  # so that the first of equals comes first
    order = _order(np.take_along_axis(x, index, -1), -1)
    return np.take_along_axis(index, order[..., ::-1] if largest else order, -1)


@opaque
def _put_top(index, x, largest):
    """Ascending indices of the largest or smallest along the last axis, as many as `index` has room for.

    A third of the time of argpartition where each row has no more elements up to the last of them: no equals
    there, and no nan.
    """
    n, k = x.shape[-1], index.shape[-1]
    if not index.size:
        return
    last = n - k if largest else k - 1
    bound = np.partition(x, last, -1)[..., last : last + 1]
    found = np.flatnonzero(x >= bound if largest else x <= bound)
    if found.size == index.size:
        row, at = np.divmod(found.reshape(-1, k), n)
        if (row == np.arange(len(row), like=row)[:, None]).all():
            index[...] = at.reshape(index.shape)
            return
    at = np.argpartition(x, last, -1)[..., n - k :] if largest else np.argpartition(x, last, -1)[..., :k]
    index[...] = np.sort(at, -1)


@composed()
def kthvalue(x: ArrayLike, k: int, axis: int = -1, keepdims: bool = False) -> Picked:
    """The k-th smallest element of x along `axis`, counted from 1, nan last, and its index.

    Their shape is x's without the axis; with `keepdims` it stays, with length 1. ValueError for a k below 1
    or above the length of the axis.
    """
    x = tensor_of(x)
    at, _ = _along("kthvalue", x, axis, k, 1)
    if x.ndim == 0:
        return Picked(x, Tensor(np.zeros_like(x.data, dtype=np.intp)))
    index = np.take(np.argpartition(x.data, k - 1, at), [k - 1], at)
    return _picked(x, index, at, keepdims)


def _picked(x, index, axis, keepdims):
    """The elements at `index`, of which there is one along the axis."""
    values = take_along_axis(x, index, axis)
    return Picked(
        values if keepdims else squeeze(values, axis), Tensor(index if keepdims else index.squeeze(axis))
    )


@composed()
def mode(x: ArrayLike, axis: int = -1, keepdims: bool = False) -> Picked:
    """The most frequent element of x along `axis`, the smallest of several, and the index of its last one.

    Their shape is x's without the axis; with `keepdims` it stays, with length 1. The gradient goes to that
    element. ValueError where there is none.
    """
    x = tensor_of(x)
    at, _ = _along("mode", x, axis, 1, 1)
    if x.ndim == 0:
        return kthvalue(x, 1)
    index = np.argsort(x.data, at, kind="stable").swapaxes(at, -1)
    y = np.take_along_axis(x.data.swapaxes(at, -1), index, -1)
    place = np.broadcast_to(np.arange(y.shape[-1], like=y), y.shape)
    new = np.ones_like(y, dtype=bool)
    new[..., 1:] = y[..., 1:] != y[..., :-1]
    run = place - np.maximum.accumulate(np.where(new, place, 0), axis=-1)  # equals before each element
    best = np.argmax(run, axis=-1, keepdims=True)
    return _picked(x, np.swapaxes(np.take_along_axis(index, best, -1), at, -1), at, keepdims)
