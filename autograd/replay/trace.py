"""Capturing what NumPy computes, as a list of calls that can be made again in the same memory.

A `Traced` array is an ndarray that notes each NumPy call in which it takes part: the function, and the arrays
it read and wrote. Code that is plain NumPy, as the ops are, needs to know nothing of it.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy import ndarray


class NotReplayableError(Exception):
    """Something that a list of NumPy calls cannot do again; says what."""


class DivergedError(Exception):
    """A condition has another outcome than in the capture."""


Step = tuple[Callable, tuple]
capturing: ContextVar[Capture | None] = ContextVar("capturing", default=None)
ALIGNMENT = 64  # bytes, a cache line


class Capture:
    """The calls so far, and the memory that they use.

    Memory that no Traced array uses any more is given to the next one of its size, as malloc would do: what
    is done in the same order may use the same memory.
    """

    def __init__(self, placed: dict[int, ndarray] | None = None) -> None:
        self.steps: list[Step] = []
        self.draws = False  # whether random numbers are drawn
        self.made = 0  # arrays so far
        self._placed = placed or {}  # memory for some of them, by their number
        self._free: dict[int, list[ndarray]] = {}
        self._refs: dict[int, weakref.ref] = {}

    def like(self, array: ndarray) -> Traced:
        """A Traced array of the same shape, dtype and order of axes in memory; what it holds is undefined."""
        size, dense = array.nbytes, np.empty_like(array, subok=False)
        free = self._free.setdefault(size, [])
        memory = self._placed.get(self.made)
        if memory is None:
            memory = free.pop() if free else _aligned(size)
        made = Traced(array.shape, array.dtype, memory, strides=dense.strides)
        made.number = self.made
        self.made += 1
        key = id(made)

        def freed(_) -> None:
            del self._refs[key]
            free.append(memory)

        self._refs[key] = weakref.ref(made, freed)
        return made

    def copy(self, array: ndarray) -> Traced:
        """The same numbers in memory of the capture's own; the copying itself is not captured."""
        made = self.like(array)
        bare(made)[...] = array
        return made

    def draw(self, fn: Callable[..., ndarray], *args) -> Traced:
        """fn(*args), random numbers that each replay draws anew."""
        made = self.copy(fn(*args))
        self.draws = True
        self.note(_put, (bare(made), fn, args, {}))
        return made

    def note(self, fn: Callable, args: tuple, kwargs: dict[str, Any] | None = None) -> None:
        self.steps.append((functools.partial(fn, **kwargs) if kwargs else fn, args))


def _aligned(size: int) -> ndarray:
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size]


def active() -> Capture:
    found = capturing.get()
    if found is None:
        raise NotReplayableError("an array of a capture is used after its end")
    return found


def bare(value):
    """`value`, with the Traced arrays in it as plain ones over the same memory."""
    if isinstance(value, Traced):
        return value.view(ndarray)
    if type(value) in (tuple, list):
        return type(value)(map(bare, value))
    return value


def _put(out: ndarray, fn: Callable, args: tuple, kwargs: dict) -> None:
    result = fn(*args, **kwargs)
    if np.shape(result) != out.shape:
        raise DivergedError
    out[...] = result


def _check(array: ndarray, expected: bool) -> None:
    if bool(array) is not expected:
        raise DivergedError


# Functions of shapes and dtypes: what they give holds for other numbers too.
OF_FORM = (np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.may_share_memory, np.shares_memory)
NAMED_OUT = (np.maximum, np.minimum)  # which may get more operands one day
WITH_OUT = (np.concatenate, np.stack)
FILLED = {np.zeros_like: 0, np.ones_like: 1}


