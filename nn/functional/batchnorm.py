"""Batch normalisation: each channel by its statistics over the batch, or by running ones."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ...autograd import Tensor, op
from ...autograd.arrays import HALF, ArrayLike, opaque
from ._channels import HI, LO, VAR, R, combine, fill, gradient_sums, moments, quietly, scale, times
from ._inputs import as_float, as_tensor, where
from ._running import check_momentum, check_running, follow, read

__all__ = ["batch_norm"]


def batch_norm_plain(needs, x, weight=None, bias=None, eps=1e-5, gather=None):
    if gather is not None:
        raise NotImplementedError(
            "SyncBatchNorm over several replicas has a first derivative only: what these exchange is not "
            "recorded. On one replica, or as BatchNorm, it has all"
        )
    n, c = x.shape[:2]
    x = (whole := x).reshape(n, c, math.prod(x.shape[2:]))
    share, free = 1 / max(1, n * x.shape[2]), 1 / max(1, n * x.shape[2] - 1)
    mean = x.sum(axis=(0, 2)) * share
    xhat = x - mean[:, None]
    rest = xhat.sum(axis=(0, 2)) * share  # of a large mean the rounding is left
    xhat = xhat - rest[:, None]
    squares = (xhat * xhat).sum(axis=(0, 2))
    r = 1 / np.sqrt(squares * share + eps)
    xhat = xhat * r[:, None]
    y = xhat if weight is None else xhat * weight[:, None]
    y = y if bias is None else y + bias[:, None]

    def backward(gs):  # dx = r (d - mean(d) - xhat mean(d xhat)) with d = g weight
        g, of_mean, of_var = gs
        g = np.zeros_like(xhat) if g is None else g.reshape(xhat.shape)
        db = g.sum(axis=(0, 2))
        dw = (g * xhat).sum(axis=(0, 2))
        a = r if weight is None else r * weight
        level, slope = -a * db * share, -a * dw * share
        if of_mean is not None:
            level = level + of_mean * share
        if of_var is not None:
            slope = slope + of_var / r * (2 * free)
        dx = g * a[:, None] + xhat * slope[:, None] + level[:, None]
        grads = dx.reshape(whole.shape), dw, db
        return tuple([d if need else None for d, need in zip(grads, needs, strict=True)])

    return (y.reshape(whole.shape), mean + rest, squares * free), backward


@op(inputs=3, plain=batch_norm_plain, needs=True, several=True, flops=8)
def _batch_norm(needs, x, weight=None, bias=None, eps=1e-5, gather=None):
    """(y, mean, var) of x (N, C, ...), var that of a sample (divided by one less).

    `gather` gives for an array those of all replicas, one row each, of which x is a part.
    """
    n, c = x.shape[:2]
    shape, x = x.shape, x.reshape(n, c, math.prod(x.shape[2:]))
    table = np.empty_like(x, shape=(5, 1, c))
    total = np.empty_like(table, shape=())  # how many numbers a channel has, in all replicas
    _describe(table, total, x, eps, gather)
    y = np.empty_like(x, order="C")
    scale(y, x, table, weight, bias)
    mean = table[HI, 0] + table[LO, 0]
    var = times(table[VAR, 0], total / np.maximum(1, total - 1), x.dtype)
    if not needs[0]:
        weight = total = None  # backward does without

    def backward(gs):
        g, of_mean, of_var = gs
        g = np.zeros_like(x) if g is None else g.reshape(x.shape)
        sums = np.empty_like(x, shape=(2, 1, c), dtype=np.float64)
        gradient_sums(sums, g, x, table)
        dw = times(sums[1, 0], table[R, 0], x.dtype) if needs[1] else None
        db = times(sums[0, 0], 1, x.dtype) if needs[2] else None
        if not needs[0]:
            return None, dw, db
        dx = np.empty_like(x, shape=shape, order="C")  # a view would be copied by the engine
        _input_gradient(dx.reshape(x.shape), g, x, table, weight, sums, total, (of_mean, of_var), gather)
        return dx, dw, db

    return (y.reshape(shape), mean, var), backward


@opaque
@quietly
def _describe(table, total, x, eps, gather):
    mean, var = moments(x, eps, of_all=True)
    count = x.shape[0] * x.shape[2]
    if gather is not None:
        mine = np.concatenate([np.full_like(mean, count), mean, var])
        counts, means, variances = gather(mine).swapaxes(0, 1)
        count = counts[:, 0].sum()
        shares = counts / max(1, count)
        mean = (shares * means).sum(axis=0)
        var = (shares * (variances + np.square(means - mean))).sum(axis=0)
    total[...] = count
    fill(table, mean, var, eps)


@opaque
@quietly
def _input_gradient(dx, g, x, table, weight, sums, total, of_others, gather):
    """dx = a (g - mean(g) - xhat mean(g xhat)) with a = weight r, and what comes by mean and var."""
    if gather is not None:
        sums = gather(sums.reshape(2, -1)).sum(axis=0)[:, None]
    r, share = table[R], 1 / np.maximum(1, total)
    a = r if weight is None else r * weight
    level, slope = -a * sums[0] * share, -a * r * r * sums[1] * share
    of_mean, of_var = of_others
    if of_mean is not None:
        level += of_mean * share
    if of_var is not None:
        slope += of_var * (2 / np.maximum(1, total - 1))
    combine(dx, g, x, table, weight, slope, level)


# ----------------------------------------------------------------------------------- by given statistics


def running_norm_plain(needs, x, mean, var, weight=None, bias=None, eps=1e-5):
    n, c = x.shape[:2]
    shape, x = x.shape, x.reshape(n, c, math.prod(x.shape[2:]))
    r = 1 / np.sqrt(var + eps)
    a = r if weight is None else r * weight
    centred = x - mean[:, None]
    y = centred * a[:, None]
    y = y if bias is None else y + bias[:, None]

    def backward(g):
        g = g.reshape(x.shape)
        db = g.sum(axis=(0, 2))
        squares = (g * centred).sum(axis=(0, 2))
        dx = (g * a[:, None]).reshape(shape)
        grads = dx, -a * db, squares * a * r * r / -2, squares * r, db
        return tuple([d if need else None for d, need in zip(grads, needs, strict=True)])

    return y.reshape(shape), backward


@op(inputs=5, plain=running_norm_plain, needs=True, flops=2)
def _running_norm(needs, x, mean, var, weight=None, bias=None, eps=1e-5):
    """(x - mean) / sqrt(var + eps) * weight + bias for each channel of x (N, C, ...)."""
    n, c = x.shape[:2]
    shape, x = x.shape, x.reshape(n, c, math.prod(x.shape[2:]))
    table = np.empty_like(x, shape=(5, 1, c))
    _fill(table, mean, var, eps)
    y = np.empty_like(x, order="C")
    scale(y, x, table, weight, bias)
    dtype, width = x.dtype, x.shape[2]
    if not any(needs[1:]):
        x = None  # backward does without
    if not any(needs[:3]):
        weight = None

    def backward(g):
        g = g.reshape(n, c, width)
        dx = None
        if needs[0]:
            dx = np.empty_like(g, shape=shape, order="C")
            scale(dx.reshape(g.shape), g, _without_mean(table), weight, None)
        if x is None:
            return dx, None, None, None, None
        sums = np.empty_like(x, shape=(2, 1, c), dtype=np.float64)
        gradient_sums(sums, g, x, table)
        each = _of_channels(table[R, 0], weight, sums[0, 0], sums[1, 0], dtype)
        return dx, *[d if need else None for d, need in zip(each, needs[1:], strict=True)]

    return y.reshape(shape), backward


@quietly
def _of_channels(r, weight, db, squares, dtype):
    """The gradients of mean, var, weight and bias."""
    a = r if weight is None else r * weight
    each = -a * db, squares * a * r * r / -2, squares * r, db
    return [d.astype(dtype) for d in each]


@opaque
@quietly
def _fill(table, mean, var, eps):
    fill(table, mean.astype(np.float64), var.astype(np.float64), eps)


def _without_mean(table):
    even = np.zeros_like(table)
    even[R] = table[R]
    return even


# ------------------------------------------------------------------------------------------------ public


def batch_norm(
    input: ArrayLike,
    running_mean: ArrayLike | None,
    running_var: ArrayLike | None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(input - mean) / sqrt(var + eps) * weight + bias for each channel; input (N, C) or (N, C, ...).

    While `training` mean and var are those over all axes but C, and running_mean and running_var, arrays or
    Tensors (C,) or None, become (1 - momentum) * running + momentum * new in place, with the unbiased
    variance; else they are mean and var. weight and bias are (C,), the result is shaped as input. Ioffe and
    Szegedy 2015, arXiv:1502.03167. ValueError for shapes that do not fit, for a single value a channel in
    training, and where running statistics are missing; TypeError for momentum=None.
    """
    if momentum is None:
        raise TypeError(
            f"{where('batch_norm')}: momentum is a number; BatchNorm2d(momentum=None) averages all"
        )
    return normalized("batch_norm", input, running_mean, running_var, weight, bias, training, momentum, eps)


