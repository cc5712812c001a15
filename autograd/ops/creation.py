"""Arrays made like another one, and the same numbers in another dtype or memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import joined, tensor_of
from ..arrays import ArrayLike, DTypeLike, Shape
from ..constant import constant
from ..op import Needs, composed, op
from ..tensor import Tensor

zeros_like = constant(np.zeros_like)
ones_like = constant(np.ones_like)
empty_like = constant(np.empty_like)
indices = constant(np.indices)
_constant_like = constant(np.full_like)


@op(numpy=np.copy, method=True, flops=0)
def copy(x: ArrayLike, order: str = "K", subok: bool = False):
    """x in memory of its own, of the same shape; `order` is that of the axes there, as in NumPy.

    `subok` changes nothing.
    """

    def backward(g):
        return (g,)

    return x.copy(order), backward


@op(inputs=1, numpy=np.astype, method=True, flops=0, view=True, needs=True)
def astype(
    needs: Needs,
    x: ArrayLike,
    dtype: DTypeLike,
    *,
    order: str = "K",
    casting: str = "unsafe",
    copy: bool = True,
    device: str | None = None,
):
    """x in another dtype, of the same shape; the gradient comes back in x's own.

    With `copy=False` it is x itself where nothing changes. `order` is that of the axes in memory, `casting`
    says what may be cast, as in NumPy; `device` changes nothing. TypeError where x wants a gradient and
    `dtype` is no float, or for a cast that is not allowed.
    """
    own = x.dtype
    if copy and order == "K" and casting == "unsafe":  # most often
        y = x.astype(dtype)
    else:
        y = x.astype(dtype, order=order, casting=casting, copy=copy)
    if needs[0] and y.dtype.kind != "f":
        raise TypeError(f"{y.dtype} has no gradient; use .detach() first")

    def backward(g):
        return (g.astype(own),)

    return y, backward


@composed(numpy=np.full_like)
def full_like(
    a: ArrayLike,
    fill_value: ArrayLike,
    dtype: DTypeLike | None = None,
    order: str = "K",
    subok: bool = True,
    shape: Shape | None = None,
    *,
    device: str | None = None,
) -> Tensor:
    """`fill_value`, which broadcasts, in all of an array of the shape and dtype of `a`, or of those given.

    The gradient is that of `fill_value`; TypeError where it wants one and the dtype is no float.
    """
    fill_value = joined(fill_value)
    if not isinstance(fill_value, Tensor) or fill_value.edge is None:
        return _constant_like(a, fill_value, dtype, order, subok, shape)
    like: Any = _constant_like(a, 0, dtype, order, subok, shape)
    return np.broadcast_to(astype(fill_value, like.dtype), like.shape).copy(order)


@composed(numpy=np.full)
def full(
    shape: Shape,
    fill_value: ArrayLike,
    dtype: DTypeLike | None = None,
    order: str = "C",
    *,
    device: str | None = None,
    like: Any = None,
) -> Tensor:
    """`fill_value`, which broadcasts, in all of an array of `shape`, in its dtype or the one that is given.

    The gradient is that of `fill_value`; NumPy's own function gives this with `like=` a Tensor. TypeError
    where it wants one and the dtype is no float.
    """
    value = tensor_of(fill_value)
    return full_like(value, value, dtype, order, shape=shape)


@composed(numpy=np.array)
def array(
    object: ArrayLike,
    dtype: DTypeLike | None = None,
    *,
    copy: bool | None = True,
    order: str = "K",
    subok: bool = False,
    ndmin: int = 0,
    like: Any = None,
) -> Tensor:
    """A Tensor of what `object` holds, in memory of its own: an array, numbers, or Tensors in nested lists.

    Tensors in lists are stacked and keep their gradients, of the shape that np.array gives to arrays. NumPy's
    own function gives this with `like=` a Tensor. `copy=False` and None take an array as it is where nothing
    changes; axes of length 1 are put in front up to `ndmin`; `subok` changes nothing. ValueError where
    `copy=False` and a copy is needed, or Tensors in a list have other shapes.
    """
    made = in_order(object, dtype, order, copy)
    return np.expand_dims(made, tuple(range(ndmin - made.ndim))) if made.ndim < ndmin else made


@composed(numpy=np.asarray)
def asarray(
    a: ArrayLike,
    dtype: DTypeLike | None = None,
    order: str | None = None,
    *,
    device: str | None = None,
    copy: bool | None = None,
    like: Any = None,
) -> Tensor:
    """`a` as a Tensor, itself if it is one and nothing changes; lists of Tensors as for `array`.

    The shape is that of `a`; `dtype`, `order` and `copy` are those of `array`. ValueError where
    `copy=False` and a copy is needed.
    """
    return in_order(a, dtype, order or "K", copy)


@composed(numpy=np.asanyarray)
def asanyarray(
    a: ArrayLike,
    dtype: DTypeLike | None = None,
    order: str | None = None,
    *,
    device: str | None = None,
    copy: bool | None = None,
    like: Any = None,
) -> Tensor:
    """The same as `asarray(a)`, of the shape of `a`; ValueError where `copy=False` and a copy is needed."""
    return in_order(a, dtype, order or "K", copy)


@composed(numpy=np.ascontiguousarray)
def ascontiguousarray(a: ArrayLike, dtype: DTypeLike | None = None, *, like: Any = None) -> Tensor:
    """`a` with its last axis fastest in memory, itself if it is so; shape () becomes (1,)."""
    x = in_order(a, dtype, "C", None)
    return x if x.ndim else np.expand_dims(x, 0)


@composed(numpy=np.asfortranarray)
def asfortranarray(a: ArrayLike, dtype: DTypeLike | None = None, *, like: Any = None) -> Tensor:
    """`a` with its first axis fastest in memory, itself if it is so; shape () becomes (1,)."""
    x = in_order(a, dtype, "F", None)
    return x if x.ndim else np.expand_dims(x, 0)


@composed(numpy=np.require)
def require(
    a: ArrayLike, dtype: DTypeLike | None = None, requirements: Any = None, *, like: Any = None
) -> Tensor:
    """`a` as a Tensor of that dtype, and of the same shape, whose memory is as `requirements` say.

    They are NumPy's: "C", "F", "A" (aligned), "W" (writeable), "O" (owns its memory), "E" (changes nothing).
    ValueError for others, and for "C" beside "F".
    """
    wanted = {_requirement(r) for r in requirements or ()}
    if {"C", "F"} <= wanted:
        raise ValueError("require: an array is in order 'C' or 'F', not both")
    order = "C" if "C" in wanted else "F" if "F" in wanted else "K"
    x = in_order(a, dtype, order, None)
    flags = x.data.flags
    kept = (flags.aligned or "A" not in wanted) and (flags.writeable or "W" not in wanted)
    return x if kept and (flags.owndata or "O" not in wanted) else np.copy(x, order)


def _requirement(word: str) -> str:
    long = {"CONTIGUOUS": "C", "FORTRAN": "F", "ALIGNED": "A", "WRITEABLE": "W", "OWNDATA": "O"}
    long |= {f"{c}_CONTIGUOUS": c for c in "CF"} | {"ENSUREARRAY": "E"}
    word = word.upper()
    if word not in long and word not in long.values():
        raise ValueError(f"require: requirements are 'C', 'F', 'A', 'W', 'O', 'E', not {word!r}")
    return long.get(word, word)


def in_order(value: Any, dtype: Any, order: str, copied: bool | None) -> Tensor:
    """`value` as a Tensor of that dtype and order of axes, itself where it may be and is so already."""
    if copied is False and isinstance(value, (list, tuple, int, float)):
        raise ValueError("copy=False, but numbers and lists are copied into an array; copy=None allows it")
    x = tensor_of(value)
    same = dtype is None or np.dtype(dtype) == x.dtype
    flags = getattr(x.data, "flags", None)
    if same and (flags is None or order not in "CF" or flags[f"{order}_CONTIGUOUS"]) and not copied:
        return x
    if copied is False:
        raise ValueError("copy=False, but a copy is needed for this dtype or order; copy=None allows it")
    return np.copy(x, order) if same else astype(x, dtype, order=order)
