"""What NumPy's functions and ufuncs do with a Tensor, and the error for names that a Tensor does not have."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from . import dialect, inplace, versions
from .arguments import ERRORS, in_the_name_of, joined
from .arrays import as_array
from .constant import constant
from .modes import current
from .ops.creation import astype
from .ops.index import where
from .ops.shape import broadcast_to
from .tensor import Tensor, wrap
from .views import STALE

# Filled by binding.py: what stands for a function of NumPy, a ufunc or a ufunc's method (np.add.reduce) when
# an argument is a Tensor; and for a ufunc of SciPy, by name, so that SciPy is not imported for it.
FUNCTIONS: dict[Callable, Callable] = {}
SCIPY: dict[str, Callable] = {}


def array_ufunc(self, ufunc, method, *inputs, out=None, **kwargs):
    """NumPy's protocol for ufuncs: what `ufunc`, or a `method` of it, does with `inputs` that hold a Tensor.

    `out=`, `where=`, `dtype=` and `casting=` work as for any ufunc; the shape of the result is NumPy's. Where
    `where` leaves out an element there is 0 or what `out` has, and no gradient. TypeError where a gradient
    would be lost.
    """
    if method == "outer" and ufunc.signature is None:
        inputs, method = _apart(*inputs), "__call__"
    fn = FUNCTIONS.get(ufunc) or _of_scipy(ufunc)
    if fn is not None and method == "__call__":
        result = fn(*inputs) if not kwargs else _of_ufunc(fn, ufunc, inputs, out, kwargs)
        return result if out is None else _into_each(out, result, ufunc.__name__, kwargs)
    called = ufunc if method == "__call__" else getattr(ufunc, method)
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    name = f"scipy.special.{name}" if _is_of_scipy(ufunc) else f"np.{name}"
    reducing = FUNCTIONS.get(called)
    if reducing is not None:
        if method in ("reduce", "accumulate"):
            kwargs.setdefault("axis", 0)
            if "dtype" in kwargs and not _takes(reducing, "dtype"):
                dtype = kwargs.pop("dtype")
                inputs = inputs if dtype is None else (astype(inputs[0], dtype),)
        result = reducing(*inputs, **kwargs)
    elif getattr(fn, "lossless", False):  # whether any, all ... of what is a constant anyway
        result = constant(called)(*inputs, **kwargs)
    else:
        result = _of_constants(called, name, inputs, kwargs)
    return result if out is None else _into_each(out, result, name.removeprefix("np."), kwargs)


def _apart(a: Any, b: Any) -> tuple[Any, Any]:
    """a and b with axes such that each element of a meets each of b."""
    a, b = (x if hasattr(x, "shape") else as_array(x) for x in (joined(a), joined(b)))
    return a.reshape(a.shape + (1,) * b.ndim), b


def _of_ufunc(fn: Callable, ufunc: np.ufunc, inputs: tuple, out: Any, kwargs: dict) -> Any:
    """What a ufunc gives with keywords, `where` among them."""
    chosen, casting = kwargs.pop("where", True), kwargs.get("casting", "same_kind")
    for harmless in ("order", "subok"):
        kwargs.pop(harmless, None)
    given = {key: value for key, value in kwargs.items() if key != "casting"}
    if "signature" in given or "sig" in given:
        return _of_constants(ufunc, f"np.{ufunc.__name__} with signature=", inputs, given)
    if chosen is not True:
        inputs = tuple([_harmless(x, chosen, 2 if ufunc is np.arccosh else 0.5) for x in inputs])
    if not getattr(fn, "lossless", False):
        dtype = given.pop("dtype", None)
        if dtype is not None:
            count = fn.facts.inputs  # type: ignore[attr-defined]
            inputs = tuple(
                [_cast(ufunc, x, dtype, casting) if i < count else x for i, x in enumerate(inputs)]
            )
    result = fn(*inputs, **given)
    if chosen is True:
        return result
    several = isinstance(result, (tuple, list))
    parts = [
        where(chosen, part, part.dtype.type(0) if out is None or out[i] is None else out[i])
        for i, part in enumerate(result if several else [result])
    ]
    return tuple(parts) if several else parts[0]


def _harmless(x: Any, chosen: Any, smooth: float) -> Any:
    """x with a number in place of what is not chosen at which a function is smooth and gives no warning."""
    kind = getattr(getattr(x, "dtype", None), "kind", None)
    if kind == "f":
        return where(chosen, x, smooth)
    return where(chosen, x, True if kind == "b" else 1) if kind in ("i", "u", "b") else x


def _cast(ufunc: np.ufunc, x: Any, dtype: Any, casting: Any) -> Any:
    if hasattr(x, "dtype") and not np.can_cast(x.dtype, dtype, casting):
        raise TypeError(
            f"np.{ufunc.__name__}: {x.dtype} does not go to {np.dtype(dtype)} by {casting!r} casting"
        )
    return astype(x, dtype)


def _into_each(out: tuple, result: Any, name: str, kwargs: dict) -> Any:
    """The results of a ufunc in place of the numbers of its `out`, a tuple; None there is for a new one."""
    several = isinstance(result, (tuple, list))
    casting = kwargs.get("casting", "same_kind")
    parts = [
        part if target is None else _into(target, part, name, casting)
        for target, part in zip(out, result if several else [result], strict=True)
    ]
    return tuple(parts) if several else parts[0]


@lru_cache
def _takes(fn: Callable, name: str) -> bool:
    return name in inspect.signature(fn).parameters


def array_function(self, func, types, args, kwargs):
    """NumPy's protocol for its other functions: what `func` does with `args` and `kwargs` that hold a Tensor.

    The shape of the result is NumPy's; `types` does not matter. TypeError where a gradient would be lost.
    """
    if not args:  # np.ravel(a=x), where the parameter is `x` here
        first = _parameters(func)[:1]
        args, kwargs = tuple([kwargs[p] for p in first]), {p: kwargs[p] for p in kwargs if p not in first}
    if len(args) > 1 and len(args) > _before_out(func):  # in NumPy's places, `dtype` and `out` among them
        args, kwargs = _with_names(func, args, kwargs)
    fn, out = FUNCTIONS.get(func), kwargs.pop("out", None)
    if fn is None:
        name = f"{func.__module__.replace('numpy', 'np', 1)}.{func.__name__}"
        result = _of_constants(func, name, args, kwargs)
    else:
        try:
            result = fn(*args, **kwargs)
        except ERRORS as error:
            raise in_the_name_of(error, func.__name__) from None
    return result if out is None else _into(out, result, func.__name__)


def missing_attribute(self, name: str):
    """AttributeError for a name that Tensor does not have, with its spelling here if it is PyTorch's word.

    RuntimeError where it is a view whose Tensor was written to.
    """
    if name in ("_leaf", "_origin"):  # a slot that was never filled
        return None
    if name == "data":
        raise RuntimeError(STALE)
    raise AttributeError(f"Tensor has no attribute {name!r}{dialect.hint(name, function_names())}")


def _into(out: Any, result: Any, name: str, casting: Any = "same_kind") -> Any:
    """`result` in place of the numbers of `out`, a Tensor or an ndarray."""
    if isinstance(out, Tensor):
        result = result if isinstance(result, Tensor) else wrap(as_array(result), None)
        if result.shape != out.shape and _fits(result.shape, out.shape):
            result = broadcast_to(result, out.shape)
        if casting == "unsafe" and result.dtype != out.dtype:
            result = astype(result, out.dtype)
        return inplace.assign(out, result)
    if isinstance(result, Tensor) and result.edge is not None:
        raise TypeError(
            f"np.{name}: out= is an ndarray, and an operand a Tensor that requires a gradient, which would "
            "be lost; leave out= away, or give it a Tensor"
        )
    np.copyto(out, result.data if isinstance(result, Tensor) else result, casting=casting)
    return out


def _fits(shape: tuple, larger: tuple) -> bool:
    try:
        return np.broadcast_shapes(shape, larger) == larger
    except ValueError:
        return False


def _with_names(func: Callable, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """Arguments from the third on, or from `out` on, by name."""
    names, n = _parameters(func), _before_out(func)
    rest = {name: value for name, value in zip(names[n:], args[n:], strict=False) if value is not None}
    return args[:n], {**rest, **kwargs}


@lru_cache
def _before_out(func: Callable) -> int:
    """How many arguments of a function stay in their places: two, if `out` is none of them, or all."""
    names = _parameters(func)
    return min(2, names.index("out")) if "out" in names else sys.maxsize


@lru_cache
def _parameters(func: Callable) -> list[str]:
    try:
        parameters = inspect.signature(func).parameters.values()
        return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
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
    return SCIPY.get(ufunc.__name__) if _is_of_scipy(ufunc) else None


def _is_of_scipy(ufunc: Any) -> bool:
    """Whether `ufunc` is one of scipy.special, where it may stand under another name than its own."""
    found = [sys.modules.get(name) for name in ("scipy.special", "scipy.special._ufuncs")]
    return any([getattr(module, ufunc.__name__, None) is ufunc for module in found])


def function_names() -> list[str]:
    """Of all functions of NumPy that take Tensors, but for ufuncs' methods."""
    return sorted({fn.__name__ for fn in FUNCTIONS if dialect.home_of(fn.__name__)})


def unsupported(name: str) -> TypeError:
    """What to raise for a function of NumPy that has no gradient here."""
    last = name.rpartition(".")[2]
    method = name.count(".") == 2 and last in ("reduce", "accumulate", "reduceat", "at")  # of a ufunc
    near = "" if method else dialect.nearest(last, SCIPY if "scipy" in name else function_names())
    return TypeError(
        f"{name} has no gradient here, and a Tensor among its arguments requires one. Where none is wanted, "
        "pass it .detach()ed" + (f"; or use one of: {near}." if near else ".")
    )
