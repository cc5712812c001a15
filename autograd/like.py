"""What NumPy's functions that make arrays give with `like=` a Tensor, and np.full_like: Tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import ops
from .arguments import joined
from .constant import constant
from .tensor import Tensor

_array, _asarray, _full, _full_like = (
    constant(np.array),
    constant(np.asarray),
    constant(np.full),
    constant(np.full_like),
)


def array(object: Any, dtype: Any = None, *, copy: Any = True, ndmin: int = 0, **kwargs: Any) -> Tensor:
    """The array that np.array makes of numbers, or of Tensors in lists, whose gradients it keeps."""
    made = joined(object)
    if not isinstance(made, Tensor):
        return _array(object, dtype, copy=copy, ndmin=ndmin, **kwargs)
    if dtype is not None and dtype != made.dtype:
        made = ops.astype(made, dtype)
    if made is object and copy:
        made = ops.copy(made)
    return ops.reshape(made, (1,) * (ndmin - made.ndim) + made.shape) if ndmin > made.ndim else made


def asarray(a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None, **kwargs: Any) -> Tensor:
    """The same without a copy, unless one is asked for."""
    if not isinstance(joined(a), Tensor):
        return _asarray(a, dtype, order, copy=copy, **kwargs)
    return array(a, dtype, copy=copy)


def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", **kwargs: Any) -> Tensor:
    """An array of one value, or of copies of an array, whose gradient it keeps."""
    value = joined(fill_value)
    if not isinstance(value, Tensor):
        return _full(shape, value, dtype, order, **kwargs)
    value = value if dtype is None else ops.astype(value, dtype)
    return ops.copy(ops.broadcast_to(value, shape), order)


def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None
) -> Tensor:
    """np.full of the shape and dtype of `a`."""
    value = joined(fill_value)
    if not isinstance(value, Tensor) or value.edge is None:
        a, value = (x.data if isinstance(x, Tensor) else x for x in (a, value))
        return _full_like(a, value, dtype, order, subok, shape)
    value = ops.astype(value, a.dtype if dtype is None else dtype)
    return ops.copy(ops.broadcast_to(value, a.shape if shape is None else shape))


LIKE: dict[Callable, Callable] = {
    np.array: array,
    np.asarray: asarray,
    np.asanyarray: asarray,
    np.ascontiguousarray: asarray,
    np.asfortranarray: asarray,
    np.full: full,
    np.full_like: full_like,
    **{fn: constant(fn) for fn in (np.zeros, np.ones, np.empty, np.arange, np.eye, np.identity, np.tri)},
    **{fn: constant(fn) for fn in (np.fromiter, np.fromfunction, np.frombuffer, np.fromstring)},
}
