"""Arrays joined to larger ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..arguments import joined, tensor_of
from ..arrays import ArrayLike, DTypeLike
from ..op import composed, op
from ..tensor import Tensor
from .axes import moveaxis
from .creation import astype
from .shape import atleast_1d, atleast_2d, atleast_3d, expand_dims, ravel, reshape


@op(numpy=np.concatenate, flops=0)
def concatenate(
    arrays: Sequence[ArrayLike],
    axis: int | None = 0,
    *,
    dtype: DTypeLike | None = None,
    casting: str = "same_kind",
):
    """A list of `arrays` joined along an axis they already have; their shapes agree on the others.

    None: all their elements on one axis. One array is the list of its rows. `dtype` is that of the result,
    and `casting` says what may be cast to it, as in NumPy.
    """
    if dtype is None and casting == "same_kind":
        y = np.concatenate(arrays, axis)
    else:
        y = np.concatenate(arrays, axis, dtype=dtype, casting=casting)
    shapes = [getattr(a, "shape", ()) for a in arrays]

    def backward(g):
        if axis is None:
            ends = list(accumulate([math.prod(s) for s in shapes]))[:-1]
            return tuple(map(np.reshape, np.split(g, ends), shapes))
        before, start, parts = (slice(None),) * (axis % g.ndim), 0, []
        for shape in shapes:
            end = start + shape[axis]
            parts.append(g[(*before, slice(start, end))])
            start = end
        return tuple(parts)

    return y, backward


@op(numpy=np.stack, flops=0)
def stack(
    arrays: Sequence[ArrayLike],
    axis: int = 0,
    *,
    dtype: DTypeLike | None = None,
    casting: str = "same_kind",
):
    """A list of `arrays` of one shape joined along a new axis, at `axis` of the result.

    One array is the list of its rows. `dtype` and `casting` are those of `concatenate`.
    """
    if dtype is None and casting == "same_kind":
        y = np.stack(arrays, axis)
    else:
        y = np.stack(arrays, axis, dtype=dtype, casting=casting)
    before = (slice(None),) * (axis % y.ndim)
    count = len(arrays)

    def backward(g):
        return tuple([g[(*before, i)] for i in range(count)])

    return y, backward


@composed(numpy=np.hstack)
def hstack(tup: Sequence[ArrayLike], *, dtype: DTypeLike | None = None, casting: str = "same_kind") -> Tensor:
    """A list `tup` of arrays joined along their second axis, or vectors (n,) and numbers along the only one.

    `dtype` and `casting` are those of `concatenate`. ValueError for an empty list, TypeError for no list.
    """
    xs = [atleast_1d(x) for x in _items("hstack", tup)]
    return concatenate(xs, 0 if xs[0].ndim == 1 else 1, dtype=dtype, casting=casting)


@composed(numpy=np.vstack)
def vstack(tup: Sequence[ArrayLike], *, dtype: DTypeLike | None = None, casting: str = "same_kind") -> Tensor:
    """A list `tup` of arrays joined along their first axis; vectors (n,) are rows (1, n).

    `dtype` and `casting` are those of `concatenate`. ValueError for an empty list, TypeError for no list.
    """
    xs = [atleast_2d(x) for x in _items("vstack", tup)]
    return concatenate(xs, 0, dtype=dtype, casting=casting)


@composed(numpy=np.dstack)
def dstack(tup: Sequence[ArrayLike]) -> Tensor:
    """A list `tup` of arrays joined along their third axis; (m, n) is (m, n, 1), and (n,) is (1, n, 1).

    ValueError for an empty list, TypeError for no list.
    """
    return concatenate([atleast_3d(x) for x in _items("dstack", tup)], 2)


@composed(numpy=np.column_stack)
def column_stack(tup: Sequence[ArrayLike]) -> Tensor:
    """A list `tup` of arrays joined along their second axis; vectors (n,) are columns (n, 1).

    ValueError for an empty list, TypeError for no list.
    """
    xs = _items("column_stack", tup)
    return concatenate([x if x.ndim > 1 else reshape(x, (-1, 1)) for x in xs], 1)


def _items(name: str, arrays: Any) -> list[Tensor]:
    """The Tensors of a list, or the rows of an array.

    ValueError for an empty list, TypeError for what is no list.
    """
    try:
        items = list(map(joined, arrays))
    except TypeError:
        raise TypeError(f"{name}: takes a list of arrays, not {type(arrays).__name__}") from None
    if not items:
        raise ValueError(f"{name}: takes at least one array")
    return weakly(items)


def weakly(items: Sequence) -> list[Tensor]:
    """Tensors of `items`, in which numbers do not widen the floats beside them."""
    items = list(map(joined, items))
    floats = [x.dtype for x in items if not _is_number(x) and getattr(x, "dtype", np.dtype(int)).kind == "f"]
    widest = np.result_type(*floats) if floats else None
    return [Tensor(x, dtype=widest) if _is_number(x) else tensor_of(x) for x in items]


def _is_number(value) -> bool:
    return isinstance(value, (int, float, np.generic))


@composed(numpy=np.block)
def block(arrays: Any) -> Tensor:
    """An array put together from blocks in nested lists: the innermost are joined along the last axis.

    Blocks of fewer axes get axes of length 1 in front of their shape. ValueError for lists of unequal depth
    or an empty one, TypeError for a tuple.
    """
    depth = _depth(arrays, ())
    leaves = [arrays]
    for _ in range(depth):
        leaves = [item for inner in leaves for item in inner]
    blocks = _items("block", leaves)
    ndim = max([depth, *(x.ndim for x in blocks)])
    rest = iter([expand_dims(x, tuple(range(ndim - x.ndim))) if x.ndim < ndim else x for x in blocks])

    def put_together(value: Any, level: int) -> Tensor:
        if level == depth:
            return next(rest)
        return concatenate([put_together(v, level + 1) for v in value], level - depth)

    return put_together(arrays, 0) if depth else next(rest).copy()


def _depth(value: Any, place: tuple[int, ...]) -> int:
    """How deep lists are nested, the same everywhere."""
    at = "arrays" + "".join(f"[{i}]" for i in place)
    if isinstance(value, tuple):
        raise TypeError(f"block: {at} is a tuple; blocks are nested in lists")
    if not isinstance(value, list):
        return 0
    if not value:
        raise ValueError(f"block: {at} is an empty list")
    depths = [_depth(v, (*place, i)) for i, v in enumerate(value)]
    if len(set(depths)) > 1:
        raise ValueError(f"block: the lists in {at} are not of one depth")
    return depths[0] + 1


@composed(numpy=np.append)
def append(arr: ArrayLike, values: ArrayLike, axis: int | None = None) -> Tensor:
    """arr with `values` after it along `axis`, of the same shape but for that; None: both flat, (n,)."""
    parts = weakly([arr, values])
    return concatenate(parts if axis is not None else list(map(ravel, parts)), axis or 0)


@composed(numpy=np.insert)
def insert(arr: ArrayLike, obj: Any, values: ArrayLike, axis: int | None = None) -> Tensor:
    """arr with `values` put in before the places `obj` of `axis` (None: of the flat array).

    `obj` is a number, a slice or a list of them; in the shape the axis is as much longer, and `values`
    broadcasts to what is put in. It is cast to arr's dtype: TypeError where that loses its gradient.
    IndexError for a place out of range.
    """
    x, values = tensor_of(arr), tensor_of(values)
    obj = obj.data if isinstance(obj, Tensor) else obj
    if axis is None:
        x, axis = ravel(x), 0
    if not -x.ndim <= axis < x.ndim:
        raise np.exceptions.AxisError(f"insert: axis {axis} is out of bounds for shape {x.shape}")
    at, n = axis % x.ndim, x.shape[axis]
    if values.requires_grad and x.dtype.kind != "f":
        raise TypeError(f"insert: values require a gradient, and are put into an array of {x.dtype}; cast it")
    if values.ndim < x.ndim:
        values = expand_dims(values, tuple(range(x.ndim - values.ndim)))
    if isinstance(obj, slice):
        places = list(range(n)[obj])
    else:
        places = np.ravel(obj).tolist() if np.asarray(obj).dtype != bool else np.flatnonzero(obj).tolist()
        if np.ndim(obj) == 0:
            values = moveaxis(values, 0, at)
    count = values.shape[at] if len(places) == 1 else len(places)
    try:
        marks = np.arange(n, like=x.data) * 0 - 1
        places = places[0] if len(places) == 1 else places
        marks = np.insert(marks, places, np.arange(count, like=x.data))
    except IndexError as error:
        raise IndexError(f"insert: {error} (arr: {x.shape}, axis {axis})") from None
    order = np.argsort(marks, kind="stable")  # of those that stay first, then of the values
    values = values if values.dtype == x.dtype else astype(values, x.dtype)
    return _insert(x, values, order[:n], order[n:], at)


@op(inputs=2, flops=0)
def _insert(x: ArrayLike, values: ArrayLike, kept: Any, new: Any, axis: int):
    before = (slice(None),) * axis
    old, added = (*before, kept), (*before, new)
    y = np.empty_like(x, shape=(*x.shape[:axis], kept.size + new.size, *x.shape[axis + 1 :]))
    y[old] = x
    y[added] = values

    def backward(g):
        return g[old], g[added]

    return y, backward
