"""Functions whose numbers are SciPy's, and how the ops here call one another inside their bodies."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from ..arguments import attribute
from ..arrays import ArrayLike, as_array, working
from ..elementwise import Unary, elementwise
from ..kernels import CHUNK, blocks
from ..modes import current
from ..op import F, composed, op
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


def of_scipy_or(otherwise: Any, name: str) -> Any:
    """scipy.special's function of this name, or where SciPy is not installed, `otherwise`."""
    try:
        return of_scipy(name)
    except ImportError:
        return otherwise


def inside(op: Any) -> Callable[..., Any]:
    """`op` as bodies call it: of arrays its result alone; of Tensors, on which bodies run again, the op.

    Thus the slope of one function is written as another, and has the derivatives of that.
    """

    def call(*args):
        return op(*args) if any([isinstance(a, Tensor) for a in args]) else op.body(*args)[0]

    return call


def in_blocks(kernel: Callable, x: Any) -> Any:
    """kernel(x), of a large array a part at a time, so that what it makes on its way stays in the cache."""
    if type(x) is not np.ndarray or x.size <= CHUNK // 4:
        return kernel(x)
    flat = x.reshape(-1)
    y = np.empty_like(flat)
    for block in blocks(x.size, 1, CHUNK // 4):
        y[block] = kernel(flat[block])
    return y.reshape(x.shape)


def special_function(
    kernel: Callable,
    *,
    name: str,
    flops: float = 20,
    needs_scipy: bool = False,
    blocked: bool = True,
    **facts: Any,
) -> Unary:
    """`elementwise`, of a kernel for arrays of float32 and float64 that need not be plain NumPy.

    float16 is computed in float32, whole numbers in float64. Of Tensors the kernel is the op itself.
    `blocked` is for kernels that make arrays on their way.
    """

    def values(x):
        if isinstance(x, Tensor):
            return made(x)
        if x.dtype.char in "fd":
            return in_blocks(kernel, x) if blocked else kernel(x)
        y = kernel(x.astype(checked(x.dtype)))
        return y.astype(x.dtype) if x.dtype.kind == "f" else y

    made: Any = elementwise(values, name=name, flops=flops, **facts)
    if needs_scipy:
        made.__doc__ = made.body.__doc__ = made.__doc__ + " Needs SciPy."
    made.__module__ = made.body.__module__ = sys._getframe(1).f_globals["__name__"]  # for pickle
    return made


def borrowed(name: str, **facts: Any) -> Unary:
    """An elementwise op whose values are those of SciPy's function of this name."""
    made = special_function(lambda x: of_scipy(name)(x), name=name, needs_scipy=True, blocked=False, **facts)
    made.__module__ = made.body.__module__ = sys._getframe(1).f_globals["__name__"]
    return made


class Beside(Protocol):
    """A public function of a parameter that has no gradient, and of an array that has one."""

    def __call__(self, order: ArrayLike, x: ArrayLike, /) -> Tensor: ...


def op_beside(name: str, *, slope: Callable, values: Callable | None = None) -> Any:
    """An op of x and a tuple of numbers or arrays without gradients: SciPy's function of all these, x last.

    `slope(a, b, x)` is its derivative, `values(a, b, x)` computes it, in float64, where SciPy has none.
    """

    def body(x, beside):
        y = made(x, beside) if isinstance(x, Tensor) else compute(x, beside)

        def backward(g):
            return (g * slope(*beside, x),)

        return y, backward

    def compute(x, beside):
        wide = x.astype(np.float64 if values else checked(x.dtype))
        beside = [a.astype(wide.dtype) if hasattr(a, "dtype") else float(a) for a in beside]
        y = (values or of_scipy(name))(*beside, wide)
        return y if x.dtype.kind != "f" else y.astype(x.dtype)

    body.__name__ = body.__qualname__ = f"_{name}"
    body.__module__ = sys._getframe(1).f_globals["__name__"]  # for pickle
    made = op(inputs=1, flops=40)(body)
    return made


def at(op: Any, *args: Any) -> Any:
    """An op by `op_beside` as slopes call it, x last."""
    return inside(op)(args[-1], args[:-1])


def borrowed_beside(made: Any, parameters: str, *, doc: str, whole: bool = False) -> Any:
    """The public function of an op by `op_beside`, with SciPy's parameters, "v z".

    `whole` is for orders that have to be whole numbers.
    """
    name = made.__name__
    *names, last = parameters.split()

    def call(*args, **kwargs):
        try:
            *beside, x = signature.bind(*args, **kwargs).args
        except TypeError as error:
            raise TypeError(f"{name}({', '.join([*names, last])}): {error}") from None
        beside = [_without_gradient(name, p, a, whole) for p, a in zip(names, beside, strict=True)]
        floats = [a for a in beside if hasattr(a, "dtype") and a.dtype.kind == "f"]
        if floats and isinstance(x, (int, float)):  # a number is of their dtype
            x = np.full_like(floats[0], x, shape=())
        return made(x, tuple(beside))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    given = [inspect.Parameter(p, kind, annotation="ArrayLike") for p in [*names, last]]
    call.__dict__["__signature__"] = signature = inspect.Signature(given, return_annotation="Tensor")
    call.__name__ = call.__qualname__ = name
    call.__module__ = sys._getframe(1).f_globals["__name__"]
    refused = " or ".join(names)
    call.__doc__ = f"{doc}\n\nNeeds SciPy. TypeError where {refused} wants a gradient, ValueError"
    call.__doc__ += f"\n{f'where {refused} is not whole, or ' if whole else ''}where shapes do not broadcast."
    return composed(inputs=0)(call)


def _without_gradient(name: str, parameter: str, value: Any, whole: bool) -> Any:
    """An argument of an op that is no input: a number or an array."""
    if isinstance(value, Tensor) and value.edge is not None:
        if current.get().grad:
            raise TypeError(f"{name} has no gradient in {parameter}; pass it .detach()ed")
        value = value.data
    value = as_array(value) if isinstance(value, (list, tuple)) else attribute(name, value)
    if isinstance(value, complex) or not hasattr(value, "dtype") and not isinstance(value, (int, float)):
        raise TypeError(f"{name}: {parameter} is a number or an array, not {value!r}")
    if whole and not np.all(value == np.rint(value)):
        raise ValueError(f"{name}: {parameter} is a whole number, not {value}")
    return value.astype(np.int64) if hasattr(value, "dtype") and value.dtype.kind in "bu" else value


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
