"""Nonlinearities between layers."""

import numpy as np

from .._op import op
from .elementwise import erf_kernel, sigmoid_kernel


@op
def relu(x):
    """max(x, 0), with gradient 0 at 0."""
    y = np.maximum(x, 0)

    def backward(g):
        return (g * (y > 0),)

    return y, backward


@op
def silu(x):
    """x * sigmoid(x), also called swish (Elfwing et al. 2017, arXiv:1702.03118)."""
    s = sigmoid_kernel(x)

    def backward(g):  # s + x s (1 - s)
        return (g * (s * (1 + x * (1 - s))),)

    return x * s, backward


@op(inputs=1)
def gelu(x, approximate="none"):
    """x * Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016, arXiv:1606.08415).

    `approximate="tanh"` is (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) x / 2, which is faster.
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"approximate is 'none' or 'tanh', not {approximate!r}")
    if approximate == "none":
        phi = (erf_kernel(x * 0.7071067811865476) + 1) / 2
        slope = phi + x * np.exp(x * x / -2) * 0.3989422804014327  # Phi + x Phi', 0.3989... = 1 / sqrt(2 pi)
    else:
        square = x * x
        phi = (np.tanh((square * 0.035677408136300125 + 0.7978845608028654) * x) + 1) / 2
        slope = (square * 0.2140644488178007 + 1.5957691216057308) * x * phi * (1 - phi) + phi

    def backward(g):  # the slope was made in the forward, while x was in the cache
        return (g * slope,)

    return x * phi, backward
