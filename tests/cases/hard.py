"""Cases of nn/functional/hard.py."""

import numpy as np

import kernels
from cases.case import case, normal, unary


def wide(rng, shape):
    return normal(rng, shape) * 3


def hardsigmoid(x):
    return np.where(x < -3, 0, np.where(x > 3, 1, x / 6 + 0.5))


def threshold(x, threshold, value):
    return np.where(x > threshold, x, value)


CASES = [
    *unary(kernels.hardsigmoid, hardsigmoid, wide, "inside"),
    *unary(kernels.hardswish, lambda x: x * hardsigmoid(x), wide, "slope"),
    *(
        case(kernels.hardtanh, lambda x, low, high: np.clip(x, low, high), (3, 4), low=a, high=b, saves="y")
        for a, b in [(-1.0, 1.0), (0.2, np.inf)]
    ),
    case(kernels.hardshrink, lambda x, lambd: x * (abs(x) > lambd), (3, 4), lambd=0.5, saves="far"),
    case(
        kernels.softshrink,
        lambda x, lambd: np.sign(x) * np.maximum(abs(x) - lambd, 0),
        (3, 4),
        lambd=0.5,
        saves="far",
    ),
    *(
        case(kernels.threshold, threshold, (3, 4), threshold=t, value=value, saves="far")
        for t, value in [(0.1, 7.0), (-0.5, 0.0), (-np.inf, 1.0)]
    ),
]
