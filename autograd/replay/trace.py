"""Capturing what NumPy computes, as a list of calls that can be made again in the same memory.

A `Traced` array is an ndarray that notes each NumPy call in which it takes part: the function, and the arrays
it read and wrote. Code that is plain NumPy, as the ops are, needs to know nothing of it.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy import ndarray

from ..tensor import Tensor
from .steps import DivergedError as DivergedError
from .steps import Step, aligned, check, flattened, is_view, put, put_each, with_arrays


class NotReplayableError(Exception):
    """Something that a list of NumPy calls cannot do again; says what.

    The capture in which it is made remembers it: the captured code may catch it and do something else.
    """

    def __init__(self, reason: object):
        super().__init__(reason)
        capture = capturing.get()
        if capture is not None:
            capture.refusal = capture.refusal or self


capturing: ContextVar[Capture | None] = ContextVar("capturing", default=None)


class Capture:
    """The calls so far, and the memory that they use.

    Memory that no Traced array uses any more is given to the next one of its size, as malloc would do: what
    is done in the same order may use the same memory.
    """

    def __init__(self, placed: dict[int, ndarray] | None = None) -> None:
        self.steps: list[Step] = []
        self.draws = False  # whether random numbers are drawn
        self.made = 0  # arrays so far
        self.refusal: NotReplayableError | None = None
        self.views: dict[int, Traced] = {}  # of arrays of Tensors, by id
        self.changed: dict[int, ndarray] = {}  # arrays that outlive a run, which each run changes, by id
        self._placed = placed or {}  # memory for some of them, by their number
        self._free: dict[int, list[ndarray]] = {}
        self._refs: dict[int, weakref.ref] = {}

    def like(self, array: ndarray) -> Traced:
        """A Traced array of the same shape, dtype and order of axes in memory; what it holds is undefined."""
        size, dense = array.nbytes, np.empty_like(array, subok=False)
        free = self._free.setdefault(size, [])
        memory = self._placed.get(self.made)
        if memory is None:
            memory = free.pop() if free else aligned(size)
        made = Traced(array.shape, array.dtype, memory, strides=dense.strides)
        made.number = self.made
        self.made += 1
        key = id(made)

        def freed(_) -> None:
            del self._refs[key]
            free.append(memory)

        self._refs[key] = weakref.ref(made, freed)
        return made

    def copy(self, result) -> Traced:
        """The same numbers in memory of the capture's own; the copying itself is not captured."""
        array = np.asarray(result)
        made = self.like(array)
        made.weak = isinstance(result, np.generic)
        bare(made)[...] = array
        return made

    def draw(self, fn: Callable[..., ndarray], *args) -> Traced:
        """fn(*args), random numbers that each replay draws anew."""
        made = self.copy(fn(*args))
        self.draws = True
        self.note(put, (bare(made), fn, args, {}))
        return made

    def read(self, array: ndarray) -> Traced:
        """`array`, read at each replay where it is."""
        return self.views.setdefault(id(array), array.view(Traced))

    def change(self, fn: Callable[..., None], targets: Sequence[ndarray | None], *args) -> None:
        """fn(targets, *args), which each replay does to the same targets."""
        given = bare(args)
        fn(targets, *given)
        self.changed.update({id(target): target for target in targets if target is not None})
        self.note(fn, (targets, *given))

    def note(self, fn: Callable, args: tuple, kwargs: dict[str, Any] | None = None) -> None:
        self.steps.append((functools.partial(fn, **kwargs) if kwargs else fn, args))


def active() -> Capture:
    found = capturing.get()
    if found is None:
        raise NotReplayableError("an array of a capture is used after its end")
    return found


def bare(value):
    """`value`, with Traced arrays in it, and those of constant Tensors, as plain ones over their memory."""
    if isinstance(value, Traced):
        return value.view(ndarray)
    if isinstance(value, Tensor) and value.edge is None:
        return bare(value.data)
    if type(value) in (tuple, list):
        return type(value)(map(bare, value))
    if type(value) is slice:
        return slice(bare(value.start), bare(value.stop), bare(value.step))
    return value


