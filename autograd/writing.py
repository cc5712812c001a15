"""NumPy's functions that write into their first argument: into its memory or, with a graph, to a new Tensor.

As for x[index] = value, gradients go to what is written and to what it leaves. ufunc.at is among them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import inplace, versions
from .arguments import joined, tensor_of
from .arrays import ArrayLike
from .modes import current
from .ops.arithmetic import divide, negative
from .ops.creation import astype
from .ops.index import grid, index_put, take
from .ops.index import where as either
from .ops.scatter import index_add, index_maximum, index_minimum, index_multiply
from .ops.shape import reshape
from .tensor import Tensor

__all__ = ["copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"]


def _in_memory(fn: Callable, target: Any, value: Any, *given: Any, **named: Any) -> bool:
    """Whether fn(target, *given, **named), which writes `value`, was done in the memory of the target."""
    if isinstance(target, Tensor) and not inplace.goes_into_memory(target, value):
        return False
    name = fn.__name__ if fn.__name__ != "at" else f"{fn.__self__.__name__}.at"  # type: ignore[attr-defined]
    if not isinstance(target, Tensor) and current.get().grad and getattr(value, "edge", None) is not None:
        raise TypeError(
            f"np.{name}: a Tensor that requires a gradient is written into an ndarray, which loses it; "
            "let the first argument be a Tensor"
        )
    fn(_bare(target), *map(_bare, given), **{key: _bare(item) for key, item in named.items()})
    if isinstance(target, Tensor):
        versions.mark_region(target.data)
    return True


def _bare(value: Any) -> Any:
    """`value` with arrays in place of the Tensors in it; an index stays a tuple."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(_bare, value))
    return value.data if isinstance(value, Tensor) else value


def _put_flat(target: Tensor, at: Any, values: Any) -> None:
    """target.flat[at] = values, which are repeated as often as needed."""
    n, values = at.shape[0], reshape(tensor_of(values), -1)
    if values.size != n:
        values = take(values, np.arange(n, like=at) % max(values.size, 1))
    inplace.assign(target, reshape(index_put(reshape(target, -1), values, at), target.shape))


def put(a: Any, ind: ArrayLike, v: ArrayLike, mode: str = "raise") -> None:
    """a.flat[ind] = v, repeated as needed: written into `a`, or with a graph `a` becomes the result.

    The shape of `a` stays. Indices that are out of range raise or, by `mode`, "wrap" around or "clip" to it.
    Of several values for one element the last stays. IndexError where one is out of range, TypeError for an
    ndarray that a value with a gradient is written to.
    """
    v = joined(v)
    if _in_memory(np.put, a, v, ind, v, mode=mode):
        return
    n, at = a.size, tensor_of(ind).data.reshape(-1)
    if mode == "raise":
        outside = (at < -n) | (at >= n)
        if outside.any():
            raise IndexError(
                f"put: index {at[outside][0]} is out of range for {n} elements of shape {a.shape}"
            )
    at = np.clip(at, 0, n - 1) if mode == "clip" else at % n
    if np.size(_bare(v)):
        _put_flat(a, at, v)


def put_along_axis(arr: ArrayLike, indices: ArrayLike, values: ArrayLike, axis: int | None) -> None:
    """arr[..., indices, ...] = values along `axis`, with one index for each position of the other axes.

    Written into `arr`, or with a graph `arr` becomes the result, of its shape. `values` broadcast to
    `indices`; axis None is that of the flat array. IndexError for an index out of range, ValueError for
    shapes that do not fit, TypeError for an ndarray that a value with a gradient is written to.
    """
    values = joined(values)
    if _in_memory(np.put_along_axis, arr, values, indices, values, axis):
        return
    target: Any = arr
    indices = tensor_of(indices).data
    if axis is None:
        inplace.assign(target, reshape(index_put(reshape(target, -1), values, indices), target.shape))
        return
    if indices.ndim != target.ndim:
        raise ValueError(f"put_along_axis: indices of shape {indices.shape} for an array of {target.shape}")
    inplace.assign(target, index_put(target, values, grid(indices, target.shape, axis)))


