"""Losses."""

from __future__ import annotations

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike, as_array
from ...autograd.kernels import blocks, exp_sums, row_sums
from ._inputs import are_within, as_float, reduced, reduction_of, unsupported, widened

__all__ = ["cross_entropy", "mse_loss"]


def cross_entropy_plain(needs, logits, targets, ignore_index=-100, label_smoothing=0.0, reduction="mean"):
    classes = logits.shape[-1]
    picked, counted, share = _picked(targets, logits, ignore_index, reduction)
    rows = np.arange(picked.size, like=picked)
    x = np.where(counted[:, None], logits.reshape(-1, classes), 0)  # what is ignored may be inf or nan
    x = x - x.max(axis=-1, keepdims=True)
    d = np.exp(x)
    total = d.sum(axis=-1)
    loss = np.log(total) - (1 - label_smoothing) * x[rows, picked]
    if label_smoothing:
        loss -= (label_smoothing / classes) * x.sum(axis=-1)
    loss = np.where(counted, loss, 0)

    d *= (1 / total)[:, None]  # d loss / d logits = (softmax - target distribution) * share
    d[rows, picked] -= 1 - label_smoothing
    if label_smoothing:
        d -= label_smoothing / classes

    def backward(g):
        scale = np.where(counted, share * (g.reshape(-1) if reduction == "none" else g), 0)
        return ((d * scale[:, None]).reshape(logits.shape),)

    return loss.reshape(logits.shape[:-1]) if reduction == "none" else loss.sum() * share, backward


@op(inputs=1, plain=cross_entropy_plain, flops=6)
def _cross_entropy(needs, logits, targets, ignore_index=-100, label_smoothing=0.0, reduction="mean"):
    """Of logits (..., classes) and integer targets (...); one op with the softmax before it."""
    shape = logits.shape
    picked, counted, share = _picked(targets, logits, ignore_index, reduction)
    ignored = ~counted
    x = logits.reshape(-1, shape[-1])
    e = np.empty_like(x) if needs[0] else None  # all that is kept of the vocabulary's size
    total, shift = np.empty_like(x, shape=picked.shape), np.empty_like(x, shape=picked.shape)
    for block in blocks(*x.shape):
        total[block], shift[block] = exp_sums(x[block], e if e is None else e[block], counted[block])
    here = np.arange(picked.size), picked
    loss = np.log(total) - (1 - label_smoothing) * (x[here] - shift)
    if label_smoothing:
        with np.errstate(invalid="ignore"):  # of inf in a row that counts, exp_sums has warned
            sums = row_sums(x)
        loss -= label_smoothing * (sums / shape[-1] - shift)
    loss[ignored] = 0  # a row that is ignored may hold inf or nan

    def backward(g):  # (softmax - target distribution) * share * g
        scale = np.empty_like(total)
        scale[...] = share * (g.reshape(-1) if reduction == "none" else g)
        scale[ignored] = 0
        even = label_smoothing / shape[-1]
        here = np.arange(picked.size), picked
        slope = e[here] / total
        slope -= 1 - label_smoothing + even
        if even:
            d = e - (even * total)[:, None]
            d *= (scale / total)[:, None]
        else:
            d = e * (scale / total)[:, None]
        d[here] = slope * scale
        return (d.reshape(shape),)

    return loss.reshape(shape[:-1]) if reduction == "none" else loss.sum() * share, backward


def _picked(targets, logits, ignore_index, reduction):
    """For each row the class whose logit counts, and whether it counts; the share of a row in the result."""
    targets = _checked(targets, logits.shape, ignore_index, reduction).reshape(-1)
    counted = targets != ignore_index
    share = np.ones_like(logits, shape=())
    if reduction == "mean":
        share /= counted.sum() or np.nan  # no target at all: nan, as in PyTorch
    return np.where(counted, targets, 0), counted, share


def _checked(targets, shape, ignore_index, reduction):
    targets = as_array(targets)
    if targets.dtype.kind not in "iu":
        raise TypeError(f"targets must be integers, not {targets.dtype}")
    if targets.shape != shape[:-1]:
        raise ValueError(f"targets of shape {targets.shape} for logits of shape {shape}, not {shape[:-1]}")
    if are_within(targets, shape[-1]):
        return targets
    outside = (targets != ignore_index) & ((targets < 0) | (targets >= shape[-1]))
    if outside.any():
        at = tuple(np.argwhere(outside)[0].tolist())
        raise IndexError(
            f"target {targets[at]} at position {at} is outside 0..{shape[-1] - 1} "
            f"and is not ignore_index ({ignore_index})"
        )
    return targets


def cross_entropy(
    input: ArrayLike,
    target: ArrayLike,
    weight: None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(input)[target]; input (N, C), (C,) or (N, C, d1, ...), target integers without the C.

    The mean is over the targets that are not `ignore_index`. With `label_smoothing` e the target distribution
    is 1 - e on the target and e / C everywhere. `reduction`: "mean" or "sum" give one number, "none" an
    array shaped as target. A row that is ignored may hold inf or nan. ValueError for shapes or options that
    do not fit, TypeError for targets that are no integers and for weight, size_average and reduce, which are
    there for PyTorch's order alone, IndexError for a target outside of the classes.
    """
    check_weight("cross_entropy", weight)
    reduction = reduction_of("cross_entropy", size_average, reduce, reduction)
    input = as_float(input)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must be from 0 to 1, not {label_smoothing}")
    if input.ndim > 2:
        axes = (0, *range(2, input.ndim), 1)
        if np.shape(target) != tuple(input.shape[a] for a in axes[:-1]):
            raise ValueError(
                f"cross_entropy: target of shape {np.shape(target)} for input of shape {input.shape}; "
                "classes are on axis 1, as in PyTorch: if they are on the last, reshape to "
                f"(-1, {input.shape[-1]}) and (-1,)"
            )
        input = ag.transpose(input, axes)
    options = target, ignore_index, label_smoothing, reduction
    if input.data.dtype.char == "e":
        return widened(_cross_entropy, input, *options)
    return _cross_entropy(input, *options)


def check_weight(name: str, weight) -> None:
    """Raise TypeError for weights of classes, with what gives the same."""
    if weight is not None:
        raise TypeError(
            f"{name}: weight= is not supported; for the same mean, w = weight[target] and "
            "(w * nn.functional.cross_entropy(input, target, reduction='none')).sum() / w.sum()"
        )


def mse_loss(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: None = None,
) -> Tensor:
    """(input - target)^2, elementwise; `reduction`: "mean" over all elements, "sum", or "none".

    ValueError where input and target differ in shape, or for another reduction. TypeError for weight, which
    is there for PyTorch's order alone. `size_average` and `reduce` are older words for `reduction`.
    """
    reduction = reduction_of("mse_loss", size_average, reduce, reduction)
    if weight is not None:
        unsupported("mse_loss", "weigh what reduction='none' gives", weight=weight)
    input, target = as_float(input, target), as_float(target, input)
    if input.data.shape != target.data.shape:
        raise ValueError(f"mse_loss: input of shape {input.shape}, target of shape {target.shape}")
    if input.data.dtype.char == target.data.dtype.char == "e":
        return widened(_squared_error, input, target, reduction=reduction)
    return _squared_error(input, target, reduction)


def _squared_error(input, target, reduction):
    return reduced(ag.square(ag.subtract(input, target)), reduction)
