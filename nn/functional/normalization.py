"""Normalisation over the last axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike, opaque
from ...autograd.kernels import LONG, SMALLEST_BUFFER, blocks, ones
from ._inputs import as_float, where, widened

__all__ = ["layer_norm", "rms_norm"]

BLOCK = 1 << 18  # numbers of a block
# Means over the last axis are products with a vector of 1/n: BLAS is several times faster than np.mean there.


def _centred_plain(x, average, eps):
    """x without its mean, memory of its shape, and 1 / sqrt(var + eps)."""
    xhat = x - (x @ average)[..., None]
    for _ in range(2):  # of a large mean the rounding is left, and of that a little
        xhat = xhat - (xhat @ average)[..., None]
    y = xhat * xhat
    return xhat, y, 1 / np.sqrt(y @ average + eps)[..., None]


def _centred(x, average, eps):
    mean = (x @ average)[..., None]
    xhat = x - mean
    y = xhat * xhat
    r = (y @ average)[..., None]
    r += eps
    np.sqrt(r, out=r)
    np.reciprocal(r, out=r)
    _centre_again(xhat, y, r, mean, average, eps)
    return xhat, y, r


@opaque
def _centre_again(xhat, y, r, mean, average, eps):
    """Take the rounding of a mean away that is large beside the deviation of its row.

    Below a mean of four deviations it is a few units in the last place of the result. Two products tell at
    little cost that a batch is harmless.
    """
    if np.vdot(mean, mean) * np.vdot(r, r) <= 16 * r.size or not (np.absolute(mean) * r > 4).any():
        return
    xhat -= xhat[..., :1]  # leaves 0 of a constant row
    xhat -= (xhat @ average)[..., None]
    np.multiply(xhat, xhat, out=y)
    r[..., 0] = 1 / np.sqrt(y @ average + eps)


def layer_norm_plain(needs, x, weight=None, bias=None, eps=1e-5):
    return _normalized(needs, x, weight, bias, eps, _centred_plain, _vector_plain)


@op(inputs=3, plain=layer_norm_plain, flops=8)
def _layer_norm(needs, x, weight=None, bias=None, eps=1e-5):
    if weight is None or x.shape[-1] <= LONG or x.size <= BLOCK:
        return _normalized(needs, x, weight, bias, eps, _centred, _vector)
    return _normalized_in_blocks(needs, x, weight, bias, eps)


def _vector_plain(value, size, like):
    return np.full_like(like, value, shape=(size,))


def _vector(value, size, like):
    return _made_once(value, size, like.dtype)


@lru_cache(maxsize=64)
def _made_once(value, size, dtype):
    made = np.full(size, value, dtype)
    made.flags.writeable = False
    return made


def _normalized(needs, x, weight, bias, eps, centred, vector):
    n = x.shape[-1]
    count = math.prod(x.shape[:-1])
    average = vector(1 / max(1, n), n, x)
    xhat, y, r = centred(x, average, eps)
    xhat *= r
    y = xhat if weight is None else np.multiply(xhat, weight, out=y)  # memory that is in the cache
    if bias is not None:
        y = y + bias if weight is None else np.add(y, bias, out=y)
    if not needs[0]:
        weight = average = r = None  # backward does without

    def backward(g):  # dx = r (d - mean(d) - xhat mean(d xhat)) with d = g weight
        rows = vector(1, count, g)
        t = g * xhat
        dw = rows @ t.reshape(count, n) if needs[1] else None
        db = rows @ g.reshape(count, n) if needs[2] else None
        if not needs[0]:
            return None, dw, db
        mixed = average if weight is None else average * weight
        dx = g * 1 if weight is None else g * weight
        dx -= np.multiply(xhat, (t @ mixed)[..., None], out=t)
        dx -= (g @ mixed)[..., None]
        dx *= r
        return dx, dw, db

    return y, backward


def _normalized_in_blocks(needs, x, weight, bias, eps):
    """The same of large arrays, whose passes take half as long as long as they stay in the cache."""
    shape, x = x.shape, x.reshape(-1, x.shape[-1])
    average = _vector(1 / x.shape[1], x.shape[1], x)
    y = np.empty_like(x, shape=shape, order="C")
    xhat, r = np.empty_like(x, order="C"), np.empty_like(x, shape=(len(x), 1))
    _put_normalized(y.reshape(x.shape), xhat, r, x, average, weight, bias, eps)
    if not needs[0]:
        weight = average = r = None  # backward does without

    def backward(g):
        sums = np.zeros_like(g, shape=(2, xhat.shape[1]))
        dx = None
        if needs[0]:
            dx = np.empty_like(g, shape=shape, order="C")
            _put_gradients(sums, dx.reshape(xhat.shape), g.reshape(xhat.shape), xhat, r, weight, average)
        else:
            _put_gradients(sums, None, g.reshape(xhat.shape), xhat)
        return dx, sums[0] if needs[1] else None, sums[1] if needs[2] else None

    return y, backward


@opaque
@np.errstate()  # undoes setbufsize
def _put_normalized(y, xhat, r, x, average, weight, bias, eps):
    np.setbufsize(SMALLEST_BUFFER)
    for block in blocks(*x.shape, BLOCK):
        part, centred, out, scale = x[block], xhat[block], y[block], r[block]
        mean = (part @ average)[:, None]
        np.subtract(part, mean, out=centred)
        np.multiply(centred, centred, out=out)
        scale[:, 0] = out @ average
        scale += eps
        np.sqrt(scale, out=scale)
        np.reciprocal(scale, out=scale)
        _centre_again(centred, out, scale, mean, average, eps)
        centred *= scale
        np.multiply(centred, weight, out=out)
        if bias is not None:
            out += bias


@opaque
@np.errstate()
def _put_gradients(sums, dx, g, xhat, r=None, weight=None, average=None):
    np.setbufsize(SMALLEST_BUFFER)
    mixed = None if dx is None else average * weight
    room = None
    for block in blocks(*xhat.shape, BLOCK):
        seed, part = g[block], xhat[block]
        room = np.empty_like(seed) if room is None else room
        t = np.multiply(seed, part, out=room[: len(seed)])
        rows = ones(len(seed), seed.dtype)
        sums[0] += rows @ t
        sums[1] += rows @ seed
        if dx is not None:
            out = dx[block]
            np.multiply(seed, weight, out=out)
            out -= np.multiply(part, (t @ mixed)[:, None], out=t)
            out -= (seed @ mixed)[:, None]
            out *= r[block]


@op(inputs=2, flops=5)
def _rms_norm(needs, x, weight=None, eps=None):
    n = x.shape[-1]
    count = math.prod(x.shape[:-1])
    eps = np.finfo(x.dtype).eps if eps is None else eps
    r = 1 / np.sqrt(np.vecdot(x, x) / max(1, n) + float(eps))[..., None]
    xhat = x * r
    y = xhat if weight is None else xhat * weight
    if not needs[0]:
        weight = r = None  # backward does without

    def backward(g):  # dx = r (d - xhat mean(d xhat)) with d = g weight
        t = g * xhat
        dw = np.ones_like(g, shape=(count,)) @ t.reshape(count, n) if needs[1] else None
        if not needs[0]:
            return None, dw
        mixed = np.full_like(g, 1 / max(1, n), shape=(n,))
        mixed = mixed if weight is None else mixed * weight
        dx = g * 1 if weight is None else g * weight
        dx -= np.multiply(xhat, (t @ mixed)[..., None], out=t)
        dx *= r
        return dx, dw

    return y, backward


def layer_norm(
    input: ArrayLike,
    normalized_shape: int | Sequence[int],
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(input - mean) / sqrt(var + eps) * weight + bias over the last `len(normalized_shape)` axes.

    weight and bias are of normalized_shape, the result is shaped as input. Ba et al. 2016, arXiv:1607.06450.
    ValueError where the input's shape does not end in normalized_shape.
    """
    input = as_float(input, weight)
    flat = _flatten_last("layer_norm", input, normalized_shape)
    shape = input.data.shape, flat.data.shape[-1]
    arrays = flat, _ravel("layer_norm", "weight", weight, *shape), _ravel("layer_norm", "bias", bias, *shape)
    y = _layer_norm(*arrays, eps) if flat.data.dtype.char != "e" else widened(_layer_norm, *arrays, eps=eps)
    return y if flat is input else y.reshape(input.shape)


