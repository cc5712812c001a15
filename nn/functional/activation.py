"""Nonlinearities that are smooth; those with a corner stand in rectifier.py."""

from __future__ import annotations

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike, opaque
from ...autograd.kernels import blocks
from ...autograd.special.error import erf_kernel
from ...autograd.special.logistic import bounded_exp, sigmoid_kernel
from ._curve import BLOCK, applied, curve
from ._inputs import as_float, in_place, where

__all__ = [
    "gelu",
    "glu",
    "logsigmoid",
    "mish",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
    "tanh",
    "tanhshrink",
]

# Beyond this, exp is 0 or has overflowed in every dtype, and 0 times it is not nan, as 0 times inf is.
FAR = 1e4


def _silu_kernel(x):
    z = np.clip(x, -FAR, 80)  # from 40 on, the sigmoid is 1
    s = np.exp(z)
    s /= s + 1

    def slope():  # s + x s (1 - s)
        d = 1 - s
        d *= z
        d += 1
        d *= s
        return d

    y = np.maximum(x, z)
    y *= s
    return y, slope


_silu = curve(_silu_kernel, flops=10)


def silu(input: ArrayLike, inplace: bool = False) -> Tensor:
    """input * sigmoid(input), elementwise, also called swish (Elfwing et al. 2017, arXiv:1702.03118).

    With `inplace`, input becomes it.
    """
    return in_place(input, applied(_silu, input), inplace)


def gelu_plain(needs, x, approximate="none"):
    y, x = np.clip(x, -FAR, np.inf), np.clip(x, -FAR, FAR)
    if approximate == "none":
        phi = (erf_kernel(x * 0.7071067811865476) + 1) / 2
        slope = phi + x * np.exp(x * x / -2) * 0.3989422804014327  # Phi + x Phi', 0.3989... = 1 / sqrt(2 pi)
    else:
        square = x * x
        phi = (np.tanh((square * 0.035677408136300125 + 0.7978845608028654) * x) + 1) / 2
        slope = (square * 0.2140644488178007 + 1.5957691216057308) * x * phi * (1 - phi) + phi

    def backward(g):
        return (g * slope,)

    return y * phi, backward


