"""Choosing elements by masks, numbers and conditions; indices as constants."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arguments import tensor_of
from ..arrays import ArrayLike
from ..constant import constant
from ..op import Needs, composed, op
from ..tensor import Tensor
from .axes import axis_of, transpose
from .creation import astype
from .index import getitem, index_put, take, where
from .joining import stack
from .shape import broadcast_to, expand_dims, reshape

argwhere = constant(np.argwhere)
flatnonzero = constant(np.flatnonzero)
ix_ = constant(np.ix_)
ravel_multi_index = constant(np.ravel_multi_index)
unravel_index = constant(np.unravel_index)


@composed(numpy=np.choose)
def choose(a: ArrayLike, choices: Sequence[ArrayLike], mode: str = "raise") -> Tensor:
    """choices[a[i]][i]: for each integer of `a` the element of the array of that number; shapes broadcast.

    Numbers that are out of range raise ValueError or, by `mode`, "wrap" around or "clip" to the range.
    TypeError for an `a` that is no integers.
    """
    return _choose(choices, tensor_of(a).detach(), mode)


@op(inputs=1, needs=True)
def _choose(needs: Needs, choices: Sequence[ArrayLike], a: ArrayLike, mode: str = "raise"):
    if a.dtype.kind not in "iub":
        raise TypeError(f"a is of integers, not {a.dtype}")
    y = np.choose(a, choices, mode=mode)
    n = len(choices)
    number = np.mod(a, n) if mode == "wrap" else np.clip(a, 0, n - 1) if mode == "clip" else a

    def backward(g):
        return tuple(np.where(number == i, g, 0) if wanted else None for i, wanted in enumerate(needs))

    return y, backward


@composed(numpy=np.select)
def select(condlist: Sequence[ArrayLike], choicelist: Sequence[ArrayLike], default: ArrayLike = 0) -> Tensor:
    """That of `choicelist` whose condition is the first that holds, else `default`; shapes broadcast.

    ValueError where condlist has not as many conditions as there are choices, or none; TypeError for one that
    is not boolean.
    """
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ValueError(
            f"select: takes as many conditions as choices, and one at least, not {len(condlist)} and "
            f"{len(choicelist)}"
        )
    y: Any = default
    for condition, choice in zip(list(condlist)[::-1], list(choicelist)[::-1], strict=True):
        condition = tensor_of(condition)
        if condition.dtype != bool:
            raise TypeError(f"select: a condition is boolean, not {condition.dtype}; compare, as in x > 0")
        y = where(condition, choice, y)
    return y


@composed(numpy=np.piecewise)
def piecewise(
    x: ArrayLike, condlist: Sequence[ArrayLike], funclist: Sequence[Any], *args: Any, **kw: Any
) -> Tensor:
    """funclist[i](x) where condlist[i] holds, of the shape and dtype of x; the last condition wins.

    A function gets the elements that it is for, of shape (n,), with `args` and `kw`; a number stands for
    itself. One more than there are conditions is for the rest, which is 0 without. ValueError for another
    count.
    """
    x = tensor_of(x)
    first = condlist if isinstance(condlist, (bool, np.bool_)) else condlist[0]
    alone = np.ndim(first) == 0 and (x.ndim != 0 or isinstance(condlist, (bool, np.bool_)))
    conditions = [tensor_of(c).data.astype(bool) for c in ([condlist] if alone else condlist)]
    n = len(conditions)
    if len(funclist) == n + 1:
        rest = ~np.logical_or.reduce(np.stack(np.broadcast_arrays(*conditions)))
        conditions.append(rest)
    elif len(funclist) != n:
        raise ValueError(
            f"piecewise: with {n} conditions, {n} or {n + 1} functions are expected, not {len(funclist)}"
        )
    y: Any = Tensor(np.zeros_like(x.data))
    for condition, fn in zip(conditions, funclist, strict=True):
        if callable(fn):
            part = getitem(x, condition)
            y = index_put(y, fn(part, *args, **kw), condition) if part.size else y
        else:
            y = index_put(y, fn, condition)
    return y


@composed(numpy=np.compress)
def compress(condition: ArrayLike, a: ArrayLike, axis: int | None = None) -> Tensor:
    """The slices of `a` along `axis` (None: elements of the flat array) for which `condition` holds.

    `condition` is of shape (n,), with n at most the length of the axis, that of the result being how many
    hold. ValueError for other shapes, IndexError where it holds beyond the axis.
    """
    condition = tensor_of(condition).data
    if condition.ndim != 1:
        raise ValueError(f"compress: condition has one axis, not shape {condition.shape}")
    return take(a, np.flatnonzero(condition), axis)


@composed(numpy=np.extract)
def extract(condition: ArrayLike, arr: ArrayLike) -> Tensor:
    """The elements of `arr` where `condition`, of as many elements, holds, in an array of shape (n,).

    IndexError where it holds beyond them.
    """
    return take(arr, np.flatnonzero(tensor_of(condition).data))


# --------------------------------------------------------------------------------------- PyTorch's masks


def _masked(name, x, mask):
    x, mask = tensor_of(x), tensor_of(mask).data
    if mask.dtype != bool:
        raise TypeError(f"{name}: a mask is boolean, not {mask.dtype}; compare, as in x > 0")
    try:
        shape = np.broadcast_shapes(x.shape, mask.shape)
    except ValueError:
        raise ValueError(
            f"{name}: a mask of shape {mask.shape} does not broadcast with x of {x.shape}"
        ) from None
    return x, mask, shape


@composed()
def masked_fill(x: ArrayLike, mask: ArrayLike, value: ArrayLike) -> Tensor:
    """x with a number, `value`, in place of the elements where `mask` holds; their shapes broadcast.

    The dtype is that of x. TypeError for a mask that is not boolean, ValueError for a value that is no number
    or shapes that do not broadcast.
    """
    x, mask, _ = _masked("masked_fill", x, mask)
    if np.ndim(value):
        raise ValueError(f"masked_fill: value is one number, not an array of shape {np.shape(value)}")
    y = where(mask, value, x)
    return y if y.dtype == x.dtype else astype(y, x.dtype)


@composed()
def masked_select(x: ArrayLike, mask: ArrayLike) -> Tensor:
    """The elements of x where `mask` holds, in an array of shape (n,), after their shapes are broadcast.

    TypeError for a mask that is not boolean, ValueError for shapes that do not broadcast.
    """
    x, mask, shape = _masked("masked_select", x, mask)
    return getitem(x if x.shape == shape else broadcast_to(x, shape), np.broadcast_to(mask, shape))


@composed()
def masked_scatter(x: ArrayLike, mask: ArrayLike, source: ArrayLike) -> Tensor:
    """x with the first elements of `source` in place of those where `mask` holds; shapes broadcast.

    TypeError for a mask that is not boolean, ValueError where `source` has too few elements, or for shapes
    that do not broadcast.
    """
    x, mask, shape = _masked("masked_scatter", x, mask)
    source, mask = tensor_of(source), np.broadcast_to(mask, shape)
    n = np.flatnonzero(mask).shape[0]
    if source.size < n:
        raise ValueError(f"masked_scatter: source has {source.size} elements for {n} that the mask names")
    x = x if x.shape == shape else broadcast_to(x, shape)
    return index_put(x, getitem(reshape(source, -1), slice(n)), mask)


# ---------------------------------------------------------------------------------------- functions of rows


@composed(numpy=np.apply_along_axis)
def apply_along_axis(
    func1d: Callable[..., Any], axis: int, arr: ArrayLike, *args: Any, **kwargs: Any
) -> Tensor:
    """func1d(row, *args, **kwargs) of each row of `arr` along `axis`.

    In the shape that of a result takes the place of the axis. It is a loop in Python. ValueError where there
    is no row.
    """
    x = tensor_of(arr)
    at = axis_of("apply_along_axis", axis, x.ndim)
    lead = (*x.shape[:at], *x.shape[at + 1 :])
    last = transpose(x, [*(i for i in range(x.ndim) if i != at), at])
    rows = reshape(last, (math.prod(lead), x.shape[at]))
    if not len(rows):
        raise ValueError(f"apply_along_axis: there is no row along axis {axis} of shape {x.shape}")
    made = stack([tensor_of(func1d(row, *args, **kwargs)) for row in rows])
    made = reshape(made, (*lead, *made.shape[1:]))
    k, n = made.ndim - len(lead), len(lead)
    return transpose(made, [*range(at), *range(n, n + k), *range(at, n)])


@composed(numpy=np.apply_over_axes)
def apply_over_axes(func: Callable[..., Any], a: ArrayLike, axes: int | Sequence[int]) -> Tensor:
    """func(a, axis) for each of `axes` in turn; axes that it removes stay in the shape, with length 1.

    ValueError where the shape it gives has neither as many axes nor one less.
    """
    y = tensor_of(a)
    for axis in [axes] if isinstance(axes, int) else list(tensor_of(axes).data.reshape(-1)):
        axis = axis_of("apply_over_axes", int(axis), tensor_of(a).ndim)
        made = tensor_of(func(y, axis))
        if made.ndim not in (y.ndim, y.ndim - 1):
            raise ValueError(f"apply_over_axes: func made shape {made.shape} of {y.shape}, axis {axis}")
        y = made if made.ndim == y.ndim else expand_dims(made, axis)
    return y
