"""The logistic function and its kin, under SciPy's names."""

from __future__ import annotations

import numpy as np

from ..op import elementwise
from .wider import in_wider


def sigmoid_kernel(x):
    """sigmoid of an array: e^x / (1 + e^x) below 0 and 1 / (1 + e^-x) above, so that nothing overflows."""
    if x.dtype.char not in "fdg":
        return in_wider(sigmoid_kernel, x)
    e = np.exp(-np.absolute(x))
    return np.where(x < 0, e, 1) / (1 + e)


expit = elementwise(
    sigmoid_kernel,
    name="expit",
    slope=lambda y: y * (1 - y),
    doc="1 / (1 + exp(-x)), accurate for every x.",
    flops=8,
)