def normalized(
    name: str,
    input: ArrayLike,
    running_mean: ArrayLike | None,
    running_var: ArrayLike | None,
    weight: ArrayLike | None,
    bias: ArrayLike | None,
    training: bool,
    momentum: float | None,
    eps: float,
    count: np.ndarray | None = None,
    gather: Callable | None = None,
) -> Tensor:
    """batch_norm, and what only modules ask for: `count`, batches so far, goes up by one, and is what
    momentum=None averages over; `gather` as of the op."""
    x = as_float(input, weight)
    if x.shape == (0,):  # PyTorch takes it for an empty batch
        return normalized(
            name, x.reshape(0, 0), running_mean, running_var, weight, bias, training, momentum, eps, count
        ).reshape(0)
    affine = checked(name, x, weight, bias)
    if not eps >= 0 or (training and eps == 0):
        raise ValueError(f"{where(name)}: eps must be positive, not {eps}")
    check_running(name, x, running_mean, running_var, not training)
    check_momentum(name, momentum)
    values = x.shape[0] * math.prod(x.shape[2:])
    if training and values == 1 and gather is None:
        raise ValueError(
            f"{where(name)}: input of shape {x.shape} has one value for each channel, whose variance is 0; "
            f"give a larger batch{', or call eval() first' if running_mean is not None else ''}"
        )
    half = x.dtype == HALF
    x, w, b = [a.astype(np.float32) if half and a is not None else a for a in (x, *affine)]
    if not training:
        mean, var = (as_tensor(read(a)).astype(x.dtype) for a in (running_mean, running_var))
        y = _running_norm(x, mean, var, w, b, eps)
        return y.astype(HALF) if half else y
    options = (eps,) if gather is None else (eps, gather)
    y, mean, var = _batch_norm(x, w, b, *options)
    follow(name, (running_mean, running_var, count), mean, var, values, momentum)
    return y.astype(HALF) if half else y


def checked(name: str, x: Tensor, weight, bias) -> list:
    """weight and bias as Tensors or None; ValueError for what does not fit a channel each."""
    if x.ndim < 2:
        raise ValueError(f"{where(name)}: input of shape {x.shape} is to be (N, C) or (N, C, ...)")
    found = []
    for argument, given in (("weight", weight), ("bias", bias)):
        given = None if given is None else as_tensor(given)
        if given is not None and given.shape != (x.shape[1],):
            raise ValueError(
                f"{where(name)}: {argument} of shape {given.shape} for input of shape {x.shape}, which has "
                f"{x.shape[1]} channels on axis 1"
            )
        found.append(given)
    return found
