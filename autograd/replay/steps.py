"""Steps of a program, and what they are made with: memory, plain arrays, checks of conditions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy import ndarray

Step = tuple[Callable, tuple]
ALIGNMENT = 64  # bytes, a cache line


class DivergedError(Exception):
    """A condition has another outcome than in the capture."""


def aligned(size: int) -> ndarray:
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size]


def put(out: ndarray, fn: Callable, args: tuple, kwargs: dict) -> None:
    result = fn(*args, **kwargs)
    if np.shape(result) != out.shape:
        raise DivergedError
    out[...] = result


def put_each(outs: list[ndarray], fn: Callable, args: tuple, kwargs: dict) -> None:
    for out, result in zip(outs, fn(*args, **kwargs), strict=True):
        if np.shape(result) != out.shape:
            raise DivergedError
        out[...] = result


def check(array: ndarray, expected: bool) -> None:
    if bool(array) is not expected:
        raise DivergedError


def with_arrays(args: tuple) -> tuple:
    """Operands of a ufunc, Python's numbers turned into 0-d arrays, which it takes twice as fast.

    Only beside arrays of one float dtype, which decides what a number means there.
    """
    dtypes = {a.dtype for a in args if isinstance(a, ndarray)}
    if len(dtypes) != 1 or next(iter(dtypes)).kind != "f":
        return args
    (dtype,) = dtypes
    return tuple([np.asarray(a, dtype) if type(a) in (float, int) else a for a in args])


def flattened(value) -> list:
    """All that is in lists and tuples inside `value`, or itself."""
    if isinstance(value, (list, tuple)):
        return [array for item in value for array in flattened(item)]
    return [value]


def is_view(result, sources: list[ndarray]) -> bool:
    if not isinstance(result, ndarray):
        return False
    return not result.size or any(np.may_share_memory(result, source) for source in sources)