def putmask(a: ArrayLike, mask: ArrayLike, values: ArrayLike) -> None:
    """a.flat[n] = values.flat[n % len(values)] where mask.flat[n]: into `a`, or `a` becomes the result.

    The shape of `a` stays. ValueError for a mask of another size, TypeError for an ndarray that a value with
    a gradient is written to.
    """
    values = joined(values)
    if _in_memory(np.putmask, a, values, mask, values):
        return
    chosen = tensor_of(mask).data
    if chosen.size != a.size:  # type: ignore[union-attr]
        raise ValueError(f"putmask: a mask of shape {chosen.shape} for an array of {a.shape}")  # type: ignore[union-attr]
    at, values = np.flatnonzero(chosen), reshape(tensor_of(values), -1)
    if values.size:
        _put_flat(a, at, take(values, at % values.size))  # type: ignore[arg-type]


def place(arr: ArrayLike, mask: ArrayLike, vals: ArrayLike) -> None:
    """arr[mask] = vals, the first ones, repeated as needed: into `arr`, or `arr` becomes the result.

    The shape of `arr` stays. ValueError for a mask of another size or where there is no value to put,
    TypeError for an ndarray that a value with a gradient is written to.
    """
    vals = joined(vals)
    if _in_memory(np.place, arr, vals, mask, vals):
        return
    chosen = tensor_of(mask).data
    if chosen.size != arr.size:  # type: ignore[union-attr]
        raise ValueError(f"place: a mask of shape {chosen.shape} for an array of {arr.shape}")  # type: ignore[union-attr]
    at = np.flatnonzero(chosen)
    if at.shape[0]:
        if not np.size(_bare(vals)):
            raise ValueError("place: there are no values to put")
        _put_flat(arr, at, vals)  # type: ignore[arg-type]


def copyto(dst: ArrayLike, src: ArrayLike, casting: str = "same_kind", where: ArrayLike = True) -> None:
    """dst[...] = src, which broadcasts, where a mask holds: into `dst`, or `dst` becomes the result.

    The shape of `dst` stays. TypeError for a dtype that `casting` does not allow, or an ndarray that a value
    with a gradient is written to; ValueError for shapes that do not broadcast.
    """
    src = joined(src)
    if _in_memory(np.copyto, dst, src, src, casting, where):
        return
    target: Any = dst
    given = tensor_of(src)
    if not np.can_cast(given.dtype, target.dtype, casting):  # type: ignore[arg-type]
        raise TypeError(
            f"copyto: {given.dtype} does not fit a Tensor of {target.dtype} by casting={casting!r}"
        )
    given = astype(given, target.dtype) if given.dtype != target.dtype else given
    if where is True:
        inplace.assign(target, index_put(target, given, ...))
    else:
        inplace.assign(target, either(where, given, target))


def fill_diagonal(a: ArrayLike, val: ArrayLike, wrap: bool = False) -> None:
    """a[i, i, ...] = val, repeated as needed, for all i: into `a`, or `a` becomes the result, of its shape.

    With `wrap` the diagonal of a tall matrix starts again below. ValueError for less than two axes, or more
    of different lengths; TypeError for an ndarray that a value with a gradient is written to.
    """
    val = joined(val)
    if _in_memory(np.fill_diagonal, a, val, val, wrap):
        return
    target: Any = a
    diagonal = np.zeros_like(target.data, dtype=bool)
    np.fill_diagonal(diagonal, True, wrap)  # and checks the shape
    _put_flat(target, np.flatnonzero(diagonal), val)


def _at(ufunc: np.ufunc, changed: Callable) -> Callable:
    """ufunc.at(target, index, value), where a target with a graph becomes changed(target, value, index)."""

    def at(target: Any, index: Any, value: Any) -> None:
        value = joined(value)
        if not _in_memory(ufunc.at, target, value, index, value):
            inplace.assign(target, changed(target, value, index))

    return at


FUNCTIONS: dict[Callable, Callable] = {
    **{getattr(np, name): globals()[name] for name in __all__},
    np.add.at: _at(np.add, index_add),
    np.subtract.at: _at(np.subtract, lambda x, value, index: index_add(x, negative(value), index)),
    np.multiply.at: _at(np.multiply, index_multiply),
    np.divide.at: _at(np.divide, lambda x, value, index: index_multiply(x, divide(1, value), index)),
    np.maximum.at: _at(np.maximum, index_maximum),
    np.minimum.at: _at(np.minimum, index_minimum),
}
