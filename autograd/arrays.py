"""What counts as an array, and the seam for arrays of others that speak NumPy's protocols."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy import ndarray

from .modes import rerunning

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike  # a Tensor is ArrayLike by its __array__

    Axes: TypeAlias = int | tuple[int, ...] | None
    Shape: TypeAlias = int | Sequence[int]
else:
    ArrayLike = Axes = DTypeLike = Shape = Any

__all__ = ["HALF", "ArrayLike", "Axes", "DTypeLike", "Shape", "as_array", "drawn", "draws", "is_array"]
__all__ += ["change", "keeping", "kept", "opaque", "working"]

HALF = np.dtype(np.float16)


def working(dtype: np.dtype) -> np.dtype:
    """The dtype to sum numbers of `dtype` in: float32 for float16, float64 for whole numbers, else itself."""
    return np.dtype(np.float32 if dtype == HALF else dtype if dtype.kind == "f" else np.float64)


def is_array(value) -> bool:
    """Whether `value` is an array: NumPy's, or of a library that speaks its protocols.

    Subclasses of ndarray (matrices, masked arrays) have rules of their own and are turned into ndarrays, but
    for those that have an `opaque_call`. A Tensor is no array: it has one.
    """
    kind: Any = type(value)
    return kind is ndarray or _is_array_type(kind)


@lru_cache(maxsize=256)
def _is_array_type(kind: Any) -> bool:
    if issubclass(kind, ndarray):
        return hasattr(kind, "opaque_call")
    return hasattr(kind, "__array_function__") and not hasattr(kind, "requires_grad")


def as_array(value, dtype=None) -> ndarray:
    """`value` as an array, itself if it is one already; np.asarray of all else."""
    if not is_array(value):
        if isinstance(value, ndarray) and hasattr(value, "filled"):
            raise TypeError("a masked array would lose its mask; use .filled(value), or np.where(mask, ...)")
        return np.asarray(value, dtype=dtype)
    if type(value) is not ndarray and getattr(value, "weak", False):  # it stands for a scalar
        value = value.view()
    return value if dtype is None or value.dtype == dtype else value.astype(dtype)


def opaque(fn: Callable[..., None]) -> Callable[..., None]:
    """For a function that writes into arrays it is given: to whoever traces NumPy's calls it is one call.

    What it does inside may depend on the numbers, unlike what is traced call by call. An array that traces
    has a method `opaque_call(fn, args)`; the first of `args` decides.
    """

    @wraps(fn)
    def call(*args) -> None:
        if type(args[0]) is ndarray:
            fn(*args)
        elif hasattr(args[0], "opaque_call"):
            args[0].opaque_call(fn, args)
        else:
            token = rerunning.set(False)
            try:
                fn(*args)
            finally:
                rerunning.reset(token)

    return call


# Set by whoever traces NumPy's calls: how random numbers get into what is traced, with arguments as `drawn`.
draws: ContextVar[Callable[..., ndarray] | None] = ContextVar("draws", default=None)


def drawn(fn: Callable[..., ndarray], *args) -> ndarray:
    """fn(*args), random numbers that are to be drawn anew each time, though a program be replayed."""
    draw = draws.get()
    return fn(*args) if draw is None else draw(fn, *args)


# Set by whoever traces NumPy's calls, or wants to undo them: what is done with arrays that outlive a call and
# change with it, such as running statistics. It has the methods `read` and `change`, as below.
keeping: ContextVar[Any] = ContextVar("keeping", default=None)


def kept(array: ndarray) -> ndarray:
    """`array`, of which a program is to read what it holds when it is replayed."""
    keeper = keeping.get()
    return array if keeper is None else keeper.read(array)


def change(fn: Callable[..., None], targets: Sequence[ndarray | None], *args) -> None:
    """fn(targets, *args), which writes into `targets`, arrays that outlive the call: a replay does it too."""
    keeper = keeping.get()
    if keeper is None:
        fn(targets, *args)
    else:
        keeper.change(fn, targets, *args)