def rms_norm(
    input: ArrayLike,
    normalized_shape: int | Sequence[int],
    weight: ArrayLike | None = None,
    eps: float | None = None,
) -> Tensor:
    """input / sqrt(mean(input^2) + eps) * weight over the last `len(normalized_shape)` axes.

    weight is of normalized_shape, the result is shaped as input. `eps=None`: the dtype's precision (of
    float16 float32's, in which it is computed). Zhang and Sennrich 2019, arXiv:1910.07467. ValueError as in
    layer_norm.
    """
    input = as_float(input, weight)
    flat = _flatten_last("rms_norm", input, normalized_shape)
    arrays = flat, _ravel("rms_norm", "weight", weight, input.data.shape, flat.data.shape[-1])
    y = _rms_norm(*arrays, eps) if flat.data.dtype.char != "e" else widened(_rms_norm, *arrays, eps=eps)
    return y if flat is input else y.reshape(input.shape)


def as_shape(normalized_shape) -> tuple[int, ...]:
    """An integer or several as a tuple."""
    if type(normalized_shape) is tuple:
        return normalized_shape
    return tuple(np.atleast_1d(normalized_shape).tolist())


def _flatten_last(name: str, input, normalized_shape):
    """The input with the normalised axes made one."""
    shape = as_shape(normalized_shape)
    if not shape or input.shape[-len(shape) :] != shape:
        raise ValueError(
            f"{where(name)}: input of shape {input.shape} does not end in normalized_shape {shape}"
        )
    return input if len(shape) == 1 else input.reshape(*input.shape[: -len(shape)], math.prod(shape))


def _ravel(name: str, argument: str, weight, shape: tuple[int, ...], size: int):
    """The weight of `size` numbers on one axis; ValueError for another shape than the end of `shape`."""
    if weight is None:
        return None
    weight = weight if isinstance(weight, Tensor) else Tensor(weight)
    given = weight.data.shape
    if given == (size,) == shape[-1:]:
        return weight
    if not given or given != shape[-len(given) :] or weight.data.size != size:
        message = f"{argument} of shape {given} for input of shape {shape}, expected that of normalized_shape"
        raise ValueError(f"{where(name)}: {message}")
    return weight.reshape(-1)
