"""Losses of numbers that are to come close to others: squares, distances, and what lies between."""

from __future__ import annotations

import numpy as np

from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike
from ._inputs import reduction_of, where
from ._losses import in_single, mean_or, of_full_size, pair_of, weighted

__all__ = ["huber_loss", "l1_loss", "mse_loss", "smooth_l1_loss"]


@op(needs=True, inputs=2, flops=2)
def _squared_error(needs, x, t):
    d = x - t

    def backward(g):
        slope = g * (2 * d)
        return slope if needs[0] else None, -slope if needs[1] else None

    return d * d, backward


@op(needs=True, inputs=2, flops=2)
def _absolute_error(needs, x, t):
    d = x - t
    side = np.sign(d)  # 0 where they are equal

    def backward(g):
        slope = g * side
        return slope if needs[0] else None, -slope if needs[1] else None

    return np.absolute(d), backward


@op(needs=True, inputs=2, flops=5)
def _rounded_error(needs, x, t, width=1.0, scale=1.0):
    """scale d^2 / 2 where |d| <= width, scale width (|d| - width / 2) beyond, of d = x - t.

    Both are scale c (d - c / 2) of the slope c, which is d cut off at the width.
    """
    d = x - t
    c = np.clip(d, -width, width)
    d = d - c / 2
    d *= c
    if scale != 1:
        d *= scale
        c = c * scale

    def backward(g):
        slope = g * c
        return slope if needs[0] else None, -slope if needs[1] else None

    return d, backward


def mse_loss(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: ArrayLike | None = None,
) -> Tensor:
    """(input - target)^2, elementwise; `reduction`: "mean" over all elements, "sum", or "none".

    With `weight`, shaped as input, each is multiplied by its own, and the mean is the sum over the sum of the
    weights. UserWarning where input and target differ in shape and are broadcast, ValueError where they do
    not fit, or for another reduction. `size_average` and `reduce` are older words for `reduction`.
    """
    reduction = reduction_of("mse_loss", size_average, reduce, reduction)
    x, t = pair_of("mse_loss", input, target)
    w = of_full_size("mse_loss", weight, x)
    return in_single(lambda x, t, w: weighted(_squared_error(x, t), w, reduction), x, t, w)


def l1_loss(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: ArrayLike | None = None,
) -> Tensor:
    """|input - target|, elementwise, with gradient 0 where they are equal.

    Weights, the reduction, warnings and errors are as those of mse_loss.
    """
    reduction = reduction_of("l1_loss", size_average, reduce, reduction)
    x, t = pair_of("l1_loss", input, target)
    w = of_full_size("l1_loss", weight, x)
    return in_single(lambda x, t, w: weighted(_absolute_error(x, t), w, reduction), x, t, w)


def smooth_l1_loss(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """d^2 / (2 beta) where |d| < beta, else |d| - beta / 2, of d = input - target, elementwise.

    Girshick 2015, arXiv:1504.08083. For beta = 0 it is l1_loss. ValueError for a negative one; the reduction
    and all else are as those of mse_loss.
    """
    reduction = reduction_of("smooth_l1_loss", size_average, reduce, reduction)
    if not beta >= 0:
        raise ValueError(f"{where('smooth_l1_loss')}: beta is a number from 0 on, not {beta}")
    x, t = pair_of("smooth_l1_loss", input, target)

    def loss(x, t):
        return _absolute_error(x, t) if beta == 0 else _rounded_error(x, t, float(beta), 1 / beta)

    return in_single(lambda x, t: mean_or(loss(x, t), reduction), x, t)


def huber_loss(
    input: ArrayLike,
    target: ArrayLike,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: ArrayLike | None = None,
) -> Tensor:
    """d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), of d = input - target, elementwise.

    Huber 1964. With `weight`, shaped as input, each is multiplied by its own; other than in mse_loss, the
    mean is over the number of elements then too. ValueError for a delta that is not positive; the reduction
    and all else are as those of mse_loss.
    """
    reduction = reduction_of("huber_loss", None, None, reduction)
    if not delta > 0:
        raise ValueError(f"{where('huber_loss')}: delta is a positive number, not {delta}")
    x, t = pair_of("huber_loss", input, target)
    w = of_full_size("huber_loss", weight, x)

    def loss(x, t, w):
        losses = _rounded_error(x, t, float(delta))
        return mean_or(losses if w is None else losses * w, reduction)

    return in_single(loss, x, t, w)
