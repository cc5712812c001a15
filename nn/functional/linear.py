"""Products with weights."""

from __future__ import annotations

import math

import numpy as np

from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike
from ...autograd.ops.contraction import rows

__all__ = ["linear"]


def _flops(inputs, outputs, _):
    x, weight, *bias = inputs
    inner = (x or weight or (0,))[-1]
    return math.prod(outputs[0]) * (2 * inner + bool(bias and bias[0]))


@op(inputs=3, flops=_flops)
def _linear(needs, x, weight, bias=None):
    shape = x.shape
    x = rows(x)  # one large product, whatever stands before the last axis
    y = x @ weight.mT
    if bias is not None:
        y += bias
    y = y.reshape(*shape[:-1], weight.shape[0])
    x, weight = x if needs[1] else None, weight if needs[0] else None

    def backward(g):
        g = rows(g)
        dx = (g @ weight).reshape(shape) if needs[0] else None
        dw = g.mT @ x if needs[1] else None
        db = np.ones_like(g, shape=g.shape[:1]) @ g if needs[2] else None  # row sums by BLAS
        return dx, dw, db

    return y, backward


def linear(input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> Tensor:
    """input @ weight.T + bias over the last axis: (..., in) to (..., out); weight (out, in), bias (out,)."""
    return _linear(input, weight, bias)
