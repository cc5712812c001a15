"""Normalisation over the last axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike
from .linear import as_tensor

# Means over the last axis are products with a vector of 1/n: BLAS is several times faster than np.mean there.


@op(inputs=3, flops=8)
def _layer_norm(needs, x, weight=None, bias=None, eps=1e-5):
    n = x.shape[-1]
    average = np.full_like(x, 1 / n, shape=(n,))
    xhat = x - (x @ average)[..., None]
    y = xhat * xhat
    r = 1 / np.sqrt(y @ average + eps)[..., None]
    xhat *= r
    y = xhat if weight is None else np.multiply(xhat, weight, out=y)  # memory that is in the cache
    if bias is not None:
        y = y + bias if weight is None else np.add(y, bias, out=y)
    if not needs[0]:
        weight = average = r = None  # backward does without

    def backward(g):  # dx = r (d - mean(d) - xhat mean(d xhat)) with d = g weight
        rows = np.ones_like(g, shape=(g.size // n,))
        t = g * xhat
        dw = rows @ t.reshape(-1, n) if needs[1] else None
        db = rows @ g.reshape(-1, n) if needs[2] else None
        if not needs[0]:
            return None, dw, db
        mixed = average if weight is None else average * weight
        dx = g * 1 if weight is None else g * weight
        dx -= np.multiply(xhat, (t @ mixed)[..., None], out=t)
        dx -= (g @ mixed)[..., None]
        dx *= r
        return dx, dw, db

    return y, backward


@op(inputs=2, flops=5)
def _rms_norm(needs, x, weight=None, eps=None):
    n = x.shape[-1]
    eps = np.finfo(x.dtype).eps if eps is None else eps
    average = np.full_like(x, 1 / n, shape=(n,))
    y = x * x
    r = 1 / np.sqrt(y @ average + float(eps))[..., None]
    xhat = x * r
    y = xhat if weight is None else np.multiply(xhat, weight, out=y)  # memory that is in the cache
    if not needs[0]:
        weight = average = r = None  # backward does without

    def backward(g):  # dx = r (d - xhat mean(d xhat)) with d = g weight
        t = g * xhat
        dw = np.ones_like(g, shape=(g.size // n,)) @ t.reshape(-1, n) if needs[1] else None
        if not needs[0]:
            return None, dw
        mixed = average if weight is None else average * weight
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
    input = as_tensor(input)
    flat = _flatten_last("layer_norm", input, normalized_shape)
    y = _layer_norm(flat, _ravel(weight), _ravel(bias), eps)
    return y if flat is input else y.reshape(input.shape)


def rms_norm(
    input: ArrayLike,
    normalized_shape: int | Sequence[int],
    weight: ArrayLike | None = None,
    eps: float | None = None,
) -> Tensor:
    """input / sqrt(mean(input^2) + eps) * weight over the last `len(normalized_shape)` axes.

    weight is of normalized_shape, the result is shaped as input. `eps=None`: the dtype's precision. Zhang and
    Sennrich 2019, arXiv:1910.07467. ValueError as in layer_norm.
    """
    input = as_tensor(input)
    flat = _flatten_last("rms_norm", input, normalized_shape)
    y = _rms_norm(flat, _ravel(weight), eps)
    return y if flat is input else y.reshape(input.shape)


def as_shape(normalized_shape) -> tuple[int, ...]:
    """An integer or several as a tuple."""
    if type(normalized_shape) is tuple:
        return normalized_shape
    return tuple(np.atleast_1d(normalized_shape).tolist())


def _flatten_last(name: str, input, normalized_shape):
    """The input with the normalised axes made one."""
    shape = as_shape(normalized_shape)
    if input.shape[-len(shape) :] != shape:
        raise ValueError(f"{name}: input of shape {input.shape} does not end in normalized_shape {shape}")
    return input if len(shape) == 1 else input.reshape(*input.shape[: -len(shape)], math.prod(shape))


def _ravel(weight):
    return weight if weight is None or weight.ndim == 1 else weight.reshape(-1)
