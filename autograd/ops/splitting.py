"""Arrays cut into parts, and parts cut out of them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..adding import zeros_to_add
from ..arguments import tensor_of
from ..arrays import ArrayLike
from ..op import composed, op
from ..tensor import Tensor
from .axes import axes_of
from .index import getitem
from .shape import ravel


@op(inputs=1, several=True, numpy=np.split, flops=0, view=True)
def split(x: ArrayLike, indices_or_sections: int | Sequence[int], axis: int = 0):
    """x cut along `axis` into equal sections (a number) or before each index of a list.

    A list of Tensors, shaped as x but for the length of `axis`. ValueError for a number that does not divide
    the length, or an axis that x does not have.
    """
    if not -x.ndim <= axis < x.ndim:
        raise np.exceptions.AxisError(axis, x.ndim)
    n, before = x.shape[axis], (slice(None),) * (axis % x.ndim)
    if not isinstance(indices_or_sections, (list, tuple)) and np.ndim(indices_or_sections) == 0:
        sections = operator.index(indices_or_sections)  # type: ignore[arg-type]
        if sections < 1 or n % sections:
            raise ValueError(f"{sections} sections are no equal division of an axis of length {n}")
        ends = [i * (n // sections) for i in range(1, sections)]
    else:
        ends = [operator.index(i) for i in indices_or_sections]
    places = [(*before, slice(*pair)) for pair in zip([None, *ends], [*ends, None], strict=True)]
    parts = tuple([x[place] for place in places])
    shapes = [part.shape for part in parts]

    def backward(gs):
        gs = gs if isinstance(gs, tuple) else (gs,)
        like = next(g for g in gs if g is not None)
        if sum([s[axis] for s in shapes]) == n:
            gs = [np.zeros_like(like, shape=s) if g is None else g for g, s in zip(gs, shapes, strict=True)]
            return (np.concatenate(gs, axis),)
        first = shapes[0]  # not in order, and some elements more than once
        dx = zeros_to_add(like, (*first[: len(before)], n, *first[len(before) + 1 :]))
        for g, place in zip(gs, places, strict=True):
            if g is not None:
                dx[place] += g
        return (dx,)

    return parts, backward


@composed(numpy=np.array_split)
def array_split(ary: ArrayLike, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """ary cut along `axis` as by `split`, but for a number of sections that need not divide the length.

    A list of Tensors, shaped as ary but for that axis; the first sections are longer by one. ValueError for
    less than one section.
    """
    x = tensor_of(ary)
    if np.ndim(indices_or_sections):
        return split(x, indices_or_sections, axis)
    sections: Any = int(indices_or_sections)  # type: ignore[call-overload]
    if sections < 1:
        raise ValueError(f"array_split: the number of sections is at least 1, not {sections}")
    each, longer = divmod(x.shape[axis], sections) if -x.ndim <= axis < x.ndim else (0, 0)
    return split(x, [i * each + min(i, longer) for i in range(1, sections)], axis)


@composed(numpy=np.hsplit)
def hsplit(ary: ArrayLike, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """ary cut as by `split` along its second axis, or a vector (n,) along the only one; ValueError for ()."""
    x = tensor_of(ary, "hsplit", 1)
    return split(x, indices_or_sections, 1 if x.ndim > 1 else 0)


@composed(numpy=np.vsplit)
def vsplit(ary: ArrayLike, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """ary cut as by `split` along its first axis; ValueError for fewer than two axes in its shape."""
    return split(tensor_of(ary, "vsplit", 2), indices_or_sections, 0)


@composed(numpy=np.dsplit)
def dsplit(ary: ArrayLike, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """ary cut as by `split` along its third axis; ValueError for fewer than three axes in its shape."""
    return split(tensor_of(ary, "dsplit", 3), indices_or_sections, 2)


@composed(numpy=np.unstack)
def unstack(x: ArrayLike, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The parts of x along `axis`, a tuple, each of the shape of x without that axis; ValueError for ()."""
    x = tensor_of(x, "unstack", 1)
    if not -x.ndim <= axis < x.ndim:
        raise np.exceptions.AxisError(f"unstack: axis {axis} is out of bounds for shape {x.shape}")
    return tuple(_unstack(x, axis)) if x.shape[axis] else ()


@op(inputs=1, several=True, flops=0, view=True)
def _unstack(x: ArrayLike, axis: int = 0):
    before = (slice(None),) * (axis % x.ndim)
    parts = tuple([x[(*before, i)] for i in range(x.shape[axis])])

    def backward(gs):
        gs = gs if isinstance(gs, tuple) else (gs,)
        like = next(g for g in gs if g is not None)
        return (np.stack([np.zeros_like(like) if g is None else g for g in gs], axis),)

    return parts, backward


@composed(numpy=np.delete)
def delete(arr: ArrayLike, obj: Any, axis: int | None = None) -> Tensor:
    """arr without the places `obj` of `axis` (None: of the flat array); the shape is as much shorter there.

    `obj` is a number, a slice, or a list of numbers or booleans. IndexError for a place out of range,
    ValueError for an axis that arr does not have, or for booleans that do not fit it.
    """
    x = tensor_of(arr)
    if axis is None:
        x, axis = ravel(x), 0
    if not -x.ndim <= axis < x.ndim:
        raise np.exceptions.AxisError(f"delete: axis {axis} is out of bounds for shape {x.shape}")
    obj = obj.data if isinstance(obj, Tensor) else list(obj) if isinstance(obj, tuple) else obj
    n = x.shape[axis]
    if (isinstance(obj, bool) or getattr(obj, "dtype", None) == np.bool_) and np.shape(obj) != (n,):
        raise ValueError(f"delete: booleans of shape {np.shape(obj)} for an axis of length {n}")
    kept = np.ones_like(np.arange(n, like=x.data), dtype=bool)
    try:
        kept[obj] = False
    except IndexError as error:
        raise IndexError(f"delete: {error} (arr: {x.shape}, axis {axis})") from None
    return getitem(x, (slice(None),) * (axis % x.ndim) + (kept,))


@composed(numpy=np.trim_zeros)
def trim_zeros(filt: ArrayLike, trim: str = "fb", axis: Any = None) -> Tensor:
    """filt without what is zero at its ends along `axis` (all, one, or several): a view of smaller shape.

    `trim` is "f" for the front alone, "b" for the back, or "fb". ValueError for another.
    """
    x = tensor_of(filt)
    trim = trim.lower()
    if trim not in ("fb", "bf", "f", "b"):
        raise ValueError(f"trim_zeros: trim is 'f', 'b' or 'fb', not {trim!r}")
    axes = range(x.ndim) if axis is None else axes_of("trim_zeros", axis, x.ndim)
    if not axes:
        return x
    places, index = np.nonzero(x.data), [slice(None)] * x.ndim
    for a in axes:
        if not places[a].size:  # zeros alone
            index[a] = slice(0, 0)
            continue
        first = places[a].min().item() if "f" in trim else None
        index[a] = slice(first, places[a].max().item() + 1 if "b" in trim else None)
    return getitem(x, tuple(index))
