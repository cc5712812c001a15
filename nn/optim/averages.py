"""Running averages of gradients, which most update rules keep, in place and with one row of scratch."""

from __future__ import annotations

import numpy as np


def average(mean: np.ndarray, x: np.ndarray, beta: float, scratch: np.ndarray) -> None:
    """mean = beta * mean + (1 - beta) * x, reckoned from the one of them that weighs more."""
    np.subtract(x, mean, out=scratch)
    if beta > 0.5:
        scratch *= 1 - beta
        mean += scratch
    else:
        scratch *= beta
        np.subtract(x, scratch, out=mean)


def average_squares(mean: np.ndarray, x: np.ndarray, beta: float, scratch: np.ndarray) -> None:
    """mean = beta * mean + (1 - beta) * x**2."""
    np.multiply(x, x, out=scratch)
    scratch *= 1 - beta
    mean *= beta
    mean += scratch
