"""From the facts that stand on ops to Tensor's operators and methods, and to NumPy's protocols."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from . import dialect, fft, inplace, linalg, ops, special, writing
from .arguments import attribute, number
from .arrays import ArrayLike, DTypeLike, is_array
from .bound import Bound
from .constant import constant
from .ops.exponential import LN2
from .protocols import FUNCTIONS, SCIPY, array_function, array_ufunc, missing_attribute
from .tensor import Tensor
from .views import mark_view

OPERANDS = (Tensor, np.ndarray, np.generic, int, float, list, tuple)
IN_PLACE = """

In place: into this Tensor's memory or, with a graph, this Tensor becomes the result.
ValueError for a result of another shape, TypeError for a dtype that does not fit or a view with a graph,
RuntimeError for a leaf that requires a gradient, except under no_grad()."""
ONE_WAY = ("lt", "le", "gt", "ge", "eq", "ne", "and", "or", "xor")  # bound as `a < b` alone


def operators(fn: Callable) -> tuple[Callable, Callable, Callable]:
    """The forms `a + b`, `b + a` and `a += b` of a two-argument function."""
    record = getattr(fn, "record", None)  # None for what is no op

    def forward(a, b):
        if record and type(b) is Tensor:  # the commonest cases: nothing to check or convert
            return record((a.data, b.data), (a.edge, b.edge))
        if record and (type(b) is float or type(b) is int):
            return record((a.data, b), (a.edge, None))
        if record and isinstance(b, np.generic):  # beside a Tensor as weak as a number of Python's
            return record((a.data, number(fn.__name__, b)), (a.edge, None))
        return fn(a, b) if type(b) is Tensor or _is_operand(b) else NotImplemented

    def swapped(a, b):
        if record and (type(b) is float or type(b) is int):
            return record((b, a.data), (None, a.edge))
        return fn(b, a) if _is_operand(b) else NotImplemented

    def in_place(a, b):
        return inplace.assign(a, fn(a, b))

    forward.__doc__ = swapped.__doc__ = inspect.cleandoc(fn.__doc__ or "")
    in_place.__doc__ = forward.__doc__ + IN_PLACE
    return forward, swapped, in_place


def _is_operand(value) -> bool:
    """Whether an operator takes it. Arrays of xarray, which know ufuncs, can hold Tensors: theirs does it."""
    kind: Any = type(value)
    if isinstance(value, OPERANDS) or is_array(value) or hasattr(kind, "__pandas_priority__"):
        return True
    return hasattr(kind, "__array__") and not hasattr(kind, "__array_ufunc__")


# What runs their bodies, for the methods below that are called most.
_OFTEN: list[Any] = [ops.astype, ops.reshape, ops.swapaxes, ops.transpose]
record_astype, record_reshape, record_swapaxes, record_transpose = [fn.record for fn in _OFTEN]


# ndarray's methods and operators whose form differs from that of the function.


def reshape(self, *shape: int | Sequence[int], order: str = "C", copy: bool | None = None) -> Tensor:
    """reshape(2, 3) or reshape((2, 3)): the same numbers in another shape.

    TypeError without a shape.
    """
    if not shape:
        raise TypeError("reshape() takes the new shape: reshape(2, 3), or reshape(-1) for one axis")
    lengths: Any = shape[0] if len(shape) == 1 else shape
    if order != "C" or copy is not None:
        return ops.reshape(self, lengths, order, copy=copy)
    given = lengths if type(lengths) is int else attribute("reshape", lengths)
    return mark_view(record_reshape((self.data,), (self.edge,), (given,)), self)


def astype(
    self,
    dtype: DTypeLike,
    order: str = "K",
    casting: str = "unsafe",
    subok: bool = True,
    copy: bool = True,
) -> Tensor:
    """The same numbers in another dtype, of the same shape; the gradient comes back in the Tensor's own.

    TypeError where a gradient is wanted and `dtype` is no float, or for a cast that `casting` does not allow.
    """
    if copy and order == "K" and casting == "unsafe":
        return record_astype((self.data,), (self.edge,), (dtype,))
    return ops.astype(self, dtype, order=order, casting=casting, copy=copy)


def copy(self, order: str = "C") -> Tensor:
    """The same numbers in memory of their own, of the same shape."""
    return ops.copy(self, order)


def view(self, dtype: DTypeLike | None = None) -> Tensor:
    """The same memory as another Tensor; with a `dtype`, its bytes as numbers of that, for constants.

    TypeError for a shape, which is reshape's, or for another dtype where a gradient is wanted.
    """
    if isinstance(dtype, (int, tuple, list)):
        raise TypeError("view: takes a dtype; for another shape: x.reshape(shape)")
    if dtype is None or np.dtype(dtype) == self.dtype:
        return ops.getitem(self, ...)
    if self.edge is not None:
        raise TypeError("view: bytes seen as another dtype have no gradient; use .detach() for a constant")
    return mark_view(Tensor(self.data.view(dtype)), self)


def fill(self, value: ArrayLike) -> None:
    """Set every element to `value`, one number, as x[...] = value does."""
    inplace.set_item(self, ..., value)


def transpose(self, *axes: int | Sequence[int]) -> Tensor:
    """transpose(), transpose(0, 2, 1) or transpose((0, 2, 1)): the axes in another order, or reversed.

    ValueError for two numbers that PyTorch would take for two axes to exchange, and that move nothing here.
    """
    order: Any = axes[0] if len(axes) == 1 else axes or None
    if len(axes) == 2 and (self.ndim != 2 or axes == (-2, -1)):
        a, b = axes
        raise ValueError(
            f"transpose: takes the order of all {self.ndim} axes, in which {a}, {b} "
            f"{'moves nothing' if self.ndim == 2 else 'is none'}; swapaxes({a}, {b}) exchanges two of them"
        )
    given = attribute("transpose", order)
    return mark_view(record_transpose((self.data,), (self.edge,), (given,)), self)


def swapaxes(self, axis1: int, axis2: int) -> Tensor:
    """The two axes exchanged: of axes 0 and 2, shape (a, b, c) becomes (c, b, a)."""
    return mark_view(record_swapaxes((self.data,), (self.edge,), (axis1, axis2)), self)


def sort(
    self, axis: int = -1, kind: str | None = None, order: None = None, *, stable: bool | None = None
) -> None:
    """Sort the elements along `axis` in place, as ndarray.sort does; np.sort(x) gives a new Tensor.

    RuntimeError for a leaf that requires a gradient, except under no_grad().
    """
    inplace.assign(self, ops.sort(self, axis, kind, order, stable=stable))


def partition(
    self, kth: int | tuple[int, ...], axis: int = -1, kind: str = "introselect", order: None = None
) -> None:
    """Partition the elements along `axis` in place, as ndarray.partition; np.partition gives a new Tensor.

    ValueError for a kth out of range, RuntimeError for a leaf that requires a gradient, except under
    no_grad().
    """
    inplace.assign(self, ops.partition(self, kth, axis, kind, order))


def choose(self, choices: Sequence[ArrayLike], mode: str = "raise") -> Tensor:
    """choices[self[i]][i]: see np.choose; shapes broadcast."""
    return ops.choose(self, choices, mode)


def compress(self, condition: ArrayLike, axis: int | None = None) -> Tensor:
    """The slices along `axis`, or elements, for which `condition` holds: see np.compress, of shape too."""
    return ops.compress(condition, self, axis)


def contains(self, value: ArrayLike) -> bool:
    """Whether an element equals `value`, which broadcasts to the shape."""
    return bool((self == value).any())


def divided(a, b):
    """(a // b, a % b), shapes broadcast."""
    return ops.divmod(a, b) if _is_operand(b) else NotImplemented


def divides(a, b):
    """(b // a, b % a), shapes broadcast."""
    return ops.divmod(b, a) if _is_operand(b) else NotImplemented


def rounded(x, ndigits: int | None = None):
    """round(x, 2): ops.round; without digits an integer of Python's, where x wants no gradient."""
    return ops.round(x, ndigits) if ndigits is not None else round(float(x))


METHODS: dict[str, Callable | property] = {
    "__neg__": ops.negative,
    "__abs__": ops.absolute,
    "__invert__": ops.invert,
    "T": property(
        lambda x: mark_view(record_transpose((x.data,), (x.edge,), (None,)), x),
        doc="The axes reversed: (a, b, c) becomes (c, b, a).",
    ),
    "mT": property(
        lambda x: mark_view(record_swapaxes((x.data,), (x.edge,), (-1, -2)), x),
        doc="The last two axes exchanged: (..., n, m) becomes (..., m, n).",
    ),
    "real": property(ops.real, doc="The real part: a view of all, of the same shape."),
    "imag": property(ops.imag, doc="The imaginary part: zeros, of the same shape."),
    "conj": ops.conjugate,
    "__getitem__": inplace.get_item,
    "__pos__": ops.positive,
    "__setitem__": inplace.set_item,
    "__contains__": contains,
    "__divmod__": divided,
    "__round__": rounded,
    "__rdivmod__": divides,
    "astype": astype,
    "choose": choose,
    "compress": compress,
    "copy": copy,
    "fill": fill,
    "partition": partition,
    "put": writing.put,
    "reshape": reshape,
    "sort": sort,
    "swapaxes": swapaxes,
    "transpose": transpose,
    "view": view,
}


def _sum_of_exponentials(x, axis=0, keepdims=False, *, initial=None, where=True):
    """np.logaddexp.reduce."""
    if where is not True:
        x = ops.where(where, x, -np.inf)
    y = special.logsumexp(x, axis, keepdims=keepdims)
    return y if initial is None else ops.logaddexp(y, initial)


def _sum_of_powers(x, axis=0, keepdims=False, *, initial=None, where=True):
    """np.logaddexp2.reduce."""
    initial = None if initial is None else initial * LN2
    return _sum_of_exponentials(x * LN2, axis, keepdims, initial=initial, where=where) / LN2


def _first_of(fn):
    """fn without its second result."""
    return lambda x, axis=0: fn(x, axis)[0]


# With like= a Tensor they make constant ones.
LIKE: tuple[Callable, ...] = (np.zeros, np.ones, np.empty, np.arange, np.eye, np.identity, np.tri)
LIKE += (np.fromiter, np.fromfunction, np.frombuffer, np.fromstring)

# What NumPy's functions do with Tensors where that is no op.
PROTOCOL: dict[Callable, Callable] = {
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
    np.size: lambda a, axis=None: np.size(a.data, axis),
    np.logaddexp.reduce: _sum_of_exponentials,
    np.logaddexp2.reduce: _sum_of_powers,
    np.maximum.accumulate: _first_of(ops.cummax),
    np.minimum.accumulate: _first_of(ops.cummin),
    **{fn: constant(fn, lossless=False) for fn in LIKE},
    **{fn: constant(fn) for fn in (np.can_cast, np.result_type, np.may_share_memory, np.shares_memory)},
    **{fn: constant(fn) for fn in (np.iscomplexobj, np.isrealobj)},
}


def bind(functions: Iterable[Callable]) -> None:
    """Give Tensor the operators and methods that the facts of these functions ask for, and fill FUNCTIONS."""
    for fn in functions:
        facts = fn.facts  # type: ignore[attr-defined]
        FUNCTIONS.update(dict.fromkeys(facts.numpy, fn))
        if facts.method:
            setattr(Bound, fn.__name__, fn)
        if facts.operator:
            forward, swapped, in_place = operators(fn)
            setattr(Bound, f"__{facts.operator}__", forward)
            if facts.operator not in ONE_WAY:
                setattr(Bound, f"__r{facts.operator}__", swapped)
                setattr(Bound, f"__i{facts.operator}__", in_place)


bind([fn for package in (ops, linalg, fft, special) for fn in vars(package).values() if hasattr(fn, "facts")])
FUNCTIONS.update(PROTOCOL | writing.FUNCTIONS)
SCIPY.update({name: fn for name, fn in vars(special).items() if hasattr(fn, "facts")})
dialect.SPECIAL.update(SCIPY)
SCIPY.update(cbrt=ops.cbrt, exp2=ops.exp2, expm1=ops.expm1, log1p=ops.log1p)
SCIPY.update({"psi": special.digamma, "_zeta": special.zeta})  # names of SciPy's ufuncs that differ
for name, method in METHODS.items():
    setattr(Bound, name, method)
Bound.__array_ufunc__ = array_ufunc  # type: ignore[attr-defined]
Bound.__array_function__ = array_function  # type: ignore[attr-defined]
Bound.__getattr__ = missing_attribute  # type: ignore[attr-defined]
