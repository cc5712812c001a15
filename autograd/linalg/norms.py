"""Norms of vectors and matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..arrays import HALF, ArrayLike, Axes, working
from ..op import composed, op
from ..ops.contraction import arrays_of
from ..ops.reduce import reduced, without
from ..ops.variance import _square_sums
from ..tensor import Tensor

__all__ = ["matrix_norm", "norm", "vector_norm"]
Order = Any  # a number, or a name of a matrix norm


@composed(numpy=np.linalg.norm)
def norm(x: ArrayLike, ord: Order = None, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The norm of vectors (`axis` is a number) or of matrices (two numbers) in x, or of all of x.

    `ord` of vectors: None or 2, sqrt(sum x^2); inf and -inf, the largest and smallest |x|; 0, how many are
    not 0; any other p, (sum |x|^p)^(1/p). Of matrices: None or "fro", sqrt(sum x^2); inf and -inf, the
    largest and smallest sum of |x| in a row; 1 and -1, in a column; 2 and -2, the largest and smallest
    singular value; "nuc", their sum. All of x is a vector or a matrix by its number of axes, and for
    ord=None, as one vector, any array.

    The shape is x's without the axes; with `keepdims` they stay, with length 1. Where there is none, the
    gradient is PyTorch's: 0 where a norm is 0, to any order, and for |x| at 0, and split evenly between
    equals of inf, -inf, 1, -1. The second derivative for p < 2, but for 1, is nan where an x is 0: it is
    infinite. ValueError for an `ord` that there is none of, and for axes or arrays that are neither vectors
    nor matrices; TypeError for an axis that is no integer.
    """
    (x,) = arrays_of(x)
    if axis is None:
        if ord is None:
            return _norm(x, 2, None, keepdims)
        axes = tuple(range(x.ndim))
    else:
        axes = _axes(x, axis)
    if len(axes) == 1:
        return _vector(x, 2 if ord is None else ord, axes, keepdims, "norm")
    if len(axes) == 2:
        return _matrix(x, "fro" if ord is None else ord, axes, keepdims, "norm")
    raise ValueError(
        f"linalg.norm: takes one axis, of vectors, or two, of matrices, and none of {axes} of x {x.shape}; "
        "vector_norm takes any number"
    )


@composed(numpy=np.linalg.vector_norm)
def vector_norm(x: ArrayLike, *, axis: Axes = None, keepdims: bool = False, ord: float = 2) -> Tensor:
    """The norm of vectors along `axis`: (sum |x|^ord)^(1/ord), as `norm` has them.

    Several axes, or all by default, are one vector. The shape is x's without the axes; with `keepdims` they
    stay, with length 1. ValueError for an `ord` that is no number, TypeError for an axis that is no integer.
    """
    (x,) = arrays_of(x)
    return _vector(x, ord, None if axis is None else _axes(x, axis), keepdims, "vector_norm")


@composed(numpy=np.linalg.matrix_norm)
def matrix_norm(x: ArrayLike, *, keepdims: bool = False, ord: Order = "fro") -> Tensor:
    """The norm of the matrices (..., n, m) in x: "fro", "nuc", inf, -inf, 1, -1, 2, -2, as `norm` has them.

    The shape is (...); with `keepdims` it is (..., 1, 1). ValueError for another `ord`, and where x has fewer
    than two axes.
    """
    (x,) = arrays_of(x)
    if x.ndim < 2:
        raise ValueError(f"linalg.matrix_norm: takes matrices (..., n, m), not an array of shape {x.shape}")
    return _matrix(x, "fro" if ord is None else ord, (x.ndim - 2, x.ndim - 1), keepdims, "matrix_norm")


def _axes(x: Any, axis: Any) -> tuple[int, ...]:
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    for i in axes:
        if not isinstance(i, (int, np.integer)):
            raise TypeError(f"linalg.norm: an axis is an integer, not {i!r}")
        if not -x.ndim <= i < x.ndim:
            raise np.exceptions.AxisError(f"linalg.norm: axis {i} of an array of shape {x.shape}")
    found = tuple([int(i) % x.ndim for i in axes])
    if len(set(found)) < len(found):
        raise ValueError(f"linalg.norm: axis={axis} names an axis twice")
    return found


def _vector(x: Any, order: Any, axes: Any, keepdims: bool, name: str) -> Tensor:
    order = 2 if order is None else order
    if isinstance(order, str) or not np.isscalar(order):
        raise ValueError(f"linalg.{name}: ord={order!r} is none of vectors; a number, inf or -inf is")
    return _norm(x, order, axes[0] if axes is not None and len(axes) == 1 else axes, keepdims)