class Traced(ndarray):
    """An array whose part in NumPy's calls is captured; it has its numbers, like any other."""

    number = -1  # of an array with memory of its own: how many were made before
    _owner: Any = None

    def __array_finalize__(self, parent) -> None:
        if isinstance(parent, Traced) and self.flags.owndata:  # new numbers, made by none of the ways below
            raise NotReplayableError("a method of ndarray was called that is not captured")

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        given, kwargs = bare(inputs), {key: bare(value) for key, value in kwargs.items()}
        call = getattr(ufunc, method)
        if method == "at":
            call(*given)
            active().note(call, given)
            return None
        if method not in ("__call__", "reduce") or ufunc.nout > 1:
            raise NotReplayableError(f"np.{ufunc.__name__}.{method} is not captured")
        if out is not None:
            (target,) = out
            call(*given, out=bare(target), **kwargs)
        else:
            target = active().copy(np.asarray(call(*given, **kwargs)))
        if method == "reduce":
            active().note(call, given, kwargs | {"out": bare(target)})
        elif ufunc in NAMED_OUT:
            active().note(ufunc, given, kwargs | {"out": bare(target)})
        else:  # an `out` in its place is found faster than by its name
            active().note(ufunc, (*_numbers_as_arrays(given), bare(target)), kwargs)
        return target

    def __array_function__(self, func, types, args, kwargs):
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
        sources = [a for a in _arrays(list(given)) if isinstance(a, ndarray)]
        if result is not None and all(_is_view(r, sources) for r in _arrays(result)):
            return _views(result, args)
        if not isinstance(result, (ndarray, np.generic)):
            raise NotReplayableError(f"np.{func.__name__} is not captured")
        made = active().copy(np.asarray(result))
        if func in WITH_OUT:
            active().note(func, given, named | {"out": bare(made)})
        else:
            active().note(_put, (bare(made), func, given, named))
        return made

    def opaque_call(self, fn, args) -> None:
        given = bare(args)
        fn(*given)
        active().note(fn, given)

    # ------------------------------------------------------------------ methods that may copy

    def _made_by(self, fn: Callable, *args, **kwargs) -> Traced:
        """What a method gives: a view as it is, other numbers with a note of how they were made."""
        source = bare(self)
        result = np.asarray(fn(source, *bare(args), **kwargs))
        if _is_view(result, [source]):
            return _views(result, self)
        made = active().copy(result)
        active().note(_put, (bare(made), fn, (source, *bare(args)), kwargs))
        return made

    def __getitem__(self, index):
        return self._made_by(ndarray.__getitem__, index)

    def __setitem__(self, index, value) -> None:
        call = bare(self), bare(index), bare(value)
        ndarray.__setitem__(*call)
        active().note(ndarray.__setitem__, call)

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

    # ------------------------------------------------------------------ numbers that Python looks at

    def __bool__(self) -> bool:
        value = bool(bare(self))
        active().note(_check, (bare(self), value))
        return value

    def _number(self, *_):
        raise NotReplayableError(
            "a number of an array is read into Python, which would be the same each time"
        )

    __float__ = __int__ = __index__ = __complex__ = item = tolist = _number


def _numbers_as_arrays(args: tuple) -> tuple:
    """Operands of a ufunc, Python's numbers turned into 0-d arrays, which it takes twice as fast.

    Only beside arrays of one float dtype, which decides what a number means there.
    """
    dtypes = {a.dtype for a in args if isinstance(a, ndarray)}
    if len(dtypes) != 1 or next(iter(dtypes)).kind != "f":
        return args
    (dtype,) = dtypes
    return tuple([np.asarray(a, dtype) if type(a) in (float, int) else a for a in args])


def _arrays(value) -> list:
    """All that is in lists and tuples inside `value`, or itself."""
    if isinstance(value, (list, tuple)):
        return [array for item in value for array in _arrays(item)]
    return [value]


def _is_view(result, sources: list[ndarray]) -> bool:
    if not isinstance(result, ndarray):
        return False
    return not result.size or any(np.may_share_memory(result, source) for source in sources)


def _views(result, owner):
    """Plain views as Traced ones; the memory is in use as long as they are, so they hold on to its owner."""
    if isinstance(result, (list, tuple)):
        return type(result)([_views(r, owner) for r in result])
    made = result.view(Traced)
    made._owner = owner
    return made
