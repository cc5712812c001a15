"""What NumPy's functions and ufuncs do with a Tensor, and the error for names that a Tensor does not have."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from . import dialect, inplace, versions
from .arrays import as_array
from .constant import constant
from .modes import current
from .ops.creation import astype
from .ops.index import where
from .tensor import Tensor, wrap

# Filled by binding.py: what stands for a function of NumPy, a ufunc or a ufunc's method (np.add.reduce) when
# an argument is a Tensor; and for a ufunc of SciPy, by name, so that SciPy is not imported for it.
FUNCTIONS: dict[Callable, Callable] = {}
SCIPY: dict[str, Callable] = {}


def array_ufunc(self, ufunc, method, *inputs, out=None, **kwargs):
    """NumPy's protocol for ufuncs: what `ufunc`, or a `method` of it, does with `inputs` that hold a Tensor.

    `out=`, `where=` and `dtype=` work as for any ufunc; the shape of the result is NumPy's. TypeError where a
    gradient would be lost.
    """
    called = ufunc if method == "__call__" else getattr(ufunc, method)
    fn = FUNCTIONS.get(called) or _of_scipy(called)
    if fn is None:
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        return _of_constants(called, f"np.{name}", inputs, kwargs if out is None else {**kwargs, "out": out})
    if method == "reduce":
        kwargs.setdefault("axis", 0)
    chosen = kwargs.pop("where", True) if method == "__call__" else True
    dtype = kwargs.pop("dtype", None) if method == "__call__" else None
    if dtype is not None:
        inputs = tuple([astype(x, dtype) for x in inputs])
    result = fn(*inputs, **kwargs)
    if chosen is not True:
        result = where(chosen, result, 0 if out is None else out[0])
    return result if out is None else _into(out[0], result, ufunc.__name__)


def array_function(self, func, types, args, kwargs):
    """NumPy's protocol for its other functions: what `func` does with `args` and `kwargs` that hold a Tensor.

    The shape of the result is NumPy's; `types` does not matter. TypeError where a gradient would be lost.
    """
    if len(args) > 2:  # `dtype` and `out` stand among them, in NumPy's places
        args, kwargs = _with_names(func, args, kwargs)
    fn, out = FUNCTIONS.get(func), kwargs.pop("out", None)
    if fn is None:
        name = f"{func.__module__.replace('numpy', 'np', 1)}.{func.__name__}"
        result = _of_constants(func, name, args, kwargs)
    else:
        result = fn(*args, **kwargs)
    return result if out is None else _into(out, result, func.__name__)


def missing_attribute(self, name: str):
    """AttributeError for a name that Tensor does not have, with its spelling here if it is PyTorch's word."""
    if name in ("_leaf", "_origin"):  # a slot that was never filled
        return None
    raise AttributeError(f"Tensor has no attribute {name!r}{dialect.hint(name, function_names())}")


def _into(out: Any, result: Tensor, name: str) -> Any:
    """`result` in place of the numbers of `out`, a Tensor or an ndarray."""
    if isinstance(out, Tensor):
        return inplace.assign(out, result if isinstance(result, Tensor) else wrap(as_array(result), None))
    if isinstance(result, Tensor) and result.edge is not None:
        raise TypeError(
            f"np.{name}: out= is an ndarray, and an operand a Tensor that requires a gradient, which would "
            "be lost; leave out= away, or give it a Tensor"
        )
    np.copyto(out, result.data if isinstance(result, Tensor) else result, casting="same_kind")
    return out


def _with_names(func: Callable, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    names = _parameters(func)
    if "out" not in names:
        return args, kwargs
    rest = {name: value for name, value in zip(names[2:], args[2:], strict=False) if value is not None}
    return args[:2], {**rest, **kwargs}


@lru_cache
def _parameters(func: Callable) -> list[str]:
    try:
        parameters = inspect.signature(func).parameters.values()
        return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    except ValueError:  # of some in C
        return []


def _of_constants(fn: Callable, name: str, args: Any, kwargs: dict) -> Any:
    """A function that has no gradient here: of Tensors that want none, on their arrays; else TypeError."""
    given = list(_tensors((*args, *kwargs.values())))
    if current.get().grad and any(x.edge is not None for x in given):
        raise unsupported(name)
    result = constant(fn)(*args, **kwargs)
    if name.endswith(".at") or kwargs.get("copy") is False:  # into its first argument
        for target in given[:1]:
            versions.mark_region(target.data)
    return result


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)


def _of_scipy(ufunc: Any) -> Callable | None:
    """What stands for `ufunc` if it is SciPy's."""
    scipy = sys.modules.get("scipy.special")
    name = getattr(ufunc, "__name__", "")
    return SCIPY.get(name) if scipy is not None and getattr(scipy, name, None) is ufunc else None


def function_names() -> list[str]:
    """Of all functions of NumPy that take Tensors."""
    return sorted({fn.__name__ for fn in FUNCTIONS})


def unsupported(name: str) -> TypeError:
    """What to raise for a function of NumPy that has no gradient here."""
    near = dialect.nearest(name.rpartition(".")[2], function_names())
    return TypeError(
        f"{name} has no gradient here, and a Tensor among its arguments requires one. Where none is wanted, "
        "pass it .detach()ed" + (f"; or use one of: {near}." if near else ".")
    )