@op(inputs=1, plain=gelu_plain, flops=14)
def _gelu(needs, x, approximate="none"):
    if approximate not in ("none", "tanh"):
        raise ValueError(f"approximate is 'none' or 'tanh', not {approximate!r}")
    # The slope is made in the forward, while x is in the cache, which has to hold five such blocks.
    kernel = _gelu_block if approximate == "none" else _gelu_tanh_block
    y = np.empty_like(x, order="C")
    slope = np.empty_like(y) if needs[0] else None
    outs = y.reshape(-1), slope if slope is None else slope.reshape(-1)
    x = x.reshape(-1)
    for block in blocks(x.size, 1, BLOCK // 2):
        some = x[block]
        parts = [out if out is None else out[block] for out in outs]
        kernel(some, *parts)
        _far_again(*parts, some, kernel)

    def backward(g):
        return (g * slope,)

    return y, backward


@np.errstate(over="ignore", invalid="ignore")
def _gelu_block(x, y, slope):
    """Of numbers that are not far: for others, see `_far_again`."""
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


@np.errstate(over="ignore", invalid="ignore")  # where exp overflows, phi is 0
def _gelu_tanh_block(x, y, slope):
    """By the same function with 1 / (1 + exp(-2 u)) for (1 + tanh(u)) / 2: without AVX-512, exp is twice as
    fast as tanh."""
    square = x * x
    phi = square * -0.07135481627260025
    phi -= 1.5957691216057308
    phi *= x
    np.exp(phi, out=phi)
    phi += 1
    np.reciprocal(phi, out=phi)
    np.multiply(x, phi, out=y)
    if slope is not None:  # phi + x phi', phi' = phi (1 - phi) (6 c1 x^2 + 2 c2); c1, c2 as in gelu_plain
        square *= 0.2140644488178007
        square += 1.5957691216057308
        np.subtract(1, phi, out=slope)
        slope *= y
        slope *= square
        slope += phi


@opaque
def _far_again(y, slope, x, kernel):
    """Of inf, and of what overflows, the kernel makes nan. One product tells that there is none."""
    if not np.vdot(x, x) < FAR * FAR:
        kernel(np.clip(x, -FAR, FAR), y, slope)
        far = x > FAR
        y[far] = x[far]


def gelu(input: ArrayLike, approximate: str = "none") -> Tensor:
    """x * Phi(x) for each x of `input`, elementwise, Phi being the normal distribution function.

    Hendrycks and Gimpel 2016, arXiv:1606.08415. `approximate="tanh"` is (1 + tanh(sqrt(2 / pi)
    (x + 0.044715 x^3))) x / 2, faster and within 1e-3 of it. ValueError for another word.
    """
    return applied(_gelu, input, approximate)


def _mish_kernel(x):
    z = np.clip(x, -FAR, 20)  # from 20 on, tanh(softplus(x)) is 1 in float64
    e = np.exp(z)
    n = e * (e + 2)  # tanh(log(1 + e)) = n / (n + 2)
    d = 2 / (n + 2)

    def slope():  # t + x (1 - t^2) sigmoid(x), where 1 - t = d
        t = n * d / 2
        return z * d * (1 + t) * (e / (1 + e)) + t

    return np.clip(x, -FAR, np.inf) * (n * d / 2), slope


_mish = curve(_mish_kernel, flops=14)


def mish(input: ArrayLike, inplace: bool = False) -> Tensor:
    """input * tanh(softplus(input)), elementwise (Misra 2019, arXiv:1908.08681).

    With `inplace`, input becomes it.
    """
    return in_place(input, applied(_mish, input), inplace)


def _softplus_kernel(x, beta, threshold):
    z = x * beta
    straight = z > threshold
    e = bounded_exp(z)

    def slope():
        return np.maximum(sigmoid_kernel(z, e), straight)

    return np.where(straight, x, np.maximum(np.log1p(e), z) / beta), slope


_softplus = curve(_softplus_kernel, flops=14)


def softplus(input: ArrayLike, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * input)) / beta, elementwise, and input itself where beta * input > threshold.

    ValueError for a beta of 0.
    """
    if beta == 0:
        raise ValueError(f"{where('softplus')}: beta is a divisor and must not be 0")
    return applied(_softplus, input, float(beta), float(threshold))


def _logsigmoid_kernel(x):
    z = -x
    e = bounded_exp(z)

    def slope():
        return sigmoid_kernel(z, e)

    return np.minimum(x, -np.log1p(e)), slope


_logsigmoid = curve(_logsigmoid_kernel, flops=12)


def logsigmoid(input: ArrayLike) -> Tensor:
    """log(1 / (1 + exp(-input))), elementwise; nothing overflows."""
    return applied(_logsigmoid, input)


# ------------------------------------------------------------------------------------------------ like tanh


def tanh(input: ArrayLike) -> Tensor:
    """The hyperbolic tangent of input, elementwise."""
    return ag.tanh(as_float(input))  # NumPy makes float16 of bool and int8


def sigmoid(input: ArrayLike) -> Tensor:
    """1 / (1 + exp(-input)), elementwise."""
    return ag.special.expit(input)


def _softsign_kernel(x):
    z = np.clip(x, -1e30, 1e30)  # inf / inf is nan
    size = np.absolute(z) + 1

    def slope():
        r = 1 / size
        return r * r

    return z / size, slope


_softsign = curve(_softsign_kernel, flops=4)


def softsign(input: ArrayLike) -> Tensor:
    """input / (1 + |input|), elementwise; 1 and -1 of inf and -inf, unlike PyTorch's nan."""
    return applied(_softsign, input)


_tanhshrink = ag.elementwise(
    lambda x: x - np.tanh(x),
    name="tanhshrink",
    slope=lambda x: np.square(np.tanh(x)),
    doc="x - tanh(x).",
    flops=6,
)


def tanhshrink(input: ArrayLike) -> Tensor:
    """input - tanh(input), elementwise."""
    return applied(_tanhshrink, input)


def glu(input: ArrayLike, dim: int = -1) -> Tensor:
    """a * sigmoid(b) of the halves a and b of `input` along `dim` (..., 2 C, ...), which gives (..., C, ...).

    Dauphin et al. 2017, arXiv:1612.08083. ValueError where they are no halves, IndexError for an axis that
    input does not have.
    """
    x = as_float(input)
    if not -x.ndim <= dim < x.ndim:
        raise IndexError(f"{where('glu')}: dim {dim} is no axis of input of shape {x.shape}")
    if x.shape[dim] % 2:
        raise ValueError(f"{where('glu')}: input of shape {x.shape} has no halves along dim {dim}")
    a, b = ag.split(x, 2, dim)
    return a * ag.special.expit(b)