# Functions of shapes and dtypes: what they give holds for other numbers too.
OF_FORM = (np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.may_share_memory, np.shares_memory)
NAMED_OUT = (np.maximum, np.minimum)  # which may get more operands one day
WITH_OUT = (np.concatenate, np.stack)
FILLED = {np.zeros_like: 0, np.ones_like: 1}
# ndarray's methods beside those that NumPy makes of ufuncs: with new numbers as result, and in place.
NEW = [ndarray.argmax, ndarray.argmin, ndarray.argpartition, ndarray.argsort, ndarray.choose]
NEW += [ndarray.compress, ndarray.dot, ndarray.flatten, ndarray.round, ndarray.searchsorted, ndarray.trace]
IN_PLACE = (ndarray.partition, ndarray.put, ndarray.sort)
NUMBERS = ("__float__", "__int__", "__index__", "__complex__", "item", "tolist")
# What gives the numbers in a form that cannot be followed, or changes what memory means.
CLOSED = (
    "__array__",
    "byteswap",
    "dump",
    "dumps",
    "nonzero",
    "resize",
    "setfield",
    "tobytes",
    "tofile",
    "tostring",
)


class Traced(ndarray):
    """An array whose part in NumPy's calls is captured; it has its numbers, like any other."""

    number = -1  # of an array with memory of its own: how many were made before
    weak = False  # whether NumPy would give a scalar, which does not widen a Tensor
    _owner: Any = None

    def __array_finalize__(self, parent) -> None:
        if isinstance(parent, Traced):
            if self.flags.owndata:  # new numbers, made by none of the ways below
                raise NotReplayableError("a method of ndarray was called that is not captured")
            self._owner = parent  # ndarray.squeeze gives a view whose base is the memory alone

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        if any([_has_rules(type(a), "__array_ufunc__") for a in (*inputs, *(out or ()), *kwargs.values())]):
            return NotImplemented
        given, kwargs = bare(inputs), {key: bare(value) for key, value in kwargs.items()}
        call = getattr(ufunc, method)
        if method == "at":
            call(*given)
            active().note(call, given)
            return None
        if ufunc.nout > 1:
            raise NotReplayableError(f"np.{ufunc.__name__}, which has two results, is not captured")
        if out is not None:
            (target,) = out
            call(*given, out=bare(target), **kwargs)
        else:
            target = active().copy(call(*given, **kwargs))
        if method != "__call__":
            active().note(call, given, kwargs | {"out": bare(target)})
        elif ufunc in NAMED_OUT:
            active().note(ufunc, given, kwargs | {"out": bare(target)})
        else:  # an `out` in its place is found faster than by its name
            active().note(ufunc, (*with_arrays(given), bare(target)), kwargs)
        return target

    def __array_function__(self, func, types, args, kwargs):
        if any([_has_rules(kind, "__array_function__") for kind in types]):
            return NotImplemented
        given, named = bare(args), {key: bare(value) for key, value in kwargs.items()}
        result = func(*given, **named)
        if func in OF_FORM:
            return result
        if result is None or named.get("out") is not None:  # it wrote into an array that was given
            active().note(func, given, named)
            return kwargs.get("out")
        if func is np.empty_like:
            return active().like(result)
        if func in FILLED or func is np.full_like:
            made = active().copy(result)
            value = FILLED[func] if func in FILLED else kwargs.get("fill_value", *args[1:2])
            active().note(ndarray.fill, (bare(made), bare(value)))
            return made
        sources = [a for a in flattened(list(given)) if isinstance(a, ndarray)]
        if result is not None and all(is_view(r, sources) for r in flattened(result)):
            return _views(result, args)
        if isinstance(result, tuple) and func.__module__ == "numpy.linalg":  # as many, of the same shapes
            parts = [active().copy(r) for r in result]
            active().note(put_each, (bare(parts), func, given, named))
            return result._make(parts) if hasattr(result, "_make") else tuple(parts)
        if not isinstance(result, (ndarray, np.generic)):
            raise NotReplayableError(f"np.{func.__name__} is not captured")
        made = active().copy(result)
        if func in WITH_OUT and named.get("dtype") is None:  # NumPy takes one of the two
            active().note(func, given, named | {"out": bare(made)})
        else:
            active().note(put, (bare(made), func, given, named))
        return made

    def opaque_call(self, fn, args) -> None:
        given = bare(args)
        fn(*given)
        active().note(fn, given)

    # ------------------------------------------------------------------ methods that may copy

    def _made_by(self, fn: Callable, *args, **kwargs) -> Traced:
        """What a method gives: a view as it is, other numbers with a note of how they were made."""
        source, args, kwargs = bare(self), bare(args), {key: bare(value) for key, value in kwargs.items()}
        result = fn(source, *args, **kwargs)
        if is_view(result, [source]):
            return _views(result, self)
        made = active().copy(result)
        active().note(put, (bare(made), fn, (source, *args), kwargs))
        return made

    def _done_by(self, fn: Callable, *args, **kwargs) -> None:
        """What a method does in place."""
        call, kwargs = (bare(self), *bare(args)), {key: bare(value) for key, value in kwargs.items()}
        fn(*call, **kwargs)
        active().note(fn, call, kwargs)

    def __getitem__(self, index):
        return self._made_by(ndarray.__getitem__, index)

    def __setitem__(self, index, value) -> None:
        self._done_by(ndarray.__setitem__, index, value)

    def __iter__(self):
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __contains__(self, value) -> bool:
        return bool((self == value).any())

    def reshape(self, *shape, **kwargs):
        return self._made_by(ndarray.reshape, *shape, **kwargs)

    def astype(self, dtype, **kwargs):  # type: ignore[override]
        return self._made_by(ndarray.astype, dtype, **kwargs)

    def copy(self, order="C"):
        return self._made_by(ndarray.copy, order)

    def take(self, indices, axis=None):  # type: ignore[override]
        return self._made_by(ndarray.take, indices, axis)

    def ravel(self, order="C"):
        return self._made_by(ndarray.ravel, order)

    def fill(self, value) -> None:
        self[...] = value

    # ------------------------------------------------------------------ what Python looks at

    def __bool__(self) -> bool:
        value = bool(bare(self))
        active().note(check, (bare(self), value))
        return value

    def _refused(self, *_, **__):
        raise NotReplayableError("an array is read as bytes, as a plain array or one number after the other")

    flat = property(_refused)


def _number(method: Callable) -> Callable:
    """In place of a method that gives a number, which also has to be refused where ndarray refuses it."""

    def number(self, *args):
        method(bare(self), *args)
        raise NotReplayableError(
            "a number of an array is read into Python, which would be the same each time"
        )

    return number


for name in NUMBERS:
    setattr(Traced, name, _number(getattr(ndarray, name)))
for method in NEW:
    setattr(Traced, method.__name__, functools.partialmethod(Traced._made_by, method))
for writing in IN_PLACE:
    setattr(Traced, writing.__name__, functools.partialmethod(Traced._done_by, writing))
for name in CLOSED:
    setattr(Traced, name, Traced._refused)


def _has_rules(kind: Any, protocol: str) -> bool:
    """Whether arrays of this type, as Tensors, have the first say in what NumPy does with them."""
    return hasattr(kind, protocol) and not issubclass(kind, ndarray)


def _views(result, owner):
    """Plain views as Traced ones; the memory is in use as long as they are, so they hold on to its owner."""
    if isinstance(result, (list, tuple)):
        parts = [_views(r, owner) for r in result]
        return result._make(parts) if hasattr(result, "_make") else type(result)(parts)
    made = result.view(Traced)
    made._owner = owner
    return made
