"""Connectionist temporal classification: all ways to spread a text over time."""

from __future__ import annotations

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike, as_array
from ._inputs import as_float, reduced, reduction_of, where

__all__ = ["ctc_loss"]

# The logarithm of a probability 0, finite so that differences of two of them are numbers.
NEVER = -1e30


def _paths(labels, lengths, blank):
    """The labels (N, S) with blanks around them, (N, 2 S + 1); which of these positions there are in each
    text; to which a path may come from two positions before, past a blank."""
    n, size = labels.shape
    states = np.full_like(labels, blank, shape=(n, 2 * size + 1))
    states[:, 1::2] = labels
    there = np.arange(2 * size + 1, like=labels) <= 2 * lengths[:, None]
    skips = np.zeros_like(there)
    skips[:, 2:] = states[:, 2:] != states[:, :-2]
    return states, there, skips


def _moved(x, by):
    """x (N, states) with each state's number `by` places on, NEVER at the end that is left."""
    left = np.full_like(x, NEVER, shape=(x.shape[0], min(abs(by), x.shape[1])))  # an empty text has 1 state
    return np.concatenate([left, x[:, :-by]] if by > 0 else [x[:, -by:], left], axis=1)


def _ahead(x, skips):
    """Logarithms of the probabilities to come to each state: from itself, the one before, or past a blank."""
    return np.logaddexp(np.logaddexp(x, _moved(x, 1)), np.where(skips, _moved(x, 2), NEVER))


def _back(x, skips):
    """The same for going on from each state."""
    return np.logaddexp(np.logaddexp(x, _moved(x, -1)), _moved(np.where(skips, x, NEVER), -2))


@op(inputs=1, flops=20)
def _ctc(log_probs, labels, input_lengths, label_lengths, blank, zero_infinity):
    """-log p(labels) for each of N texts, of log_probs (T, N, C); Graves et al. 2006, section 4."""
    steps, n, classes = log_probs.shape
    states, there, skips = _paths(labels, label_lengths, blank)
    size = states.shape[1]
    seen = np.take_along_axis(log_probs, np.broadcast_to(states, (steps, n, size)), 2)
    within = np.arange(steps, like=states)[:, None, None] < input_lengths[:, None]  # nan may stand behind
    seen = np.where(there & within, np.maximum(seen, NEVER), NEVER)
    first = np.arange(size, like=states) < 2
    last = there & (np.arange(size, like=states) >= 2 * label_lengths[:, None] - 1)
    ends = (input_lengths == np.arange(1, steps + 1, like=states)[:, None])[..., None] & last

    never = np.full_like(seen, NEVER, shape=(n, size))
    alpha, total = [], never  # of all beginnings of paths, after each step
    with np.errstate(invalid="ignore"):  # of nan, whose loss is nan
        for t in range(steps):
            alpha.append((_ahead(alpha[-1], skips) if t else np.where(first, 0, never)) + seen[t])
            total = np.where(ends[t], alpha[t], total)
    top = total.max(axis=1, keepdims=True)
    total = np.log(np.exp(total - top).sum(axis=1, keepdims=True)) + top
    total = np.where(((input_lengths == 0) & (label_lengths == 0))[:, None], 0, total)
    possible = ~(total <= NEVER / 2)  # or nan, which stays nan
    impossible = 0 if zero_infinity else np.inf

    def backward(g):
        behind, visits = never, []  # of all endings; how likely each state is at each step, given the text
        with np.errstate(invalid="ignore"):
            for t in reversed(range(steps)):
                behind = np.where(ends[t], 0, _back(behind, skips)) + seen[t]
                visits.append(np.exp(np.minimum(alpha[t] + behind - seen[t] - total, 0)))
        visits = np.where(possible & there, np.stack(visits[::-1], axis=1).swapaxes(0, 1), 0)
        if not zero_infinity:
            visits = np.where(possible, visits, np.nan)
        of_class = (states[..., None] == np.arange(classes, like=states)).astype(g.dtype)
        d = visits.swapaxes(0, 1) @ of_class  # (N, T, C)
        return ((d * -g[:, None, None]).swapaxes(0, 1),)

    return np.where(possible, -total, impossible)[:, 0], backward


