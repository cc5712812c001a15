"""Losses that are negative logarithms of probabilities: of yes or no, of counts, of measurements."""

from __future__ import annotations

import math
import warnings

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike
from ._inputs import as_float, reduction_of, where
from ._losses import broadcast_or_refuse, fitting, in_single, mean_or, pair_of, quotient

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "gaussian_nll_loss",
    "kl_div",
    "poisson_nll_loss",
]

# ---------------------------------------------------------------------------------- yes or no


@op(needs=True, inputs=2, flops=20)
def _binary_cross_entropy(needs, p, t):
    def logs():
        with np.errstate(divide="ignore"):
            return np.log(p), np.log1p(-p)

    yes, no = logs()
    out = -(t * np.maximum(yes, -100) + (1 - t) * np.maximum(no, -100))
    t = t if needs[0] else None

    def backward(g):
        dp = dt = None
        if needs[0]:
            dp = g * (p - t) / np.maximum((1 - p) * p, 1e-12)
        if needs[1]:
            yes, no = logs()
            dt = g * (no - yes)
        return dp, dt

    return out, backward


@op(needs=True, inputs=3, flops=20)
def _binary_cross_entropy_with_logits(needs, x, t, pos_weight=None):
    """-(w t log s(x) + (1 - t) log(1 - s(x))), s being the logistic function: (1 - t) x + l rest, where
    l = 1 + (w - 1) t and rest = -log s(x) = log(1 + e^-x)."""
    limit = math.log(np.finfo(x.dtype).max) - 1  # of an exponent: beyond, e^-x is constant, rest a line
    e = np.exp(-np.maximum(x, -limit))
    rest = np.log1p(e) + np.maximum(-limit - x, 0)
    dx = dt = dw = None
    if pos_weight is None:
        out = (1 - t) * x + rest
        if needs[0]:
            dx = 1 / (1 + e) - t
        if needs[1]:
            dt = -x
    else:
        level = 1 + (pos_weight - 1) * t
        out = (1 - t) * x + level * rest
        if needs[0]:
            dx = level / (1 + e) - pos_weight * t
        if needs[1]:
            dt = (pos_weight - 1) * rest - x
        if needs[2]:
            dw = t * rest

    def backward(g):
        return tuple([None if d is None else g * d for d in (dx, dt, dw)])

    return out, backward


