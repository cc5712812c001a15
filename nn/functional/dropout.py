"""Dropout, by masks that are drawn outside of the op."""

from __future__ import annotations

from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike
from .. import random
from .linear import as_tensor


@op(inputs=1, flops=2)
def _dropout(x, keep, p):
    """x / (1 - p) where the boolean array `keep` is true, 0 elsewhere."""
    scale = 1 / (1 - p) if p < 1 else 0

    def backward(g):
        dx = g * keep
        dx *= scale
        return (dx,)

    y = x * keep
    y *= scale
    return y, backward


def dropout(input: ArrayLike, p: float = 0.5, training: bool = True) -> Tensor:
    """`input` with zeros in place of elements with probability p, the rest divided by 1 - p, elementwise.

    As it is unless `training`. p counts in steps of 1/65536. Srivastava et al. 2014. ValueError where p is
    outside of [0, 1].
    """
    input = as_tensor(input)
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p must be from 0 to 1, not {p}")
    if not training or p == 0:
        return input
    if p == 1:
        return input * 0
    return _dropout(input, random.keep_mask(input.shape, p), p)