def ctc_loss(
    log_probs: ArrayLike,
    targets: ArrayLike,
    input_lengths: ArrayLike,
    target_lengths: ArrayLike,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-log of the probability of texts, in whatever way they are spread over time, blanks between.

    log_probs are (T, N, C), or (T, C) for one text; targets (N, S), or all one after the other; input_lengths
    and target_lengths (N,), or numbers. "mean" divides each loss by its text's length before the mean. A text
    that does not fit into its time has loss inf, or 0 with `zero_infinity`. As PyTorch's, the gradient takes
    log_probs to come out of log_softmax. Graves et al. 2006. ValueError for shapes and lengths that do not
    fit, TypeError for targets that are no integers, IndexError for those outside of the classes.
    """
    reduction = reduction_of("ctc_loss", None, None, reduction)
    x = as_float(log_probs)
    alone = x.ndim == 2
    if x.ndim not in (2, 3):
        raise ValueError(f"{where('ctc_loss')}: log_probs of shape {x.shape}, expected (T, N, C) or (T, C)")
    dtype = x.dtype
    x = ag.expand_dims(x, 1) if alone else x
    x = x.astype(np.float64)  # exp of sums over time: in float32 the gradient would be good to 1e-4 only
    steps, n, classes = x.shape
    if not 0 <= blank < classes:
        raise ValueError(f"{where('ctc_loss')}: blank {blank} is none of {classes} classes")
    input_lengths = _lengths("input_lengths", input_lengths, n, steps, f"log_probs {x.shape}")
    lengths, labels = _labels(targets, target_lengths, n, classes, blank)
    losses = _ctc(x, labels, input_lengths, lengths, blank, zero_infinity)
    # exp(log_probs) sums to a constant if they are logarithms of probabilities; its gradient is what
    # log_softmax would take away, and there where PyTorch has it.
    impossible = 0 if zero_infinity else np.inf
    within = (np.arange(steps)[:, None] < input_lengths) & (losses.data != impossible)
    within = within[..., None]
    sums = ag.where(within, ag.exp(ag.where(within, x, 0)), 0).sum(axis=(0, 2))
    losses = losses + (sums - sums.data)
    if reduction == "mean":
        losses = losses / np.maximum(lengths, 1).astype(losses.dtype)
    losses = losses[0] if alone and reduction == "none" else losses
    return reduced(losses, reduction).astype(dtype)


def _lengths(argument: str, given, n: int, most: int, of: str) -> np.ndarray:
    lengths = as_array(given.data if isinstance(given, Tensor) else given)
    name = where("ctc_loss")
    if lengths.dtype.kind not in "iu":
        raise TypeError(f"{name}: {argument} must be integers, not {lengths.dtype}")
    if lengths.shape not in ((n,), ()) or (lengths.ndim == 0 and n != 1):
        raise ValueError(f"{name}: {argument} of shape {lengths.shape}, expected ({n},)")
    if lengths.size and (lengths.min() < 0 or lengths.max() > most):
        raise ValueError(f"{name}: {argument} from {lengths.min()} to {lengths.max()}, {of} has 0 to {most}")
    return lengths.reshape(n).astype(np.intp)


def _labels(targets, target_lengths, n: int, classes: int, blank: int) -> tuple[np.ndarray, np.ndarray]:
    """The lengths of the texts, and their labels (N, longest), blanks behind them."""
    ids = as_array(targets.data if isinstance(targets, Tensor) else targets)
    name = where("ctc_loss")
    if ids.dtype.kind not in "iu" and ids.size:
        raise TypeError(f"{name}: targets must be integers, not {ids.dtype}")
    if ids.ndim not in (1, 2) or (ids.ndim == 2 and len(ids) != n):
        raise ValueError(
            f"{name}: targets of shape {ids.shape}, expected ({n}, S) or (sum of target_lengths,)"
        )
    most = ids.shape[-1]
    lengths = _lengths("target_lengths", target_lengths, n, most, f"targets {ids.shape}")
    if ids.ndim == 1 and lengths.sum() != most:
        raise ValueError(f"{name}: target_lengths sum to {lengths.sum()}, but there are {most} targets")
    places = np.arange(lengths.max(initial=0))
    if ids.ndim == 1:
        starts = np.cumsum(lengths) - lengths
        ids = ids[np.minimum(starts[:, None] + places, max(most, 1) - 1)]
    labels = np.where(places < lengths[:, None], ids[:, : len(places)], blank)
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        raise IndexError(f"{name}: targets from {labels.min()} to {labels.max()} for {classes} classes")
    return lengths, labels
