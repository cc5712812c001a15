"""Losses of classes: the logarithm of the probability of the right one."""

from __future__ import annotations

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor, op
from ...autograd.adding import added_at
from ...autograd.arrays import ArrayLike, as_array
from ...autograd.kernels import blocks, exp_sums, row_sums
from ._inputs import are_within, as_float, as_tensor, reduction_of, where, widened
from ._losses import in_single, mean_or, over_weights, quotient, weights_for
from ._shares import cross_entropy_of_shares

__all__ = ["cross_entropy", "nll_loss"]


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


@op(inputs=1)
def _negative_at(logits, targets, counted):
    """-logits[target] over the last axis, and 0 where it does not count."""
    shape, at = logits.shape, (np.arange(targets.size, like=targets), targets.reshape(-1))
    found = logits.reshape(-1, shape[-1])[at].reshape(targets.shape)

    def backward(g):
        d = np.zeros_like(g, shape=(targets.size, shape[-1]))
        d[at] = np.where(counted, -g, 0).reshape(-1)
        return (d.reshape(shape),)

    return np.where(counted, -found, 0), backward


@op(inputs=1, flops=0)
def weights_at(weight, targets, counted):
    """weight[target], and 0 where it does not count."""
    shape = weight.shape
    # An array of the targets' kind, so that whoever traces calls on them knows of the look-up.
    table = weight + np.zeros_like(targets, shape=(), dtype=weight.dtype)

    def backward(g):
        return (added_at(np.where(counted, g, 0), targets, shape),)

    return np.where(counted, table[targets], 0), backward


def _picked(targets, logits, ignore_index, reduction):
    """For each row the class whose logit counts, and whether it counts; the share of a row in the result."""
    targets = _checked(targets, logits.shape, ignore_index).reshape(-1)
    counted = targets != ignore_index
    share = np.ones_like(logits, shape=())
    if reduction == "mean":
        share /= counted.sum() or np.nan  # no target at all: nan, as in PyTorch
    return np.where(counted, targets, 0), counted, share


def _checked(targets, shape, ignore_index, name=""):
    """The targets, integers, for logits of this shape with the classes on the last axis."""
    likely = "" if name == "nll_loss" else "; probabilities have the shape of input"
    targets, name = as_array(targets), name and f"{where(name)}: "
    if targets.dtype.kind not in "iu":
        raise TypeError(f"{name}targets must be integers, not {targets.dtype}{likely}")
    if targets.shape != shape[:-1]:
        raise ValueError(
            f"{name}targets of shape {targets.shape} for logits of shape {shape}, not {shape[:-1]}"
        )
    if are_within(targets, shape[-1]):
        return targets
    outside = (targets != ignore_index) & ((targets < 0) | (targets >= shape[-1]))
    if outside.any():
        at = tuple(np.argwhere(outside)[0].tolist())
        raise IndexError(
            f"{name}target {targets[at]} at position {at} is outside 0..{shape[-1] - 1} "
            f"and is not ignore_index ({ignore_index})"
        )
    return targets


