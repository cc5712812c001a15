"""The logistic function and its kin, under SciPy's names."""

from __future__ import annotations

import numpy as np

from ..arrays import ArrayLike
from ..op import op
from ..tensor import Tensor
from .borrowed import borrowed, inside
from .wider import in_wider


def sigmoid_kernel(x):
    """sigmoid of an array: e^x / (1 + e^x) below 0 and 1 / (1 + e^-x) above, so that nothing overflows.

    The larger of e^-|x| and (x >= 0) takes the place of np.where, which branches: ten times as fast where
    signs are mixed. Of Tensors it is expit, as |x| would spoil the derivatives at 0.
    """
    if isinstance(x, Tensor):
        return expit(x)
    if x.dtype.char not in "fdg":
        return in_wider(sigmoid_kernel, x)
    e = np.exp(-np.absolute(x))
    return np.maximum(e, x >= 0) / (1 + e)


def expit_plain(x):
    y = sigmoid_kernel(x)
    return y, lambda g: (g * (y * (1 - y)),)


@op(plain=expit_plain, flops=8)
def expit(x: ArrayLike):
    """1 / (1 + exp(-x)), accurate for every x.

    Elementwise: the result has the shape of x.
    """
    if x.dtype.char not in "fdg":
        return expit_plain(x)
    least = np.exp(-np.absolute(x))
    y = np.maximum(least, x >= 0) / (1 + least)
    least /= 1 + least  # the smaller of y and 1 - y, which keeps its digits where y is close to 1

    def backward(g):
        return (g * (least - least * least),)

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
    slope=lambda x: inside(expit)(-x),
    doc="log(expit(x)), accurate for every x.",
)
