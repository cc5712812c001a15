"""Functions of NumPy without a derivative: what they give is a constant."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import as_array, is_array
from .modes import current
from .op import Facts, numpy_summary
from .tensor import Tensor, wrap


def constant(
    fn: Callable, *, lossless: bool = True, operator: str | None = None, method: bool = False
) -> Callable[..., Any]:
    """`fn` of NumPy on the arrays of Tensors; arrays among its results become Tensors without a graph.

    With `lossless=False` the result does depend smoothly on its arguments, so that a Tensor that requires a
    gradient is refused (TypeError). `operator` and `method` are facts as those of an op.
    """

    def strip(value):
        if isinstance(value, Tensor):
            if not lossless and value.edge is not None and current.get().grad:
                raise TypeError(
                    f"np.{fn.__name__} would lose the gradient of a Tensor; use .detach() for a constant"
                )
            return value.data
        return _each(strip, value) if isinstance(value, (list, tuple)) else value

    def dress(value):
        if type(value) is np.ndarray:
            return wrap(value, None)
        if isinstance(value, (list, tuple)):
            return _each(dress, value)
        return wrap(as_array(value), None) if isinstance(value, np.generic) or is_array(value) else value

    def call(*args, **kwargs):
        if kwargs and isinstance(kwargs.get("out"), Tensor):
            raise TypeError(f"{fn.__name__}: out= is a Tensor; write into it by out[...] = {fn.__name__}(x)")
        given = [*map(strip, args)]
        try:
            return dress(fn(*given, **{key: strip(value) for key, value in kwargs.items()}))
        except TypeError as error:
            if not isinstance(fn, np.ufunc) or "ufunc" not in str(error):
                raise
            kinds = ", ".join(str(as_array(x).dtype) for x in given)
            raise TypeError(
                f"{fn.__name__}: not defined for {kinds}; np.{fn.__name__} is for whole numbers"
            ) from None

    functools.update_wrapper(call, fn, assigned=("__name__",), updated=())
    call.__qualname__ = fn.__name__  # ufuncs of older NumPy have none
    refused = "" if lossless else "\nTypeError for a Tensor whose gradient is recorded: it would be lost."
    call.__doc__ = (
        f"np.{fn.__name__} of Tensors; arrays come out as constant Tensors, without gradient.\n\n"
        f"{numpy_summary(fn)}\nArguments, shapes and dtypes are those of NumPy's function.{refused}"
    )
    call.__module__ = sys._getframe(1).f_globals["__name__"]  # where it can be found, for pickle
    facts = Facts(numpy=(fn,), operator=operator, method=method, flops=0, gradient=False)
    call.__dict__.update(facts=facts, lossless=lossless)
    return call


def _each(fn: Callable, value: Any) -> Any:
    """fn of every item of a list or tuple, in one of its kind."""
    items = map(fn, value)
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
