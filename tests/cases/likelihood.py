"""Cases of nn/functional/likelihood.py."""

import numpy as np

import kernels
from cases.case import binary, case, normal, positive


def probabilities(rng, shape):
    return rng.uniform(0.1, 0.9, shape)


def binary_cross_entropy(p, t):
    return -np.log(p**t * (1 - p) ** (1 - t))


def with_logits(x, t, pos_weight=1.0):
    p = 1 / (1 + np.exp(-x))
    return -np.log(p ** (pos_weight * t) * (1 - p) ** (1 - t))


def relative_entropy(x, t):
    return np.log((t / np.exp(x)) ** t)


def of_logs(x, t):
    return relative_entropy(x, np.exp(t))


def gaussian_nll(x, t, var, eps=1e-6):
    """The logarithm of the density, without its constant."""
    return -np.log(np.exp(-((x - t) ** 2) / 2 / var) / var**0.5)


CASES = [
    *binary(kernels.binary_cross_entropy, binary_cross_entropy, probabilities, saves="p t"),
    *binary(kernels.binary_cross_entropy_with_logits, with_logits, normal, saves="dx dt"),
    *(
        case(
            kernels.binary_cross_entropy_with_logits,
            with_logits,
            *shapes,
            saves="dx dt dw",
        )
        for shapes in [((2, 3), (2, 3), (3,)), ((), (), ()), ((0, 3), (0, 3), (3,))]
    ),
    *binary(kernels.relative_entropy, relative_entropy, positive, saves="t x"),
    *binary(kernels.relative_entropy_of_logs, of_logs, normal, saves="e gap"),
    *(
        case(kernels.gaussian_nll, gaussian_nll, *shapes, domain=positive, saves="d v")
        for shapes in [
            ((2, 3), (2, 3), (2, 3)),
            ((2, 3), (3,), (2, 1)),
            ((), (), ()),
            ((0, 3), (0, 3), (0, 1)),
        ]
    ),
]
