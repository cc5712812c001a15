"""Normalisation of each item by itself: groups of its channels, or each channel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from ...autograd import Tensor, op
from ...autograd.arrays import HALF, ArrayLike, opaque
from ._channels import HI, LO, VAR, R, combine, fill, gradient_sums, moments, quietly, scale, times
from ._inputs import as_float, as_tensor, where
from ._running import check_momentum, check_running, follow
from .batchnorm import checked, normalized

__all__ = ["group_norm", "instance_norm"]


def group_norm_plain(needs, x, weight=None, bias=None, groups=1, eps=1e-5):
    n, c = x.shape[:2]
    each, width = c // groups, math.prod(x.shape[2:])
    shape, rows = x.shape, x.reshape(n, groups, each * width)
    m = max(1, each * width)
    mean = rows.sum(axis=2) / m
    xhat = rows - mean[..., None]
    rest = xhat.sum(axis=2) / m  # of a large mean the rounding is left
    xhat = xhat - rest[..., None]
    squares = (xhat * xhat).sum(axis=2)
    r = 1 / np.sqrt(squares / m + eps)
    xhat = xhat * r[..., None]
    y = by_channel = xhat.reshape(n, c, width)
    y = y if weight is None else y * weight[:, None]
    y = y if bias is None else y + bias[:, None]
    free = max(1, m - 1)

    def backward(gs):  # dx = r (d - mean(d) - xhat mean(d xhat)) with d = g weight
        g, of_mean, of_var = gs
        g = np.zeros_like(by_channel) if g is None else g.reshape(n, c, width)
        db = g.sum(axis=(0, 2))
        dw = (g * by_channel).sum(axis=(0, 2))
        d = (g if weight is None else g * weight[:, None]).reshape(rows.shape)
        level, slope = -r * d.sum(axis=2) / m, -r * (d * xhat).sum(axis=2) / m
        if of_mean is not None:
            level = level + of_mean / m
        if of_var is not None:
            slope = slope + of_var / r * (2 / free)
        dx = d * r[..., None] + xhat * slope[..., None] + level[..., None]
        grads = dx.reshape(shape), dw, db
        return tuple([d if need else None for d, need in zip(grads, needs, strict=True)])

    return (y.reshape(shape), mean + rest, squares / free), backward


@op(inputs=3, plain=group_norm_plain, needs=True, several=True, flops=8)
def _group_norm(needs, x, weight=None, bias=None, groups=1, eps=1e-5):
    """(y, mean, var) of x (N, C, ...); mean and var (N, groups), var as of a sample, divided by one less."""
    n, c = x.shape[:2]
    shape, x = x.shape, x.reshape(n, c, math.prod(x.shape[2:]))
    table = np.empty_like(x, shape=(5, n, groups))
    _describe(table, x, eps)
    y = np.empty_like(x, order="C")
    scale(y, x, table, weight, bias)
    m = c // groups * x.shape[2]
    mean, var = table[HI] + table[LO], times(table[VAR], m / max(1, m - 1), x.dtype)
    if not needs[0]:
        weight = None  # backward does without

    def backward(gs):
        g, of_mean, of_var = gs
        g = np.zeros_like(x) if g is None else g.reshape(x.shape)
        sums = np.empty_like(x, shape=(2, n, c), dtype=np.float64)
        gradient_sums(sums, g, x, table)
        r = np.repeat(table[R], c // groups, axis=1)
        dw = _total(times(sums[1], r, np.float64), x.dtype) if needs[1] else None
        db = _total(sums[0], x.dtype) if needs[2] else None
        if not needs[0]:
            return None, dw, db
        dx = np.empty_like(x, shape=shape, order="C")  # a view would be copied by the engine
        _input_gradient(dx.reshape(x.shape), g, x, table, weight, sums, of_mean, of_var)
        return dx, dw, db

    return (y.reshape(shape), mean, var), backward


@quietly
def _total(a, dtype):
    return a.sum(axis=0).astype(dtype)


@opaque
@quietly
def _describe(table, x, eps):
    n, groups = table.shape[1:]
    mean, var = moments(x.reshape(n, groups, x.shape[1] // groups * x.shape[2]), eps, of_all=False)
    fill(table, mean, var, eps)


@opaque
@quietly
def _input_gradient(dx, g, x, table, weight, sums, of_mean, of_var):
    """dx = r (d - mean(d) - xhat mean(d xhat)) with d = g weight, and what comes by mean and var."""
    _, n, groups = table.shape
    each = x.shape[1] // groups
    m = max(1, each * x.shape[2])
    if weight is not None:
        sums = sums * weight
    of_d, of_dx = sums.reshape(2, n, groups, each).sum(axis=3)
    r = table[R]
    level, slope = -r * of_d / m, -(r**3) * of_dx / m
    if of_mean is not None:
        level += of_mean / m
    if of_var is not None:
        slope += of_var * (2 / max(1, m - 1))
    combine(dx, g, x, table, weight, slope, level)


# ------------------------------------------------------------------------------------------------ public


def group_norm(
    input: ArrayLike,
    num_groups: int,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(input - mean) / sqrt(var + eps) * weight + bias; input (N, C, ...), its C channels in num_groups.

    mean and var are those of an item's group of channels, over all further axes; weight and bias are (C,),
    the result is shaped as input. Wu and He 2018, arXiv:1803.08494. ValueError for shapes that do not fit,
    and for a batch of one item whose groups are single values; TypeError where num_groups is no integer.
    """
    x = as_float(input, weight)
    weight, bias = checked("group_norm", x, weight, bias)
    if isinstance(num_groups, bool):
        raise TypeError(f"{where('group_norm')}: num_groups is an integer, not {num_groups!r}")
    groups = index(num_groups)
    n, c = x.shape[:2]
    if groups < 1 or c % groups:
        raise ValueError(
            f"{where('group_norm')}: input of shape {x.shape} has {c} channels, which cannot be put in "
            f"num_groups={groups} of the same size"
        )
    if n * c // groups * math.prod(x.shape[2:]) == 1:
        raise ValueError(
            f"{where('group_norm')}: input of shape {x.shape} has a single value in each of {groups} groups, "
            "whose variance is 0"
        )
    return _in_groups(x, weight, bias, groups, eps)[0]


