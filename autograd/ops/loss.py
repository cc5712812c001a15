"""Losses that are one op with the softmax before them."""

import numpy as np

from .._op import op
from ..trace import as_array
from ._fast import blocks, exp_sums, row_sums


def cross_entropy_plain(logits, targets, ignore_index=-100, label_smoothing=0.0, reduction="mean", *, needs):
    classes = logits.shape[-1]
    picked, weight = _picked(targets, logits, ignore_index, reduction)
    rows = np.arange(picked.size)
    x = logits.reshape(-1, classes)
    x = x - x.max(axis=-1, keepdims=True)
    d = np.exp(x)
    total = d.sum(axis=-1)
    loss = np.log(total) - (1 - label_smoothing) * x[rows, picked]
    if label_smoothing:
        loss -= (label_smoothing / classes) * x.sum(axis=-1)
    loss *= weight

    d *= (weight / total)[:, None]  # d loss / d logits = (softmax - target distribution) * weight
    d[rows, picked] -= (1 - label_smoothing) * weight
    if label_smoothing:
        d -= (label_smoothing / classes * weight)[:, None]
    d = d.reshape(logits.shape)

    def backward(g):
        return (d * (g[..., None] if reduction == "none" else g),)

    return loss.reshape(logits.shape[:-1]) if reduction == "none" else loss.sum(), backward


@op(inputs=1, plain=cross_entropy_plain)
def cross_entropy(logits, targets, ignore_index=-100, label_smoothing=0.0, reduction="mean", *, needs):
    """-log softmax(logits)[target] over the last axis, averaged over the targets that are not `ignore_index`.

    `logits` (..., classes), `targets` (...) integers. With `label_smoothing` e the target distribution is 1
    - e on the target and e / classes everywhere (Szegedy et al. 2015, arXiv:1512.00567). `reduction`: mean,
    sum, none.
    """
    shape = logits.shape
    picked, weight = _picked(targets, logits, ignore_index, reduction)
    x = logits.reshape(-1, shape[-1])
    e = np.empty_like(x) if needs[0] else None  # all that is kept of the vocabulary's size
    total, shift = np.empty_like(x, shape=weight.shape), np.empty_like(x, shape=weight.shape)
    for block in blocks(*x.shape):
        total[block], shift[block] = exp_sums(x[block], e if e is None else e[block])
    loss = np.log(total) - (1 - label_smoothing) * (x[np.arange(picked.size), picked] - shift)
    if label_smoothing:
        loss -= label_smoothing * (row_sums(x) / shape[-1] - shift)
    loss *= weight

    def backward(g):  # (softmax - target distribution) * weight * g
        scale = weight * (g.reshape(-1) if reduction == "none" else g)
        d = e * (scale / total)[:, None]
        d[np.arange(picked.size), picked] -= (1 - label_smoothing) * scale
        if label_smoothing:
            d -= (label_smoothing / shape[-1] * scale)[:, None]
        return (d.reshape(shape),)

    return loss.reshape(shape[:-1]) if reduction == "none" else loss.sum(), backward


def _picked(targets, logits, ignore_index, reduction):
    """For each row the class whose logit counts, and the weight of the row in the loss."""
    targets = _checked(targets, logits.shape, ignore_index, reduction).reshape(-1)
    counted = targets != ignore_index
    weight = counted.astype(logits.dtype)
    if reduction == "mean":
        weight /= counted.sum() or np.nan  # no target at all: nan, as in PyTorch
    return np.where(counted, targets, 0), weight


def _checked(targets, shape, ignore_index, reduction):
    targets = as_array(targets)
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction is 'mean', 'sum' or 'none', not {reduction!r}")
    if targets.dtype.kind not in "iu":
        raise TypeError(f"targets must be integers, not {targets.dtype}")
    if targets.shape != shape[:-1]:
        raise ValueError(f"targets of shape {targets.shape} for logits of shape {shape}, not {shape[:-1]}")
    if not targets.size or (targets.min() >= 0 and targets.max() < shape[-1]):
        return targets
    outside = (targets != ignore_index) & ((targets < 0) | (targets >= shape[-1]))
    if outside.any():
        at = tuple(np.argwhere(outside)[0].tolist())
        raise IndexError(
            f"target {targets[at]} at position {at} is outside 0..{shape[-1] - 1} "
            f"and is not ignore_index ({ignore_index})"
        )
    return targets
