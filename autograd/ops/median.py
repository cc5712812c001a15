"""Medians, and how elements of sorted rows are found: where they stand is a constant; they are gathered."""

from __future__ import annotations

import numpy as np

from ..arguments import tensor_of
from ..arrays import ArrayLike, Axes
from ..op import composed
from ..tensor import Tensor
from .axes import axes_of
from .index import take_along_axis
from .reduce import check_places, mean, reduced, without


@composed(numpy=np.median)
def median(
    a: ArrayLike, axis: Axes = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False
) -> Tensor:
    """The middle element of a along `axis`, or the mean of the middle two; of what has nan, nan.

    The shape is a's without these axes (one, several, or None for all); with `keepdims` they stay, with
    length 1. Of equal elements one has the gradient. `overwrite_input` changes nothing. TypeError for an
    `out`.
    """
    rows, shape = as_rows("median", a, axis, out, keepdims)
    n = rows.shape[-1]
    if n == 0:
        return mean(rows, -1).reshape(shape)
    places = list(range((n - 1) // 2, n // 2 + 1))
    return mean(gathered(rows, places_of(rows.data, places, n), places), -1).reshape(shape)


@composed(numpy=np.nanmedian)
def nanmedian(
    a: ArrayLike, axis: Axes = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False
) -> Tensor:
    """The median of the elements of a that are not nan along `axis`, nan where there is nothing else.

    The shape and all arguments are those of `median`.
    """
    rows, shape = as_rows("nanmedian", a, axis, out, keepdims)
    if not rows.shape[-1]:
        return mean(rows, -1).reshape(shape)
    n = numbers(rows.data)
    places = np.concatenate([(n - 1) // 2, n // 2], axis=-1)
    order = np.argsort(rows.data, axis=-1, kind="stable")
    return mean(gathered(rows, order, np.maximum(places, 0)), -1).reshape(shape)


def as_rows(name, a, axis, out, keepdims) -> tuple[Tensor, tuple]:
    """a with what is reduced in rows, and the shape that each number of theirs has its place in."""
    if out is not None:
        check_places(None, out)
    a = tensor_of(a)
    axes = axes_of(name, range(a.ndim) if axis is None else axis, a.ndim)
    shape = reduced(a.shape, axes)[0] if keepdims else without(a.shape, axes)
    kept = [i for i in range(a.ndim) if i not in axes]
    if kept + sorted(axes) != list(range(a.ndim)):
        a = a.transpose((*kept, *sorted(axes)))
    lengths = a.shape[: len(kept)]
    n = int(np.prod(a.shape[len(kept) :]))
    return a.reshape((*lengths, n)), shape


def numbers(rows):
    """How many elements of each row are not nan."""
    return np.add.reduce(rows == rows, -1, np.int64, None, True)


def places_of(rows, places, n):
    """Where the elements stand that sorted rows would have at `places`; in all, of a row with nan, a nan."""
    order = np.argpartition(rows, sorted({*places, n - 1}), axis=-1)
    last = order[..., -1:]
    hole = np.take_along_axis(rows, last, axis=-1)
    return np.where(hole == hole, order, last)


def gathered(rows, order, places) -> Tensor:
    """Of each row the elements at `places` in the order."""
    if isinstance(places, list):
        return take_along_axis(rows, order[..., places], -1)
    return take_along_axis(rows, np.take_along_axis(order, places, axis=-1), -1)
