"""Reductions that leave nan out."""

from __future__ import annotations

import numpy as np

from ..arguments import tensor_of
from ..arrays import ArrayLike, Axes, DTypeLike
from ..constant import constant
from ..op import composed, op
from ..tensor import Tensor
from .extrema import extreme
from .logic import isnan, logical_and, logical_not
from .reduce import mean, of_integers, prod, sum
from .variance import std, var

nanargmax = constant(np.nanargmax)
nanargmin = constant(np.nanargmin)


@composed(numpy=np.nansum)
def nansum(
    x: ArrayLike,
    axis: Axes = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    initial: float | None = None,
    where: ArrayLike = True,
) -> Tensor:
    """sum(x) with 0 in the place of nan, along `axis` (an axis, several, or None for all).

    The shape and all arguments are those of `sum`. The gradient of nan is 0. TypeError for an `out`.
    """
    x = tensor_of(x)
    return sum(np.where(isnan(x), 0, x), axis, dtype, out, keepdims, initial, where)


@composed(numpy=np.nanprod)
def nanprod(
    x: ArrayLike,
    axis: Axes = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    initial: float | None = None,
    where: ArrayLike = True,
) -> Tensor:
    """prod(x) with 1 in the place of nan, along `axis` (an axis, several, or None for all).

    The shape and all arguments are those of `prod`. The gradient of nan is 0. TypeError for an `out`.
    """
    x = tensor_of(x)
    return prod(np.where(isnan(x), 1, x), axis, dtype, out, keepdims, initial, where)


def _numbers(x, where):
    """Where x is not nan, and counts."""
    numbers = logical_not(isnan(x))
    return numbers if where is True else logical_and(numbers, where)


@composed(numpy=np.nanmean)
def nanmean(
    x: ArrayLike,
    axis: Axes = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: ArrayLike = True,
) -> Tensor:
    """The mean of the elements of x that are not nan along `axis` (an axis, several, or None for all).

    The shape and all arguments are those of `mean`. The gradient of nan is 0; where there is nothing else
    the result is nan, with NumPy's RuntimeWarning. TypeError for an `out`, and for integers as the dtype of
    floats.
    """
    x = tensor_of(x)
    _refuse_integers("nanmean", x, dtype)
    return mean(x, axis, dtype, out, keepdims, where=_numbers(x, where))


@composed(numpy=np.nanvar)
def nanvar(
    x: ArrayLike,
    axis: Axes = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: ArrayLike = True,
    mean: ArrayLike | None = None,
    correction: float | None = None,
) -> Tensor:
    """The variance of the elements of x that are not nan along `axis` (an axis, several, or None for all).

    The shape and all arguments are those of `var`. The gradient of nan is 0; where there is nothing else the
    result is nan, with NumPy's RuntimeWarning, and so where `ddof` is as large. ValueError for both `ddof`
    and `correction`, TypeError as for `nanmean`.
    """
    return _of_numbers(var, x, axis, dtype, out, ddof, keepdims, where, mean, correction)


@composed(numpy=np.nanstd)
def nanstd(
    x: ArrayLike,
    axis: Axes = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: ArrayLike = True,
    mean: ArrayLike | None = None,
    correction: float | None = None,
) -> Tensor:
    """The standard deviation of the elements of x that are not nan along `axis`.

    The shape and all arguments are those of `std`. The gradient of nan is 0; where there is nothing else the
    result is nan, with NumPy's RuntimeWarning, and so where `ddof` is as large. ValueError for both `ddof`
    and `correction`, TypeError as for `nanmean`.
    """
    return _of_numbers(std, x, axis, dtype, out, ddof, keepdims, where, mean, correction)


def _refuse_integers(name, x, dtype):
    if x.dtype.kind == "f" and of_integers(dtype):
        raise TypeError(f"{name}: dtype is of floats, as x is, not {np.dtype(dtype)}")


def _of_numbers(fn, x, axis, dtype, out, ddof, keepdims, where, mean, correction):
    x = tensor_of(x)
    if x.dtype.kind != "f":
        return fn(x, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction)
    _refuse_integers(f"nan{fn.__name__}", x, dtype)
    numbers = _numbers(x, where)
    y = fn(x, axis, dtype, out, ddof, keepdims, where=numbers, mean=mean, correction=correction)
    free = ddof if correction is None else correction
    return np.where(sum(numbers, axis, keepdims=keepdims) > free, y, np.nan) if free > 0 else y


@op(inputs=1, numpy=(np.nanmax, np.fmax.reduce))
def nanmax(
    x: ArrayLike,
    axis: Axes = None,
    out: None = None,
    keepdims: bool = False,
    initial: float | None = None,
    where: ArrayLike = True,
):
    """The largest element of x that is not nan along `axis` (an axis, several, or None for all).

    The shape and all arguments are those of `max`. Elements that are equally large share the gradient. Where
    there is only nan so is the result, and they share it. TypeError for an `out`.
    """
    return extreme(np.fmax, x, axis, out, keepdims, initial, where)


@op(inputs=1, numpy=(np.nanmin, np.fmin.reduce))
def nanmin(
    x: ArrayLike,
    axis: Axes = None,
    out: None = None,
    keepdims: bool = False,
    initial: float | None = None,
    where: ArrayLike = True,
):
    """The smallest element of x that is not nan along `axis` (an axis, several, or None for all).

    The shape and all arguments are those of `min`. Elements that are equally small share the gradient. Where
    there is only nan so is the result, and they share it. TypeError for an `out`.
    """
    return extreme(np.fmin, x, axis, out, keepdims, initial, where)
