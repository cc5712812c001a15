"""Cases of nn/functional/vocabulary.py."""

import numpy as np

import kernels
from cases import numpy_reference as ref
from cases.case import case


def linear_cross_entropy(x, weight, bias=0.0, targets=None, step=1):
    return ref.cross_entropy(x @ weight.T + bias, targets, reduction="none")


TARGETS = np.array([0, 2, 1, 2, 3])
CASES = [
    case(kernels.linear_cross_entropy, linear_cross_entropy, *shapes, targets=targets, step=step, saves=saves)
    for shapes, targets, step, saves in [
        (((5, 3), (4, 3), (4,)), TARGETS, 2, "bias weight x"),
        (((5, 3), (4, 3), (4,)), TARGETS, 5, "bias weight x"),
        (((1, 3), (4, 3), (4,)), TARGETS[:1], 9, "bias weight x"),
        (((0, 3), (4, 3), (4,)), TARGETS[:0], 2, "bias weight x"),
    ]
]