def _in_groups(x: Any, weight: Any, bias: Any, groups: int, eps: float) -> Sequence[Tensor]:
    if x.dtype != HALF:
        return _group_norm(x, weight, bias, groups, eps)
    x, weight, bias = [a if a is None else a.astype(np.float32) for a in (x, weight, bias)]
    y, mean, var = _group_norm(x, weight, bias, groups, eps)
    return y.astype(HALF), mean, var


def instance_norm(
    input: ArrayLike,
    running_mean: ArrayLike | None = None,
    running_var: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(input - mean) / sqrt(var + eps) * weight + bias for each item and channel; input (N, C, L, ...).

    With `use_input_stats` mean and var are those over the axes after C, and running_mean and running_var,
    arrays or Tensors (C,) or None, become (1 - momentum) * running + momentum * new in place, of unbiased
    variances and over the batch; else they are mean and var. weight and bias are (C,), the result is shaped
    as input. Ulyanov et al. 2016, arXiv:1607.08022. ValueError for shapes that do not fit, for a single value
    to normalise, and where running statistics are missing.
    """
    name = "instance_norm"
    if not use_input_stats:
        return normalized(name, input, running_mean, running_var, weight, bias, False, momentum, eps)
    x = as_float(input, weight)
    weight, bias = checked(name, x, weight, bias)
    check_running(name, x, running_mean, running_var, False)
    if running_mean is not None:
        check_momentum(name, momentum)
    values = math.prod(x.shape[2:])
    if values == 1:
        raise ValueError(
            f"{where(name)}: input of shape {x.shape} has one value for each item and channel, whose "
            "variance is 0; axes of more are to follow the channels"
        )
    y, mean, var = _in_groups(x, weight, bias, x.shape[1], eps) if x.shape[1] else (x, x, x)
    if running_mean is not None:
        with np.errstate(all="ignore"):
            mean, var = (as_tensor(part.data.sum(axis=0) / max(1, len(part.data))) for part in (mean, var))
        follow(name, (running_mean, running_var, None), mean, var, values * x.shape[0], momentum)
    return y