def cross_entropy(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(input)[target]; input (N, C), (C,) or (N, C, d1, ...), target integers without the C.

    Or probabilities of the classes, floats in the shape of input: -sum(target log softmax(input)) then. The
    mean is over the targets that are not `ignore_index`; with `weight` (C,), by which the loss of each class
    is multiplied, it is the sum over the sum of the targets' weights. Of probabilities it is over all rows
    in both cases. With `label_smoothing` e the target distribution is 1 - e on the target and e / C
    everywhere. `reduction`: "mean" or "sum" give one number, "none" an array shaped as input without the C. A
    row that is ignored may hold inf or nan, as may a logit whose probability is to be 0 hold -inf. ValueError
    for shapes or options that do not fit, TypeError for targets of another kind, IndexError for a target
    outside of the classes.
    """
    reduction = reduction_of("cross_entropy", size_average, reduce, reduction)
    x = as_float(input)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(
            f"{where('cross_entropy')}: label_smoothing must be from 0 to 1, not {label_smoothing}"
        )
    t = target if isinstance(target, Tensor) else as_array(target)
    if t.dtype.kind == "f" and t.shape == x.shape:
        return _of_probabilities(x, t, weight, ignore_index, label_smoothing, reduction)
    x, t = _classes_last("cross_entropy", x, t, ignore_index)
    options = t, ignore_index, label_smoothing, reduction
    if weight is not None:
        w = class_weights("cross_entropy", weight, x, x.shape[-1:])
        return in_single(lambda x, w: _weighted(x, w, *options), x, w)
    if x.data.dtype.char == "e":
        return widened(_cross_entropy, x, *options)
    return _cross_entropy(x, *options)


def _classes_last(name, x, target, ignore_index):
    """Logits with the classes on the last axis and the targets, an array, for them."""
    target = target.data if isinstance(target, Tensor) else target
    if type(ignore_index) is not int and not hasattr(ignore_index, "__index__"):
        raise TypeError(f"{where(name)}: ignore_index is an integer, not {ignore_index!r}")
    if x.ndim == 2:
        return x, target
    if x.ndim < 2:
        if not x.ndim:
            raise ValueError(f"{where(name)}: input of shape () has no classes")
        return x, target.reshape(()) if target.shape == (1,) else target  # which PyTorch takes too
    axes = (0, *range(2, x.ndim), 1)
    if target.shape != tuple(x.shape[a] for a in axes[:-1]):
        raise ValueError(
            f"{where(name)}: target of shape {target.shape} for input of shape {x.shape}; "
            "classes are on axis 1, as in PyTorch: if they are on the last, reshape to "
            f"(-1, {x.shape[-1]}) and (-1,)"
        )
    return ag.transpose(x, axes), target


def class_weights(name, weight, input, shape):
    weight = weights_for(name, weight, input)
    if weight is not None and weight.data.shape != shape:
        raise ValueError(
            f"{where(name)}: weight of shape {weight.shape}, expected {shape}: one for each class of input, "
            f"which is {input.shape}"
        )
    return weight


def _weighted(logits, weight, target, ignore_index, label_smoothing, reduction):
    """By rows: -sum_c shares_c log p_c, where shares_c is weight_c times the target distribution."""
    target, counted = counted_targets("cross_entropy", target, logits.shape, ignore_index)
    weights = weights_at(weight, target, counted)
    if not label_smoothing:
        losses = _cross_entropy(logits, np.where(counted, target, -1), -1, 0.0, "none")
        return over(losses * weights, weights, reduction)
    classes, even = logits.shape[-1], label_smoothing / logits.shape[-1]
    hot = np.arange(classes, like=target) == target[..., None]
    shares = ag.where(hot, weight * (1 - label_smoothing + even), weight * even)
    shares, logits = (ag.where(counted[..., None], x, 0) for x in (shares, logits))
    return over(cross_entropy_of_shares(logits, shares), weights, reduction)


def counted_targets(name, target, shape, ignore_index):
    """The targets, 0 for those that are ignored, and which are not."""
    target = _checked(target, shape, ignore_index, name)
    target = target.astype(np.int64) if target.dtype.kind == "u" else target  # which may become -1
    counted = target != ignore_index
    return np.where(counted, target, 0), counted


def over(losses, counts, reduction):
    """The losses, their sum, or that over the sum of the counts, which are weights if they are a Tensor."""
    if reduction != "mean":
        return mean_or(losses, reduction)
    weights = isinstance(counts, Tensor)
    return over_weights(losses.sum(), counts) if weights else quotient(losses.sum(), counts.sum())


def _of_probabilities(input, target, weight, ignore_index, label_smoothing, reduction):
    if ignore_index >= 0:
        raise ValueError(
            f"{where('cross_entropy')}: ignore_index={ignore_index} is of integer targets, not of "
            "probabilities; a row of zeros counts as nothing in the sum"
        )
    axis = min(input.ndim - 1, 1)
    if not input.ndim or not input.shape[axis]:
        raise ValueError(f"{where('cross_entropy')}: input of shape {input.shape} has no classes")
    target = as_tensor(target)
    weight = class_weights("cross_entropy", weight, input, input.shape[axis : axis + 1])

    def loss(x, shares, weight):
        x, shares = ag.moveaxis(x, axis, -1), ag.moveaxis(shares, axis, -1)
        if label_smoothing:
            shares = shares * (1 - label_smoothing) + label_smoothing / x.shape[-1]
        return mean_or(cross_entropy_of_shares(x, shares if weight is None else shares * weight), reduction)

    return in_single(loss, input, target, weight)


def nll_loss(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-input[target]; input, logarithms of probabilities, (N, C), (C,) or (N, C, d1, ...), target without C.

    What log_softmax gives, usually. `weight`, `ignore_index`, `reduction` and errors are as those of
    cross_entropy: ValueError for shapes that do not fit, TypeError for a `target` that is not of integers,
    IndexError for one outside of the classes.
    """
    reduction = reduction_of("nll_loss", size_average, reduce, reduction)
    x, t = as_float(input), target if isinstance(target, Tensor) else as_array(target)
    x, t = _classes_last("nll_loss", x, t, ignore_index)
    w = class_weights("nll_loss", weight, x, x.shape[-1:])
    t, counted = counted_targets("nll_loss", t, x.shape, ignore_index)

    def loss(x, w):
        losses = _negative_at(x, t, counted)
        if w is None:
            return over(losses, counted, reduction)
        weights = weights_at(w, t, counted)
        return over(losses * weights, weights, reduction)

    return in_single(loss, x, w)
