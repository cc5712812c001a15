"""Axes in another order: the same memory, seen in another way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..arguments import tensor_of
from ..arrays import ArrayLike
from ..op import composed, op
from ..tensor import Tensor


def axis_of(name: str, axis: Any, ndim: int) -> int:
    """`axis` counted from 0; an AxisError, and TypeError for no integer, have the name of a function."""
    return _named(normalize_axis_index, name, axis, ndim)


def axes_of(name: str, axes: Any, ndim: int) -> tuple[int, ...]:
    """The same of one axis or several."""
    return _named(normalize_axis_tuple, name, axes, ndim)


def _named(fn, name, axis, ndim):
    try:
        return fn(axis, ndim, name)
    except TypeError:
        raise TypeError(f"{name}: an axis is a whole number, not {axis!r}") from None


@op(inputs=1, numpy=np.transpose, method=True, flops=0, view=True)
def transpose(x: ArrayLike, axes: Sequence[int] | None = None):
    """x with its axes in the order `axes`, by default reversed: (a, b, c) becomes (c, b, a)."""
    if axes is None:  # most often, and its own inverse

        def backward(g):
            return (g.transpose(),)

        return x.transpose(), backward
    n = x.ndim
    y = x.transpose(axes)
    order = [a % n for a in ((axes,) if isinstance(axes, int) else axes)]
    back = tuple([order.index(i) for i in range(n)])

    def backward_of_order(g):
        return (g.transpose(back),)

    return y, backward_of_order


@op(inputs=1, numpy=np.swapaxes, method=True, flops=0, view=True)
def swapaxes(x: ArrayLike, axis1: int, axis2: int):
    """x with two axes exchanged: of axes 0 and 2, (a, b, c) becomes (c, b, a)."""

    def backward(g):
        return (g.swapaxes(axis1, axis2),)

    return x.swapaxes(axis1, axis2), backward


@composed(numpy=(np.matrix_transpose, np.linalg.matrix_transpose))
def matrix_transpose(x: ArrayLike) -> Tensor:
    """x with its last two axes exchanged: (..., n, m) becomes (..., m, n); ValueError for fewer than two."""
    return swapaxes(tensor_of(x, "matrix_transpose", 2), -1, -2)


@op(inputs=1, numpy=np.moveaxis, flops=0, view=True)
def moveaxis(a: ArrayLike, source: int | Sequence[int], destination: int | Sequence[int]):
    """a with the axes `source` put to the places `destination`; the others keep their order.

    Of 0 and -1, shape (a, b, c) becomes (b, c, a).
    """

    def backward(g):
        return (np.moveaxis(g, destination, source),)

    return np.moveaxis(a, source, destination), backward


@composed(numpy=np.rollaxis)
def rollaxis(a: ArrayLike, axis: int, start: int = 0) -> Tensor:
    """a with `axis` put before the axis that stands at `start`: of 2 and 0, (a, b, c) becomes (c, a, b).

    ValueError for axes that a does not have.
    """
    a = tensor_of(a)
    n = a.ndim
    if not -n <= axis < n or not -n <= start <= n:
        raise np.exceptions.AxisError(f"rollaxis: axis={axis}, start={start} for an array of shape {a.shape}")
    axis, start = axis % n, start + n if start < 0 else start
    return moveaxis(a, axis, start - 1 if axis < start else start)