def _matrix(x: Any, order: Any, axes: tuple[int, ...], keepdims: bool, name: str) -> Tensor:
    row, column = axes
    x = x if x.dtype.kind == "f" else ops.astype(x, np.float64)
    if order in ("fro", "f"):
        return _norm(x, 2, axes, keepdims)
    if order in (1, -1, math.inf, -math.inf):  # sums of columns, or of rows, and of these one
        within, over = (row, column) if abs(order) == 1 else (column, row)
        sums = ops.sum(ops.absolute(x), axis=within, keepdims=True)
        y = _extreme_of(sums, order, over)
    elif order in ("nuc", 2, -2):
        rest = [i for i in range(x.ndim) if i not in axes]
        values = np.linalg.svd(ops.transpose(x, [*rest, row, column]), compute_uv=False)
        y = ops.sum(values, axis=-1) if order == "nuc" else _extreme_of(values, order, -1, False)
        if keepdims:
            y = ops.reshape(y, [1 if i in axes else n for i, n in enumerate(x.shape)])
        return y
    else:
        raise ValueError(
            f'linalg.{name}: ord={order!r} is none of matrices; "fro", "nuc", inf, -inf, 1, -1, 2 and -2 are'
        )
    return y if keepdims else ops.squeeze(y, axes)


def _extreme_of(x: Any, order: float, axis: int, keepdims: bool = True) -> Tensor:
    """The largest, or for negative orders smallest, along an axis; the largest of none is 0."""
    if order > 0:
        return ops.max(x, axis, keepdims=keepdims, initial=None if x.shape[axis] else 0)
    return ops.min(x, axis, keepdims=keepdims)


def _norm_flops(inputs, _, attributes):
    return 2 * math.prod(inputs[0])


@op(inputs=1, flops=_norm_flops)
def _norm(x: ArrayLike, order: float, axis: Axes = None, keepdims: bool = False):
    dtype = x.dtype
    if dtype is HALF or dtype.kind != "f":
        y, inner = _norm.body(x.astype(working(dtype)), order, axis, keepdims)
        return y.astype(HALF) if dtype is HALF else y, lambda g: inner(g.astype(np.float32))
    small, _ = reduced(x.shape, axis)
    y, slope = _of_order(order)(x, order, axis, small)
    y = y.reshape(small)

    def backward(g):
        return (slope(g.reshape(small)),)

    return y if keepdims else y.reshape(without(x.shape, axis)), backward


def _of_order(order):
    if order == 2:
        return _euclidean
    if math.isinf(order):
        return _extreme
    return _count if order == 0 else _sum if order == 1 else _powers


# Each gives a norm along `axis`, in any shape of its size, and a function from its gradient, of shape
# `small`, to that of x.


def _euclidean(x, order, axis, small):
    last = axis == x.ndim - 1 or (isinstance(axis, tuple) and sorted(axis) == [*range(x.ndim)][-len(axis) :])
    if math.prod(small) == 1:
        total = _squared(np.vdot, x)
    elif axis != () and last:
        total = _squared(np.vecdot, x.reshape(without(x.shape, axis) + (reduced(x.shape, axis)[1],)))
    else:
        total = _square_sums(x, axis, small, reduced(x.shape, axis)[1])
    total = total.reshape(small)

    def slope(g):  # the root of inf, rather than inf for the root: so the second derivative is 0 too
        return x * (g / np.sqrt(np.where(total == 0, np.inf, total)))

    return np.sqrt(total), slope


@np.errstate(invalid="ignore")  # which BLAS may say of inf, though no squares are subtracted
def _squared(product, x):
    return product(x, x)


def _sum(x, order, axis, small):
    return np.add.reduce(np.absolute(x), axis, None, None, True), lambda g: g * np.sign(x)


def _count(x, order, axis, small):
    shape = x.shape
    y = np.add.reduce((x != 0).astype(x.dtype), axis, None, None, True)
    return y, lambda g: np.zeros_like(g, shape=shape)


def _extreme(x, order, axis, small):
    a = np.absolute(x)
    if order > 0 and not a.size:
        y = np.maximum.reduce(a, axis=axis, keepdims=True, initial=0)  # as NumPy since 2.4
    else:
        y = (np.maximum if order > 0 else np.minimum).reduce(a, axis=axis, keepdims=True)

    def slope(g):
        a = np.absolute(x)
        chosen = ((a == y) | (np.isnan(a) & np.isnan(y))).astype(g.dtype)
        count = np.add.reduce(chosen, axis, None, None, True)
        return g / np.maximum(count, 1) * (chosen * np.sign(x))  # none of an empty axis

    return y, slope


def _powers(x, order, axis, small):
    total = np.add.reduce(np.absolute(x) ** order, axis, None, None, True)

    def slope(g):  # of |x|: (|x| / y)^(p-1), which does not overflow
        a = np.absolute(x)
        if order > 1:
            return g * np.sign(x) * (a / np.where(total == 0, np.inf, total) ** (1 / order)) ** (order - 1)
        zero = x == 0
        return np.where(
            zero, 0, g * np.sign(x) * (total ** (1 / order) / np.where(zero, 1, a)) ** (1 - order)
        )

    return total ** (1 / order), slope