def binary_cross_entropy(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(target log(input) + (1 - target) log(1 - input)), elementwise, both from 0 to 1 and of one shape.

    A logarithm counts as -100 at least, so that the loss is finite. `weight` is multiplied with each loss; it
    broadcasts to the shape of input. `reduction`: "mean" over all elements, "sum", or "none". ValueError for
    shapes or numbers that do not fit. For what has not gone through a sigmoid yet,
    binary_cross_entropy_with_logits is more accurate.
    """
    name = "binary_cross_entropy"
    reduction = reduction_of(name, size_average, reduce, reduction)
    p, t = pair_of(name, input, target, broadcasts=False)
    for argument, given in (("input", p), ("target", t)):
        a = given.data
        if a.size and not (a.min() >= 0 and a.max() <= 1):  # nan is neither
            hint = "; binary_cross_entropy_with_logits takes any numbers" if given is p else ""
            raise ValueError(
                f"{where(name)}: {argument} has to be from 0 to 1, not from {a.min()} to {a.max()}{hint}"
            )
    w = fitting(name, weight, p)

    def loss(p, t, w):
        losses = _binary_cross_entropy(p, t)
        return mean_or(losses if w is None else losses * w, reduction)

    return in_single(loss, p, t, w)


def binary_cross_entropy_with_logits(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: ArrayLike | None = None,
) -> Tensor:
    """binary_cross_entropy of sigmoid(input) and target, elementwise, accurate for inputs of any size.

    `pos_weight`, which broadcasts to the shape of input (one for each class, say), is multiplied with the
    part of the loss that belongs to targets of 1, `weight` with the whole. `reduction`: "mean" over all
    elements, "sum", or "none". ValueError for shapes that do not fit.
    """
    name = "binary_cross_entropy_with_logits"
    reduction = reduction_of(name, size_average, reduce, reduction)
    x, t = pair_of(name, input, target, broadcasts=False)
    w, of_pos = fitting(name, weight, x), fitting(name, pos_weight, x, "pos_weight")

    def loss(x, t, w, of_pos):
        losses = _binary_cross_entropy_with_logits(x, t, of_pos)
        return mean_or(losses if w is None else losses * w, reduction)

    return in_single(loss, x, t, w, of_pos)


# ---------------------------------------------------------------------------------- distributions


@op(needs=True, inputs=2, flops=10)
def _relative_entropy(needs, x, t):
    """t (log t - x), and 0 where t is 0, whatever x."""
    none = t == 0
    with np.errstate(invalid="ignore"):  # of negative targets: nan
        gap = np.log(np.where(none, 1, t)) - np.where(none, 0, x)
    x = x if needs[1] else None

    def backward(g):
        dt = None
        if needs[1]:
            with np.errstate(divide="ignore", invalid="ignore"):
                dt = g * (np.log(t) - x + 1)
        return -g * t if needs[0] else None, dt

    return t * gap, backward


@op(needs=True, inputs=2, flops=10)
def _relative_entropy_of_logs(needs, x, t):
    """e^t (t - x), and 0 where e^t is 0, whatever x."""
    e = np.exp(t)
    none = e == 0
    gap = np.where(none, 0, t) - np.where(none, 0, x)
    out = e * gap
    gap = gap if needs[1] else None

    def backward(g):
        return -g * e if needs[0] else None, g * e * (gap + 1) if needs[1] else None

    return out, backward


def kl_div(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target (log(target) - input), elementwise: input are logarithms, target probabilities.

    Or their logarithms with `log_target`. Where a target is 0, so is the loss, whatever the input.
    `reduction`: "batchmean" is the sum over the length of the first axis, which is the divergence; "mean"
    over all elements (with a UserWarning, as in PyTorch), "sum", or "none". ValueError for another one or for
    shapes that do not fit; input and target broadcast with a warning.
    """
    if reduction == "mean" and size_average is None and reduce is None:
        message = "reduction='mean' divides by the number of all elements; 'batchmean' is the divergence"
        warnings.warn(f"kl_div: {message}", UserWarning, stacklevel=2)
    of_batch = reduction == "batchmean" and size_average is None and reduce is None
    reduction = reduction_of("kl_div", size_average, reduce, "sum" if reduction == "batchmean" else reduction)
    x, t = pair_of("kl_div", input, target)
    kernel = _relative_entropy_of_logs if log_target else _relative_entropy

    def loss(x, t):
        y = mean_or(kernel(x, t), reduction)
        return quotient(y, x.shape[0]) if of_batch and x.ndim else y

    return in_single(loss, x, t)


# ---------------------------------------------------------------------------------- counts and measurements


def poisson_nll_loss(
    input: ArrayLike,
    target: ArrayLike,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """exp(input) - target input, elementwise: of counts `target` and logarithms of the expected ones.

    Without `log_input`, input - target log(input + eps) of the expected counts. `full` adds Stirling's
    approximation of log(target!), target log(target) - target + log(2 pi target) / 2, where target > 1.
    Shapes broadcast. `reduction`: "mean" over all elements, "sum", or "none"; ValueError for another one.
    """
    reduction = reduction_of("poisson_nll_loss", size_average, reduce, reduction)
    x, t = as_float(input, target), as_float(target, input)
    broadcast_or_refuse("poisson_nll_loss", input=x, target=t)

    def loss(x, t):
        losses = ag.exp(x) - t * x if log_input else x - t * ag.log(x + eps)
        if full:
            large = t.data > 1
            t = ag.where(large, t, 1)
            stirling = t * ag.log(t) - t + ag.log(t * (2 * math.pi)) * 0.5
            losses = losses + ag.where(large, stirling, 0)
        return mean_or(losses, reduction)

    return in_single(loss, x, t)


@op(needs=True, inputs=3, flops=8)
def _gaussian_nll(needs, x, t, var, eps=1e-6):
    """(log v + (x - t)^2 / v) / 2 of v = max(var, eps), whose gradient goes to var all the same."""
    d, v = x - t, np.maximum(var, eps)

    def backward(g):
        slope = g * (d / v)
        dv = g * (1 - d * d / v) / (2 * v) if needs[2] else None
        return slope if needs[0] else None, -slope if needs[1] else None, dv

    return (np.log(v) + d * d / v) / 2, backward


def gaussian_nll_loss(
    input: ArrayLike,
    target: ArrayLike,
    var: ArrayLike,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """(log(var) + (input - target)^2 / var) / 2, elementwise, of means `input` and variances `var`.

    Nix and Weigend 1994. A variance counts as `eps` at least. `var` is a number, or shaped as input, or so
    but without the last axis or with one axis of length 1 (one variance for several numbers). `full` adds
    log(2 pi) / 2. `reduction`: "mean" over all elements, "sum", or "none". ValueError for another one, for
    shapes that do not fit, for a negative variance or an eps that is not positive.
    """
    name = "gaussian_nll_loss"
    reduction = reduction_of(name, None, None, reduction)
    if not eps > 0:
        raise ValueError(f"{where(name)}: eps is a positive number, not {eps}")
    x, t = as_float(input, target), as_float(target, input)
    broadcast_or_refuse(name, input=x, target=t)
    v = _variances(name, var, x)

    def loss(x, t, v):
        losses = _gaussian_nll(x, t, v, eps)
        return mean_or(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)

    return in_single(loss, x, t, v)


def _variances(name, var, input):
    """`var` as a Tensor that broadcasts to input."""
    number, var = not np.ndim(var), as_float(var, input)
    if number:
        var = var.astype(input.dtype)
    if var.data.size and not var.data.min() >= 0 and (var.data < 0).any():
        raise ValueError(f"{where(name)}: var has negative numbers, down to {var.data.min()}")
    shape, given = input.shape, var.shape
    if number or given == shape:
        return var
    if given == shape[:-1]:
        return var[..., None]
    others = [n for m, n in zip(shape, given, strict=False) if m != n]
    if len(given) == len(shape) and others == [1]:
        return var
    raise ValueError(
        f"{where(name)}: var of shape {given} for input of shape {shape}; it is a number, or has this shape, "
        f"or {shape[:-1]}, or one axis of length 1"
    )
