"""Functions whose numbers are SciPy's, and how the ops here call one another inside their bodies."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import working
from ..op import F, Unary, elementwise
from ..tensor import Tensor


@functools.cache
def of_scipy(name: str) -> Callable:
    """scipy.special's function of this name. ImportError that tells how to install it."""
    try:
        from scipy import special
    except ImportError:
        raise ImportError(
            f"ag.special.{name} takes its values from SciPy, which is not installed: "
            "pip install 'tapegrad[special]'"
        ) from None
    return getattr(special, name)


def inside(op: Any) -> Callable[..., Any]:
    """`op` as bodies call it: of arrays its result alone; of Tensors, on which bodies run again, the op.

    Thus the slope of one function is written as another, and has the derivatives of that.
    """

    def call(*args):
        return op(*args) if any([isinstance(a, Tensor) for a in args]) else op.body(*args)[0]

    return call


def special_function(
    kernel: Callable, *, name: str, flops: float = 20, needs_scipy: bool = False, **facts: Any
) -> Unary:
    """`elementwise`, of a kernel for arrays of float32 and float64 that need not be plain NumPy.

    float16 is computed in float32, whole numbers in float64. Of Tensors the kernel is the op itself.
    """

    def values(x):
        if isinstance(x, Tensor):
            return made(x)
        if x.dtype.char in "fd":
            return kernel(x)
        y = kernel(x.astype(checked(x.dtype)))
        return y.astype(x.dtype) if x.dtype.kind == "f" else y

    made: Any = elementwise(values, name=name, flops=flops, **facts)
    if needs_scipy:
        made.__doc__ = made.body.__doc__ = made.__doc__ + " Needs SciPy."
    made.__module__ = made.body.__module__ = sys._getframe(1).f_globals["__name__"]  # for pickle
    return made


def borrowed(name: str, **facts: Any) -> Unary:
    """An elementwise op whose values are those of SciPy's function of this name."""
    made = special_function(lambda x: of_scipy(name)(x), name=name, needs_scipy=True, **facts)
    made.__module__ = made.body.__module__ = sys._getframe(1).f_globals["__name__"]
    return made


def checked(dtype: np.dtype) -> np.dtype:
    """The dtype to compute in: float32 or float64. TypeError for a wider one, which SciPy does not have."""
    if dtype.char == "g" and dtype != np.float64:
        raise TypeError(f"computed in float64 at most, not in {dtype}; use .astype(np.float64)")
    return working(dtype)


def in_float(body: F) -> F:
    """`body(needs, x, y, ...)` of two arrays of float32 or of float64; its results are float16 for float16.

    A number beside an array is a 0-d array of its dtype.
    """

    @functools.wraps(body)
    def call(needs, x, y, *args, **kwargs):
        dtypes = [a.dtype for a in (x, y) if hasattr(a, "dtype")]
        narrow = dtypes[0] if dtypes[0] == dtypes[-1] else np.result_type(*dtypes)
        wide = checked(narrow)
        beside = x if hasattr(x, "dtype") else y
        out, backward = body(needs, _as(x, wide, beside), _as(y, wide, beside), *args, **kwargs)
        if wide == narrow or narrow.kind != "f":
            return out, backward
        return _cast(out, narrow), lambda g: backward(_cast(g, wide))

    return call


def _as(a, dtype, beside):
    if not hasattr(a, "dtype"):
        return np.full_like(beside, a, dtype=dtype, shape=())
    return a if a.dtype == dtype else a.astype(dtype)


def _cast(a, dtype):
    """An array, a tuple of them, or None, in another dtype."""
    if isinstance(a, tuple):
        return tuple([_cast(item, dtype) for item in a])
    return a if a is None else a.astype(dtype)
