"""Cases of nn/functional/regression.py."""

import numpy as np

import kernels
from cases.case import binary, case


def squared_error(x, t):
    return x * x - 2 * x * t + t * t


def absolute_error(x, t):
    return np.maximum(x, t) - np.minimum(x, t)


def rounded_error(x, t, width=1.0, scale=1.0):
    """By its pieces."""
    size = abs(x - t)
    return scale * np.where(size <= width, size**2 / 2, width * size - width**2 / 2)


CASES = [
    *binary(kernels.squared_error, squared_error, saves="d"),
    *binary(kernels.absolute_error, absolute_error, saves="side"),
    *binary(kernels.rounded_error, rounded_error, saves="c"),
    case(kernels.rounded_error, rounded_error, (2, 3), (2, 3), width=0.5, scale=2.0, saves="c"),
    case(kernels.rounded_error, rounded_error, (2, 3), (3,), width=1e9, saves="c"),
]
