"""Products with weights."""

from __future__ import annotations

import math

import numpy as np

from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike
from ...autograd.ops.contraction import rows
from ._inputs import as_float, as_tensor, where

__all__ = ["bilinear", "linear"]

# Of so few rows, as of texts in a step of generation, a product takes as long as reading the weight. Up to
# four a dot product of each pair of rows reads it 1.2 to 2.4 times as fast as BLAS's products of a matrix; of
# more, a product with the weight as it lies takes 0.6 to 0.95 times as long as with the weight transposed.
FOUR = 4
FEW = 64
# Numbers of a weight which BLAS's threads read faster than one dot product after the other: of the head of
# GPT-2 a token takes 29 ms with two, in place of 33.5, where its file lies badly in memory, and else as long.
LARGE = 1 << 23


def _flops(inputs, outputs, _):
    x, weight, *bias = inputs
    inner = (x or weight or (0,))[-1]
    return math.prod(outputs[0]) * (2 * inner + bool(bias and bias[0]))


def linear_plain(needs, x, weight, bias=None):
    return _by(lambda x, weight: x @ weight.mT, needs, x, weight, bias)


def _by(product, needs, x, weight, bias):
    shape = x.shape
    x = rows(x)  # one large product, whatever stands before the last axis
    y = product(x, weight)
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


@op(inputs=3, plain=linear_plain, flops=_flops)
def _linear(needs, x, weight, bias=None):
    return _by(_product, needs, x, weight, bias)


def _product(x, weight):
    """x @ weight.T, whether a gradient is wanted or not: recording must not change a bit."""
    count = len(x)
    if not 0 < count <= FEW or x.shape[1] != weight.shape[1] or not weight.flags.c_contiguous:
        return x @ weight.mT
    y = np.empty_like(x, shape=(count, len(weight)), order="C", dtype=np.result_type(x, weight))
    if count > FOUR or (weight.size >= LARGE and _several_threads()):
        y.T[...] = weight @ x.T
    else:
        np.vecdot(weight[:, None], x, out=y.T)
    return y


def _several_threads() -> bool:
    from ..parallel.cores import blas_threads

    return blas_threads() > 1


def linear(input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> Tensor:
    """input @ weight.T + bias over the last axis: (..., in) to (..., out); weight (out, in), bias (out,).

    A weight (in,) gives (...,). ValueError where the shapes do not fit.
    """
    weight = weight if isinstance(weight, Tensor) else Tensor(weight)
    if weight.data.ndim == 2:
        return _linear(input, weight, bias)
    x, shapes = as_float(input, weight), f"weight of shape {weight.shape}"
    if (
        weight.ndim != 1
        or not x.ndim
        or x.shape[-1] != weight.shape[0]
        or (bias is not None and np.ndim(bias))
    ):
        raise ValueError(
            f"{where('linear')}: input of shape {x.shape} and {shapes}, expected (..., in) and (out, in), or "
            f"(in,) and a bias that is a number"
        )
    y = x @ weight
    return y if bias is None else y + as_tensor(bias)


def bilinear(
    input1: ArrayLike, input2: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None
) -> Tensor:
    """input1 @ weight[o] @ input2 + bias[o] over the last axes: (..., in1) and (..., in2) to (..., out).

    weight is (out, in1, in2), bias (out,). ValueError where the shapes do not fit.
    """
    weight = as_float(weight)
    a, b = as_float(input1, weight), as_float(input2, weight)
    _check_bilinear(a, b, weight, None if bias is None else as_tensor(bias))
    out, n1, n2 = weight.shape
    # the larger product first, of all numbers of input1 with all of weight; what remains is small
    n = math.prod(a.shape[:-1])
    first = a.reshape(n, n1) @ weight.transpose(1, 0, 2).reshape(n1, out * n2)
    y = (first.reshape(n, out, n2) @ b.reshape(n, n2, 1)).reshape(*a.shape[:-1], out)
    return y if bias is None else y + bias


def _check_bilinear(a: Tensor, b: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    if weight.ndim != 3:
        raise ValueError(f"{where('bilinear')}: weight is (out, in1, in2), not of shape {weight.shape}")
    shapes = f"input1 {a.shape}, input2 {b.shape}, weight {weight.shape}"
    if not a.ndim or a.shape[:-1] != b.shape[:-1] or not b.ndim:
        raise ValueError(f"{where('bilinear')}: the inputs differ before their last axis ({shapes})")
    for argument, x, axis in (("input1", a, 1), ("input2", b, 2)):
        if x.shape[-1] != weight.shape[axis]:
            raise ValueError(
                f"{where('bilinear')}: {argument} has {x.shape[-1]} features on its last axis, expected "
                f"{weight.shape[axis]} ({shapes})"
            )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"{where('bilinear')}: bias of shape {bias.shape}, expected {weight.shape[:1]}")
