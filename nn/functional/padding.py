"""Surrounding the last axes of an array with more numbers."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor, op
from ...autograd.arrays import HALF, ArrayLike
from ._inputs import as_tensor, where

__all__ = ["pad"]

MODES = ("constant", "reflect", "replicate", "circular")
FILL = {"b": bool, "i": int, "u": int, "f": float}


@op(inputs=1, flops=0)
def _pad_from_inside(x, widths, mode):
    """x with (before, after) more elements on its last axes, one axis after the other, copies of others."""
    shape = x.shape
    first = len(shape) - len(widths)
    larger = *shape[:first], *(b + n + a for (b, a), n in zip(widths, shape[first:], strict=True))
    inner = (..., *(slice(b, b + n) for (b, _), n in zip(widths, shape[first:], strict=True)))
    moves = []  # (to, from), all of the axes before padded
    for axis, ((before, after), n) in enumerate(zip(widths, shape[first:], strict=True), first):
        at = (slice(None),) * axis
        moves += [((*at, to), (*at, source)) for to, source in _borders(before, after, n, mode)]

    def backward(g):
        wide = np.zeros_like(g, dtype=np.float32 if g.dtype is HALF else None)
        wide[...] = g
        for to, source in moves:  # in any order, each along its axis alone
            wide[source] += (
                wide[to].sum(axis=len(source) - 1, keepdims=True) if mode == "replicate" else wide[to]
            )
        return (wide[inner].astype(g.dtype) if g.dtype is HALF else wide[inner],)

    y = np.empty_like(x, shape=larger)
    y[inner] = x
    for to, source in moves:
        y[to] = y[source]
    return y, backward


def _borders(before: int, after: int, n: int, mode: str) -> list[tuple[slice, slice]]:
    """Which elements of the padded axis are copies of which."""
    end = before + n
    if mode == "replicate":
        pairs = [(slice(before), slice(before, before + 1)), (slice(end, end + after), slice(end - 1, end))]
    elif mode == "circular":
        pairs = [(slice(before), slice(n, end)), (slice(end, end + after), slice(before, before + after))]
    else:  # without the element at the edge, away from it
        stop = end - 2 - after
        pairs = [
            (slice(before), slice(2 * before, before, -1)),
            (slice(end, end + after), slice(end - 2, None if stop < 0 else stop, -1)),
        ]
    return [pair for pair, width in zip(pairs, (before, after), strict=True) if width]


def pad(input: ArrayLike, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """`input` with more numbers around it: `pad` is (before, after) of the last axis, the one before it ...

    An axis of length n is n + before + after in the result's shape; where one of them is negative, so many
    elements are left away. mode="constant" fills with `value`, else 0, any number of axes. The others are for
    the last axis of 2 or 3, the last two of 3 or 4 and the last three of 4 or 5: "reflect" mirrors, without
    the edge, by less than n; "replicate" repeats the edge; "circular" goes on at the other end, by at most n.
    ValueError for widths that do not fit, a mode of another name, and a `value` that the mode does not take
    or a whole number cannot be; TypeError for widths that are no integers.
    """
    x = as_tensor(input)
    widths = _widths(x, pad)
    if mode not in MODES:
        raise ValueError(f"{where('pad')}: mode is one of {', '.join(MODES)}, not {mode!r}")
    if mode == "constant":
        return _constant(x, widths, 0 if value is None else value)
    if value is not None and value != 0:
        raise ValueError(f"{where('pad')}: mode {mode!r} takes no value, but value={value!r}")
    if len(widths) not in (1, 2, 3) or x.ndim - len(widths) not in (1, 2):
        raise ValueError(
            f"{where('pad')}: mode {mode!r} pads the last axis of 2 or 3, two of 3 or 4 or three of 4 or 5, "
            f"but pad has {2 * len(widths)} numbers for input of shape {x.shape}"
        )
    return _copied(x, widths, mode)


def _widths(x: Tensor, pad: Any) -> list[tuple[int, int]]:
    """(before, after) of the last axes, the last one last."""
    try:
        numbers = [index(n) for n in pad if not isinstance(n, bool)]
        if len(numbers) < len(pad):
            raise TypeError
    except TypeError:
        raise TypeError(f"{where('pad')}: pad is a sequence of integers, not {pad!r}") from None
    if len(numbers) % 2 or len(numbers) > 2 * x.ndim:
        raise ValueError(
            f"{where('pad')}: pad has two numbers for each of the last axes, at most {2 * x.ndim} for input "
            f"of shape {x.shape}, not {len(numbers)}"
        )
    widths = [*zip(numbers[::2], numbers[1::2], strict=True)][::-1]
    lengths = x.shape[x.ndim - len(widths) :]
    if any(n + b + a < 0 for (b, a), n in zip(widths, lengths, strict=True)):
        raise ValueError(
            f"{where('pad')}: pad={tuple(numbers)} takes more away than input of shape {x.shape} has"
        )
    return widths


def _constant(x: Tensor, widths: list[tuple[int, int]], value: Any) -> Tensor:
    fits = isinstance(value, (bool, int, float, np.generic))
    if fits and x.dtype.kind != "f":
        lowest, highest = (0, 1) if x.dtype.kind == "b" else (np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)
        fits = lowest <= value <= highest and int(value) == value
    if not fits:
        raise ValueError(f"{where('pad')}: value={value!r} is none that input, of {x.dtype}, can hold")
    before = [(0, 0)] * (x.ndim - len(widths))
    if not widths:
        return x.copy()
    larger = ag.pad(
        x, [*before, *((max(b, 0), max(a, 0)) for b, a in widths)], constant_values=FILL[x.dtype.kind](value)
    )
    return _cropped(larger, widths)


def _cropped(x: Tensor, widths: list[tuple[int, int]]) -> Tensor:
    """x without as many elements as its widths are below 0."""
    if min(map(min, widths), default=0) >= 0:
        return x
    return x[(..., *(slice(max(-b, 0), min(a, 0) or None) for b, a in widths))].copy()


def _copied(x: Tensor, widths: list[tuple[int, int]], mode: str) -> Tensor:
    given, positive = x.shape, [(max(b, 0), max(a, 0)) for b, a in widths]
    nothing = given[x.ndim - len(widths) :] if mode == "circular" else given[x.ndim - len(widths) - 1 :]
    if 0 in nothing:
        raise ValueError(f"{where('pad')}: mode {mode!r} finds nothing in input of shape {given}")
    if mode == "circular":  # goes around what is left
        x = _cropped(x, widths)
    lengths = x.shape[x.ndim - len(widths) :]
    limits = {"reflect": -1, "circular": 0}
    if mode in limits and any(max(p) > n + limits[mode] for p, n in zip(positive, lengths, strict=True)):
        most = "less than" if mode == "reflect" else "at most"
        raise ValueError(
            f"{where('pad')}: mode {mode!r} pads by {most} the length of an axis, but {widths} for the last "
            f"axes of {lengths} (input of shape {given})"
        )
    if not any(map(any, widths)):
        return x.copy()
    if any(map(any, positive)):
        x = _pad_from_inside(x, tuple(positive), mode)
    return x if mode == "circular" else _cropped(x, widths)
