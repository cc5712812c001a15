"""Dropout, by masks that are drawn outside of the op."""

from __future__ import annotations

import numpy as np

from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike, opaque
from .. import random
from ._inputs import as_float, in_place

__all__ = ["dropout"]


def dropout_plain(x, keep, p):
    scale = 1 / (1 - p) if p < 1 else 0

    def backward(g):
        return (np.where(keep, g, 0) * scale,)

    return np.where(keep, x, 0) * scale, backward


@op(inputs=1, plain=dropout_plain, flops=2)
def _dropout(x, keep, p):
    """x / (1 - p) where the boolean array `keep` is true, 0 elsewhere, even of inf and nan."""
    scale = 1 / (1 - p) if p < 1 else 0

    def backward(g):
        dx = np.empty_like(g)
        _keep(dx, g, keep, scale)
        return (dx,)

    y = np.empty_like(x)
    _keep(y, x, keep, scale)
    return y, backward


BITS = {np.dtype(kind).itemsize: kind for kind in (np.int16, np.int32, np.int64)}


@opaque
def _keep(out, x, keep, scale):
    """By a product of bits with 0 or 1: four times as fast as np.where, and 0 times inf is 0."""
    bits = BITS[x.itemsize]
    np.multiply(x.view(bits), keep, out=out.view(bits))
    out *= scale


def dropout(input: ArrayLike, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`input` with zeros in place of elements with probability p, the rest divided by 1 - p, elementwise.

    As it is unless `training`. With `inplace`, input becomes the result. p counts in steps of 1/65536.
    Srivastava et al. 2014. ValueError where p is outside of [0, 1].
    """
    x = as_float(input)
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p must be from 0 to 1, not {p}")
    if not training or p == 0:
        return x
    keep = np.zeros(x.shape, np.bool_) if p == 1 else random.keep_mask(x.shape, p)
    return in_place(input, _dropout(x, keep, p), inplace)
