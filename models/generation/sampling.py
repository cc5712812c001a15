"""Choosing the next token."""

from __future__ import annotations

import numpy as np

__all__ = ["largest", "likely", "log_total", "penalized", "pick"]


def pick(
    logits: np.ndarray,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    rng: np.random.Generator | None = None,
    min_p: float | None = None,
) -> int:
    """A token for `logits` (vocabulary,): the most likely one at temperature 0, else one drawn with `rng`.

    `top_k` keeps the k most likely; of these `top_p` keeps the fewest whose probabilities sum to p or more
    (nucleus sampling, Holtzman et al. 2019, arXiv:1904.09751), at least one; of these `min_p` keeps those at
    least min_p times as likely as the likeliest (Nguyen et al. 2024, arXiv:2407.01082). ValueError where no
    token is possible, or a logit is nan or inf.
    """
    best = int(logits.argmax())  # the first that is nan, if one is
    if not np.isfinite(logits[best]):
        hint = "; suppress fewer, or allow repeats" if logits[best] == -np.inf else ""
        raise ValueError(
            f"the largest of {len(logits)} logits is {logits[best]}, so that no token can be chosen{hint}"
        )
    if temperature == 0 or top_k == 1:
        return best
    tokens, p = likely(logits, temperature, top_k, top_p, min_p)
    assert rng is not None
    total = p.cumsum()
    drawn = min(int(np.searchsorted(total, rng.random() * total[-1], side="right")), len(p) - 1)
    return drawn if tokens is None else int(tokens[drawn])


def likely(
    logits: np.ndarray,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
) -> tuple[np.ndarray | None, np.ndarray]:
    """The tokens (n,) that `pick` chooses among for `logits`, None for all, and their weights (n,)."""
    if top_k is not None and top_k < len(logits):
        tokens: np.ndarray | None = largest(logits, top_k)
        p = _weights(logits[tokens], temperature)
    else:
        tokens, p = None, _weights(logits, temperature)
    if top_p is not None and top_p < 1:
        kept = _nucleus(p, top_p)
        tokens, p = kept if tokens is None else tokens[kept], p[kept]
    if min_p is not None:
        kept = np.flatnonzero(p >= min_p * p.max())
        tokens, p = kept if tokens is None else tokens[kept], p[kept]
    return tokens, p


def _weights(logits: np.ndarray, temperature: float) -> np.ndarray:
    """exp((logits - largest) / temperature), of the largest logit 1."""
    scaled = np.subtract(logits, logits.max(), dtype=np.float64)
    with np.errstate(over="ignore"):  # so cold that only the largest is left
        scaled /= temperature
    return np.exp(scaled, out=scaled)


def _nucleus(p: np.ndarray, top_p: float) -> np.ndarray:
    """Where the fewest of the weights `p` (n,) stand whose share is top_p or more."""
    wanted = top_p * p.sum()
    few = np.flatnonzero(
        p > (p.sum() - wanted) / len(p)
    )  # all the others have a share of less than 1 - top_p
    values = np.sort(p[few])[::-1]
    count = min(int(np.searchsorted(values.cumsum(), wanted)) + 1, len(few))
    return few[_first(p[few], values[count - 1], count)]


def largest(x: np.ndarray, count: int) -> np.ndarray:
    """Where the `count` largest of x (n,) stand, from the largest down; of equals the first."""
    if count >= len(x):
        return np.argsort(-x, kind="stable")
    found = _first(x, np.partition(x, len(x) - count)[len(x) - count], count)
    return found[np.argsort(-x[found], kind="stable")]


def _first(x: np.ndarray, least: np.floating, count: int) -> np.ndarray:
    """Where the `count` largest of x (n,) stand, of which `least` is the smallest; of equals the first."""
    found = np.flatnonzero(x >= least)
    more = len(found) - count
    return found if not more else np.delete(found, np.flatnonzero(x[found] == least)[-more:])


def log_total(logits: np.ndarray) -> float:
    """log(sum(exp(logits))) of (vocabulary,): what a logit is less by to be a log-probability."""
    top = logits.max()
    return float(top + np.log(np.exp(logits - top).sum(dtype=np.float64)))


def penalized(
    logits: np.ndarray, read: np.ndarray, written: list[int], repetition: float = 1.0, frequency: float = 0.0
) -> np.ndarray:
    """`logits` (vocabulary,) with those of tokens that were there before made smaller, as a copy.

    `repetition` divides positive and multiplies negative ones, of tokens in `read` (the text with its prompt)
    (Keskar et al. 2019, arXiv:1909.05858). `frequency` is taken off for each time that a token is in
    `written`, the new part of the text.
    """
    logits = logits.astype(np.result_type(logits, np.float32))
    if repetition != 1:
        seen = np.unique(read)
        x = logits[seen]
        logits[seen] = np.where(x < 0, x * repetition, x / repetition)
    if frequency and written:
        tokens, counts = np.unique(written, return_counts=True)
        logits[tokens] -= frequency * counts
    return logits
