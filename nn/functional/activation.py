"""Nonlinearities between layers."""

from __future__ import annotations

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike, DTypeLike
from ...autograd.kernels import blocks
from ...autograd.special.error import erf_kernel
from ...autograd.special.logistic import sigmoid_kernel
from ._inputs import as_float, as_tensor, in_place, widened

__all__ = ["gelu", "log_softmax", "relu", "sigmoid", "silu", "softmax", "tanh"]

# `!=` hands the gradient on where y is nan, as PyTorch does.
_relu = ag.elementwise(lambda x: np.maximum(x, 0), name="relu", slope=lambda y: y != 0, doc="max(x, 0).")


def relu(input: ArrayLike, inplace: bool = False) -> Tensor:
    """max(input, 0), elementwise, with gradient 0 at 0; with `inplace`, input becomes it."""
    return in_place(input, _relu(input), True) if inplace else _relu(input)


@op(flops=10)
def _silu(x):
    s = sigmoid_kernel(x)

    def backward(g):  # s + x s (1 - s)
        return (g * (s * (1 + x * (1 - s))),)

    return x * s, backward


def silu(input: ArrayLike, inplace: bool = False) -> Tensor:
    """input * sigmoid(input), elementwise, also called swish (Elfwing et al. 2017, arXiv:1702.03118).

    With `inplace`, input becomes it.
    """
    x = as_float(input)
    y = _silu(x) if x.data.dtype.char != "e" else widened(_silu, x)
    return in_place(input, y, inplace)


def gelu_plain(needs, x, approximate="none"):
    if approximate == "none":
        phi = (erf_kernel(x * 0.7071067811865476) + 1) / 2
        slope = phi + x * np.exp(x * x / -2) * 0.3989422804014327  # Phi + x Phi', 0.3989... = 1 / sqrt(2 pi)
    else:
        square = x * x
        phi = (np.tanh((square * 0.035677408136300125 + 0.7978845608028654) * x) + 1) / 2
        slope = (square * 0.2140644488178007 + 1.5957691216057308) * x * phi * (1 - phi) + phi

    def backward(g):
        return (g * slope,)

    return x * phi, backward


@op(inputs=1, plain=gelu_plain, flops=14)
def _gelu(needs, x, approximate="none"):
    if approximate not in ("none", "tanh"):
        raise ValueError(f"approximate is 'none' or 'tanh', not {approximate!r}")
    # The slope is made in the forward, while x is in the cache.
    kernel = _gelu_block if approximate == "none" else _gelu_tanh_block
    y = np.empty_like(x, order="C")
    slope = np.empty_like(y) if needs[0] else None
    outs = y.reshape(-1), slope if slope is None else slope.reshape(-1)
    x = x.reshape(-1)
    for block in blocks(x.size, 1):
        kernel(x[block], *(out if out is None else out[block] for out in outs))

    def backward(g):
        return (g * slope,)

    return y, backward


def _gelu_block(x, y, slope):
    phi = erf_kernel(x * 0.7071067811865476)
    phi += 1
    phi *= 0.5
    np.multiply(x, phi, out=y)
    if slope is not None:  # Phi + x Phi'
        np.multiply(x, x, out=slope)
        slope *= -0.5
        np.exp(slope, out=slope)
        slope *= x
        slope *= 0.3989422804014327  # 1 / sqrt(2 pi)
        slope += phi


def _gelu_tanh_block(x, y, slope):
    """By the same function with 1 / (1 + exp(-2 u)) for (1 + tanh(u)) / 2: without AVX-512, exp is twice as
    fast as tanh."""
    square = x * x
    phi = square * -0.07135481627260025
    phi -= 1.5957691216057308
    phi *= x
    with np.errstate(over="ignore"):  # then phi is 0
        np.exp(phi, out=phi)
    phi += 1
    np.reciprocal(phi, out=phi)
    np.multiply(x, phi, out=y)
    if (
        slope is not None
    ):  # phi + x phi', x phi' = phi (x - y) (6 c1 x^2 + 2 c2), c1 and c2 those of gelu_plain
        square *= 0.2140644488178007
        square += 1.5957691216057308
        np.subtract(x, y, out=slope)
        slope *= square
        slope += 1
        slope *= phi


def gelu(input: ArrayLike, approximate: str = "none") -> Tensor:
    """x * Phi(x) for each x of `input`, elementwise, Phi being the normal distribution function.

    Hendrycks and Gimpel 2016, arXiv:1606.08415. `approximate="tanh"` is (1 + tanh(sqrt(2 / pi)
    (x + 0.044715 x^3))) x / 2, faster and within 1e-3 of it. ValueError for another word.
    """
    x = as_float(input)
    return _gelu(x, approximate) if x.data.dtype.char != "e" else widened(_gelu, x, approximate=approximate)


def tanh(input: ArrayLike) -> Tensor:
    """The hyperbolic tangent of input, elementwise."""
    return ag.tanh(input)


def sigmoid(input: ArrayLike) -> Tensor:
    """1 / (1 + exp(-input)), elementwise."""
    return ag.special.expit(input)


def softmax(input: ArrayLike, dim: int = -1, *, dtype: DTypeLike | None = None) -> Tensor:
    """exp(input) / sum(exp(input)) along `dim`, in the shape of input, which is cast to `dtype` before.

    ValueError for `dim=None`, of which PyTorch makes a guess.
    """
    return ag.special.softmax(_of_dim("softmax", input, dim, dtype), dim)


def log_softmax(input: ArrayLike, dim: int = -1, *, dtype: DTypeLike | None = None) -> Tensor:
    """input - log(sum(exp(input))) along `dim`, in the shape of input, which is cast to `dtype` before.

    ValueError for `dim=None`, of which PyTorch makes a guess.
    """
    return ag.special.log_softmax(_of_dim("log_softmax", input, dim, dtype), dim)


def _of_dim(name: str, input, dim, dtype) -> Tensor:
    if dim is None:
        raise ValueError(f"{name}: say along which axis, dim=-1 for the last")
    return as_float(input) if dtype is None else as_tensor(input).astype(dtype)
