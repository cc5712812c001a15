"""Choosing the next token."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from ..autograd.arrays import ArrayLike

Choice: TypeAlias = "tuple[float, int | None, float | None, np.random.Generator | None]"


def pick(
    logits: np.ndarray,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    rng: np.random.Generator | None = None,
) -> int:
    """A token for `logits` (vocabulary,): the most likely one at temperature 0, else one drawn with `rng`.

    `top_k` keeps the k most likely; of these `top_p` keeps the fewest whose probabilities sum to p or more
    (nucleus sampling, Holtzman et al. 2019, arXiv:1904.09751), at least one.
    """
    if temperature == 0:
        return int(logits.argmax())
    scaled = logits.astype(np.float64) / temperature
    order = np.argsort(-scaled, kind="stable")[:top_k]
    p = np.exp(scaled[order] - scaled[order[0]])
    p /= p.sum()
    if top_p is not None:
        count = int(np.searchsorted(p.cumsum(), top_p)) + 1
        order, p = order[:count], p[:count] / p[:count].sum()
    assert rng is not None
    drawn = int(np.searchsorted(p.cumsum(), rng.random(), side="right"))
    return int(order[min(drawn, len(p) - 1)])  # rounding may leave the sum below 1


def check(temperature: float, top_k: int | None, top_p: float | None) -> None:
    """Raise ValueError for settings that mean nothing."""
    if not temperature >= 0:
        raise ValueError(f"temperature must be 0 (greedy) or more, not {temperature}")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be 1 or more, not {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1, not {top_p}")


def token_ids(name: str, values: ArrayLike) -> list[int]:
    """One text's ids, (T,), as a list; `name` and `values` are what the caller was given.

    ValueError if there are none, or more than one text, TypeError if they are no integers.
    """
    ids = np.asarray(values)
    if ids.ndim != 1 or ids.size == 0:
        raise ValueError(f"generate: {name} of shape {ids.shape}; give the ids of one text, at least one")
    if ids.dtype.kind not in "iu":
        raise TypeError(f"generate: {name} must be integers, not {ids.dtype}")
    return ids.tolist()
