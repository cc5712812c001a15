"""The logistic function and its kin, under SciPy's names."""

from __future__ import annotations

import numpy as np

from ..arrays import ArrayLike
from ..kernels import blocks
from ..op import Needs, op
from ..tensor import Tensor
from .borrowed import borrowed
from .wider import in_wider

# e^x of more would overflow, or nearly, and sigmoid(x) is 1 long before; of less it is 0.
_TOP = {"f": 88.0}
_BOTTOM = -1e4


def bounded_exp(x):
    """e^x of an array or a Tensor, but that it stays finite."""
    return np.exp(np.clip(x, _BOTTOM, _TOP.get(x.dtype.char, 700.0)))


def sigmoid_kernel(x, e=None):
    """sigmoid of an array, e^x / (1 + e^x), which has all digits at both ends; of Tensors, the op expit.

    `e` is bounded_exp(x), if the caller has it.
    """
    if isinstance(x, Tensor):
        return expit(x)
    if x.dtype.char not in "fdg":
        return in_wider(sigmoid_kernel, x)
    if e is None:
        e = bounded_exp(x)
    return e / (e + 1)


def expit_plain(needs, x):
    y = sigmoid_kernel(x)
    return y, lambda g: (g * (y * (1 - y)),)


@op(needs=True, plain=expit_plain, flops=8)
def expit(needs: Needs, x: ArrayLike):
    """1 / (1 + exp(-x)), accurate for every x.

    Elementwise: the result has the shape of x.
    """
    if x.dtype.char not in "fdg":
        return expit_plain(needs, x)
    y = np.empty_like(x, order="C")
    slope = np.empty_like(y) if needs[0] else None
    flat, ys, slopes = x.reshape(-1), y.reshape(-1), None if slope is None else slope.reshape(-1)
    for block in blocks(x.size, 1):
        e = bounded_exp(flat[block])
        d = e + 1
        e /= d
        ys[block] = e
        if slopes is not None:
            np.divide(e, d, out=slopes[block])  # y / (1 + e^x) is y (1 - y), but has all digits

    def backward(g):
        return (g * slope,)

    return y, backward


def _logit_gradient(g, x):
    """As PyTorch's: nan where logit is."""
    within = np.where((x >= 0) & (x <= 1), x, np.nan) + 0.0  # -0 becomes 0
    return g / (within * (1 - within))


logit = borrowed(
    "logit",
    gradient=_logit_gradient,
    doc="log(x / (1 - x)), the inverse of expit: -inf at 0, inf at 1, nan beyond.",
)
log_expit = borrowed(
    "log_expit",
    slope=lambda x: sigmoid_kernel(-x),
    doc="log(expit(x)), accurate for every x.",
)
