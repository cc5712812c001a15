"""Losses of very many classes, such as the words of a vocabulary."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike, as_array
from ._inputs import as_float, as_tensor, reduction_of, where
from ._losses import in_single
from .linear import linear
from .loss import class_weights, counted_targets, cross_entropy, over, weights_at

__all__ = ["linear_cross_entropy"]

NAME = "linear_cross_entropy"


def _flops(inputs, outputs, _):
    x, weight, *_ = inputs
    return math.prod(x[:-1]) * weight[0] * (2 * weight[-1] + 6)


@op(needs=True, inputs=3, flops=_flops)
def _linear_cross_entropy(needs, x, weight, bias, targets, step=1):
    """-log softmax(x @ weight.T + bias)[target] of each row; the logits of `step` rows are there at a time.

    They are made once more for the gradient.
    """
    count = x.shape[0]
    pieces = [(slice(i, i + step), min(step, count - i)) for i in range(0, count, step)]

    def of(rows, length):
        """Logits less their maximum, and where in them the targets' are."""
        z = x[rows] @ weight.mT
        z = z if bias is None else z + bias
        return z - z.max(axis=-1, keepdims=True), (np.arange(length, like=targets), targets[rows])

    losses = np.empty_like(x, shape=(count,))
    for rows, length in pieces:
        z, here = of(rows, length)
        losses[rows] = np.log(np.exp(z).sum(axis=-1)) - z[here]

    def backward(g):
        dx, dw, db = (np.zeros_like(a) if n else None for a, n in zip((x, weight, bias), needs, strict=True))
        for rows, length in pieces:
            z, here = of(rows, length)
            d = np.exp(z)
            d = d * (g[rows] / d.sum(axis=-1))[:, None]  # (softmax - target distribution) g
            d[here] -= g[rows]
            if needs[0]:
                dx[rows] = d @ weight
            if needs[1]:
                dw += d.mT @ x[rows]
            if needs[2]:
                db += d.sum(axis=0)
        return dx, dw, db

    return losses, backward


def linear_cross_entropy(
    input: ArrayLike,
    linear_weight: ArrayLike,
    target: ArrayLike,
    *,
    linear_bias: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """cross_entropy of linear(input, linear_weight, linear_bias), shapes (N, in) or (in,), (C, in) and (C,).

    Or linear_weight (C, d1, ..., in) for input (N, in) and logits (N, C, d1, ...), with a bias shaped as it
    without the last axis. `target`, `weight`, `reduction` and `label_smoothing` are as in cross_entropy, and
    `ignore_index`, which is -100 unless given. With `options`, a LinearCrossEntropyOptions, the logits of a
    few rows are there at a time, and are computed again for the gradient: half more work or so, never N x C
    numbers in memory; UserWarning where that is not possible (probabilities as targets, smoothing, d1 and
    more) and all are made at once. ValueError, TypeError and IndexError are those of cross_entropy.
    """
    reduction = reduction_of(NAME, None, None, reduction)
    x = as_float(input)
    w, b = as_float(linear_weight, x), None if linear_bias is None else as_float(linear_bias, x)
    _check(x, w, b)
    t = target if isinstance(target, Tensor) else as_array(target)
    more = w.shape[1:-1]
    logits = (*x.shape[:-1], w.shape[0], *more)
    shares = t.dtype.kind == "f" and t.shape == logits
    if shares and ignore_index is not None:
        raise ValueError(
            f"{where(NAME)}: ignore_index={ignore_index} is of integer targets, not of probabilities"
        )
    ignore_index = -100 if ignore_index is None else ignore_index
    if options is not None:
        if not hasattr(options, "batch_chunk_size"):
            raise TypeError(f"{where(NAME)}: options is a LinearCrossEntropyOptions, not {options!r}")
        if not (shares or label_smoothing or more):
            return _in_pieces(x, w, b, t, weight, reduction, ignore_index, options)
        message = "options= is for integer targets and a linear_weight of two axes, without label_smoothing"
        warnings.warn(f"{NAME}: {message}; all logits are made at once", UserWarning, stacklevel=2)

    def loss(x, w, b):
        if more:
            w, b = w.reshape(-1, w.shape[-1]), None if b is None else b.reshape(-1)
        return cross_entropy(
            linear(x, w, b).reshape(logits),
            t,
            weight,
            ignore_index=ignore_index,
            reduction=reduction,
            label_smoothing=label_smoothing,
        )

    return in_single(loss, x, w, b)


def _check(input, weight, bias):
    shapes = f"{where(NAME)}: input of shape {input.shape}, linear_weight of shape {weight.shape}"
    if input.ndim not in (1, 2):
        raise ValueError(
            f"{shapes}; input is (N, in) or (in,): use input.reshape(-1, {(1, *input.shape)[-1]})"
        )
    if weight.ndim < 2:
        raise ValueError(f"{shapes}; linear_weight is (C, in) or (C, d1, ..., in)")
    if input.shape[-1] != weight.shape[-1]:
        raise ValueError(f"{shapes}, whose last axes differ")
    if weight.ndim > 2 and input.ndim == 1:
        raise ValueError(
            f"{shapes}; a linear_weight of more than two axes needs input (N, in): use input[None]"
        )
    if bias is not None and bias.shape != weight.shape[:-1]:
        raise ValueError(f"{shapes}, linear_bias of shape {bias.shape}, expected {weight.shape[:-1]}")


def _in_pieces(input, linear_weight, linear_bias, target, weight, reduction, ignore_index, options):
    one = input.ndim == 1
    if one:
        input, target = input[None], as_tensor(target).data[None]
    classes, features = linear_weight.shape
    target = target.data if isinstance(target, Tensor) else target
    weight = class_weights(NAME, weight, input, (classes,))
    target, counted = counted_targets(NAME, target, (*input.shape[:-1], classes), ignore_index)
    step = rows_at_a_time(options, input.shape[0], features, classes)

    def loss(x, w, b, weight):
        x = ag.where(counted[:, None], x, 0)  # what is ignored may be inf or nan
        losses = ag.where(counted, _linear_cross_entropy(x, w, b, target, step), 0)
        counts = counted
        if weight is not None:
            counts = weights_at(weight, target, counted)
            losses = losses * counts
        return over(losses, counts, reduction)

    y = in_single(loss, input, linear_weight, linear_bias, weight)
    return y[0] if one and reduction == "none" else y


def rows_at_a_time(options, rows, features, classes):
    """As `options` say; by "auto" as many as there are features, so that logits are as many as weights.

    For each piece the gradient of all weights is read and written, which fewer rows would not be worth.
    """
    size, method = options.batch_chunk_size, options.chunking_method
    if method is None or method == "auto":
        return max(1, min(rows, size or (rows if method is None else features)))
    wanted = max(1, -(-rows // -(-classes // max(1, features))))
    found = (1 << (wanted - 1).bit_length()) // int(method.partition(":")[2] or 1)
    found = max(1, min(found, rows))
    if size is not None and min(size, rows) != found:
        raise ValueError(
            f"{where(NAME)}: batch_chunk_size={size} and chunking_method={method!r}, which gives {found}, "
            "disagree; give one of them"
        )
    return found
