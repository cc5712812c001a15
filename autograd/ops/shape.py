"""The same numbers in another shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import tensor_of
from ..arrays import ArrayLike, Axes, Shape
from ..op import composed, op
from ..tensor import Tensor
from .axes import transpose


@op(inputs=1, numpy=np.reshape, method=True, flops=0, view=True)
def reshape(x: ArrayLike, shape: Shape, order: str = "C", *, copy: bool | None = None):
    """x in another `shape` of as many elements; one length may be -1: what is left.

    `order` is that in which elements are read and placed: "C" (the last axis fastest), "F" (the first one) or
    "A" ("F" for what lies so in memory, else "C"); ValueError for another. It is a view where it can be;
    `copy=True` copies always, and with False it is a ValueError where x has to be copied.
    """
    old = x.shape
    if order == "C":  # most often

        def backward(g):
            return (g.reshape(old),)

        return x.reshape(shape) if copy is None else x.reshape(shape, copy=copy), backward
    if order not in ("F", "A"):
        raise ValueError(f"order is 'C', 'F' or 'A', not {order!r}")
    flags = getattr(x, "flags", None) if order == "A" else None
    if order == "A":
        order = "F" if flags is not None and flags.fnc else "C"

    def backward_in_order(g):
        return (g.reshape(old, order=order),)

    return x.reshape(shape, order=order, copy=copy), backward_in_order


@composed(numpy=np.ravel, method=True)
def ravel(x: ArrayLike, order: str = "C") -> Tensor:
    """x with all its elements on one axis, of shape (n,), a view if it can.

    `order` is that of `reshape`, or "K": as they lie in memory.
    """
    return reshape(x, -1) if order == "C" else _flat(x, order)


@composed(method=True)
def flatten(x: ArrayLike, order: str = "C") -> Tensor:
    """A copy of x with all its elements on one axis, of shape (n,); `order` is that of `ravel`."""
    return _flat(x, order, copy=True)


def _flat(x: ArrayLike, order: str, copy: bool | None = None) -> Tensor:
    x = tensor_of(x)
    if order == "K":
        order, strides = "C", getattr(x.data, "strides", None)
        x = transpose(x, sorted(range(x.ndim), key=lambda i: -abs(strides[i]))) if strides else x
    return reshape(x, -1, order, copy=copy)


@op(inputs=1, numpy=np.expand_dims, flops=0, view=True)
def expand_dims(x: ArrayLike, axis: Axes):
    """x with axes of length 1 put into its shape at `axis` (one position in the result, or several)."""
    old = x.shape

    def backward(g):
        return (g.reshape(old),)

    if type(axis) is int and -x.ndim <= axis + 1 and axis <= x.ndim:  # most often, and a fifth of the time
        return x[(slice(None),) * (axis % (x.ndim + 1)) + (None, ...)], backward
    return np.expand_dims(x, axis), backward


@op(inputs=1, numpy=np.squeeze, method=True, flops=0, view=True)
def squeeze(x: ArrayLike, axis: Axes = None):
    """x without the axes of length 1 in its shape: all, or those of `axis`."""
    old = x.shape

    def backward(g):
        return (g.reshape(old),)

    return x.squeeze(axis), backward


@op(inputs=1, numpy=np.broadcast_to, flops=0, view=True)
def broadcast_to(x: ArrayLike, shape: Shape, subok: bool = False):
    """x repeated along axes of length 1, and along new ones in front, to `shape`; `subok` changes nothing.

    As in NumPy it is a view that cannot be written to.
    """

    def backward(g):  # the engine sums it down to x's shape
        return (g,)

    return np.broadcast_to(x, shape), backward


@composed(numpy=np.broadcast_arrays)
def broadcast_arrays(*args: ArrayLike, subok: bool = False) -> tuple[Tensor, ...]:
    """Each of `args` broadcast to the shape that all have together, a tuple; `subok` changes nothing.

    ValueError where shapes do not fit.
    """
    xs = list(map(tensor_of, args))
    shapes = [x.shape for x in xs]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(f"broadcast_arrays: shapes {', '.join(map(str, shapes))} do not fit") from None
    return tuple([x if x.shape == shape else broadcast_to(x, shape) for x in xs])


@composed(numpy=np.atleast_1d)
def atleast_1d(*arys: ArrayLike) -> Any:
    """Each of `arys` with at least one axis: shape () becomes (1,), and others stay; a tuple of several."""
    return _each(arys, lambda x: x if x.ndim else expand_dims(x, 0))


@composed(numpy=np.atleast_2d)
def atleast_2d(*arys: ArrayLike) -> Any:
    """Each of `arys` with at least two axes: shape (n,) becomes (1, n), () (1, 1); a tuple of several."""
    return _each(arys, lambda x: x if x.ndim > 1 else expand_dims(x, tuple(range(2 - x.ndim))))


@composed(numpy=np.atleast_3d)
def atleast_3d(*arys: ArrayLike) -> Any:
    """Each of `arys` with at least three axes, a tuple of several.

    Shape (m, n) becomes (m, n, 1), (n,) becomes (1, n, 1) and () becomes (1, 1, 1).
    """
    new = (0, 1, 2), (0, 2), 2
    return _each(arys, lambda x: x if x.ndim > 2 else expand_dims(x, new[x.ndim]))


def _each(arrays: tuple, fn: Callable[[Tensor], Tensor]) -> Any:
    made = tuple([fn(tensor_of(x)) for x in arrays])
    return made[0] if len(made) == 1 else made
