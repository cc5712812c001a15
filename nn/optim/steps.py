"""From gradients to new parameters in three steps, the same for every way of training: reduce, clip, update.

All three go through iterators, one gradient at a time, so that a piece's gradient is summed, scaled and used
while it is in the cache: update(rule, pieces, clip(reduce(parts), norm, max_norm)).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class Piece(NamedTuple):
    """A part of an optimizer's buffers that is updated at once: 1-D, or one parameter in its shape."""

    group: Mapping[str, Any]  # options
    t: int  # the number of this update, from 1 on
    buffer: int  # its place: which of the optimizer's buffers, and where in it
    span: slice
    values: np.ndarray  # of the parameters
    state: Mapping[str, Any]  # arrays beside the values, and numbers
    scratch: Sequence[np.ndarray]  # three rows of it


def reduce(parts: Iterable[Iterable[np.ndarray]]) -> Iterator[np.ndarray]:
    """The sum of each item of `parts`, which holds one gradient of each replica, made in the first of them.

    A gradient that is alone is handed on as it is.
    """
    for total, *others in parts:
        for g in others:
            total += g
        yield total


def clip(gradients: Iterable[np.ndarray], norm: float, max_norm: float) -> Iterator[np.ndarray]:
    """Each gradient, scaled in place by max_norm / (norm + 1e-6) where that is below 1, as in PyTorch.

    `norm` is that of all gradients together. If it is not finite, no factor can mend them: they stay.
    """
    factor = max_norm / (norm + 1e-6) if math.isfinite(norm) else 1.0
    for g in gradients:
        if factor < 1:
            np.multiply(g, factor, out=g)
        yield g


def update(rule: Callable[..., None], pieces: Iterable[Piece], gradients: Iterable[np.ndarray]) -> None:
    """Apply an optimizer's rule to every piece with its gradient: rule(group, t, p, g, state, scratch)."""
    with np.errstate(all="ignore"):  # inf and nan go where the formula takes them, without a word
        for piece, g in zip(pieces, gradients, strict=True):
            group, t, _, _, p, state, scratch = piece
            rule(group, t, p, g.reshape(p.shape), state, scratch)


def square_sum(gradients: Iterable[np.ndarray]) -> float:
    """The squared norm of all gradients together, also where float32 cannot hold it."""
    with np.errstate(over="ignore", invalid="ignore"):  # whoever asks looks whether the sum is finite
        return sum(map(_squares, gradients))


def _squares(g: np.ndarray) -> float:
    flat = g.reshape(-1)
    total = float(np.dot(flat, flat))
    if not math.isfinite(total):  # float32 squares overflow from 1e19 on
        flat = flat.astype(np.float64)
        total = float(np.dot(flat, flat))
    return total
