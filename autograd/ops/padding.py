"""Surrounding an array with more numbers, in every way NumPy has."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import tensor_of
from ..arrays import ArrayLike, as_array
from ..modes import current
from ..op import composed, op
from ..tensor import Tensor
from .arithmetic import add, multiply
from .axes import axis_of
from .extrema import max, min
from .index import getitem, take
from .joining import concatenate
from .median import median
from .reduce import mean
from .reflection import odd
from .shape import broadcast_to

STATISTICS = {"maximum": max, "minimum": min, "mean": mean, "median": median}
TAKES = {"constant": "constant_values", "linear_ramp": "end_values"}  # the argument of a mode
TAKES |= dict.fromkeys(STATISTICS, "stat_length")
TAKES |= dict.fromkeys(("reflect", "symmetric"), "reflect_type")
MODES = [*TAKES, "edge", "wrap", "empty"]


@composed(numpy=np.pad)
def pad(x: ArrayLike, pad_width: Any, mode: str = "constant", **kwargs: Any) -> Tensor:
    """x surrounded with other numbers; `pad_width` is a number, (before, after), or one pair for each axis.

    An axis of length n gets n + before + after in the result's shape. The modes and their arguments are those
    of np.pad: `constant_values`, `end_values` of "linear_ramp", `stat_length` of "maximum", "minimum", "mean"
    and "median", `reflect_type`. What is made of elements of x has its gradient. ValueError for an argument
    that a mode does not take, and where a gradient is wanted for a mode that is a function; TypeError for
    widths that are no whole numbers.
    """
    array = tensor_of(x)
    widths = _widths(array, pad_width, mode)
    if not callable(mode) and set(kwargs) - {TAKES.get(mode)}:
        raise ValueError(f"pad: mode {mode!r} takes no {', '.join(set(kwargs) - {TAKES.get(mode)})}")
    if mode in ("constant", "empty") or not array.ndim:
        return _pad(array, widths, mode, kwargs.get("constant_values", 0))
    if not (array.requires_grad and current.get().grad):
        return Tensor(np.pad(array.data, widths, mode, **kwargs))
    if callable(mode):
        raise ValueError(f"pad: mode {mode!r} has no gradient here; use .detach() for a constant")
    if not any(map(any, widths)):
        return array.copy()
    if mode in ("edge", "reflect", "symmetric", "wrap"):
        move = odd if kwargs.get("reflect_type", "even") == "odd" else _even
        for axis, width in enumerate(widths):
            if any(width):
                array = move(array, axis, width, mode)
        return array
    given = _pairs(kwargs.get(TAKES[mode], 0 if mode == "linear_ramp" else None), array.ndim)
    for axis, width in enumerate(widths):
        if not any(width):
            continue
        if mode == "linear_ramp":
            sides = [_ramp(array, axis, i, width[i], given[axis][i]) for i in (0, 1)]
        else:
            sides = [_summary(array, axis, i, width[i], mode, given[axis][i]) for i in (0, 1)]
        array = concatenate([sides[0], array, sides[1]], axis)
    return array


def _widths(x: Tensor, pad_width: Any, mode: Any) -> list:
    """(before, after) of each axis, where they are whole numbers and the mode has something to go on."""
    if not callable(mode) and mode not in MODES:
        raise ValueError(f"pad: mode {mode!r} is none of {', '.join(MODES)}")
    parts = list(pad_width.values()) if isinstance(pad_width, dict) else [pad_width]
    if any(as_array(part).dtype.kind not in "iu" for part in parts):
        raise TypeError(f"pad: pad_width is of whole numbers, not {pad_width}")
    widths = _pairs(pad_width, x.ndim)
    if any(n < 0 for pair in widths or _pairs(pad_width, 1) for n in pair):
        raise ValueError(f"pad: pad_width is at least 0, not {pad_width}")
    for axis, width in enumerate(widths):
        if any(width) and not x.shape[axis] and mode not in ("constant", "empty") and not callable(mode):
            raise ValueError(f"pad: mode {mode!r} finds nothing on axis {axis} of shape {x.shape}")
    return widths


def _even(x, axis, width, mode):
    """x with an axis padded by elements of it: each place there is that of an element of x."""
    return take(x, np.pad(np.arange(x.shape[axis], like=x.data), width, mode), axis)


def _pairs(value: Any, ndim: int) -> list:
    """(before, after) of each axis, as NumPy reads it; of a dict, 0 for axes that are not named."""
    if isinstance(value, dict):
        named = {axis_of("pad: pad_width", axis, ndim): pair for axis, pair in value.items()}
        value = [np.broadcast_to(named.get(axis, 0), 2) for axis in range(ndim)]
    return np.broadcast_to(as_array(value), (ndim, 2)).tolist()


def _on(ndim: int, axis: int, what: Any) -> tuple:
    return (slice(None),) * axis + (what,) + (slice(None),) * (ndim - axis - 1)


def _ramp(x, axis, side, width, end):
    """From `end`, outside, to the element at a side of x, without it."""
    steps = np.arange(width, like=x.data)[:: -1 if side else 1] / (width or 1)
    steps = steps.astype(x.dtype).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    edge = getitem(x, _on(x.ndim, axis, slice(-1, None) if side else slice(1)))
    return add(multiply(edge, steps), (1 - steps) * end)


def _summary(x, axis, side, width, mode, length):
    """The mean or an extreme of the `length` elements at a side of x, `width` times."""
    n = x.shape[axis] if length is None else np.minimum(length, x.shape[axis]).item()
    if not n and width:
        raise ValueError(f"pad: mode {mode!r} finds nothing on axis {axis} of shape {x.shape}, {length=}")
    part = getitem(x, _on(x.ndim, axis, slice(x.shape[axis] - n, None) if side else slice(n)))
    one = STATISTICS[mode](part, axis=axis, keepdims=True)
    return broadcast_to(one, [width if i == axis else m for i, m in enumerate(x.shape)])


@op(inputs=1, flops=0)
def _pad(x: ArrayLike, widths: Any, mode: str = "constant", constant_values: Any = 0):
    inner = tuple(slice(before, before + n) for (before, _), n in zip(widths, x.shape, strict=True))

    def backward(g):
        return (g[inner],)

    if not x.ndim:  # there is no axis to pad
        return x.copy(), backward
    if mode == "empty":
        return np.pad(x, widths, mode), backward
    return np.pad(x, widths, constant_values=constant_values), backward
