"""Cases of autograd/linalg/functions.py."""

import numpy as np

from cases.case import case, normal
from tapegrad.autograd import linalg


def expm(a):
    """The series, of a / 2^10, squared ten times."""
    y = term = np.broadcast_to(np.eye(a.shape[-1]), a.shape)
    for i in range(1, 12):
        term = term @ a / (1024 * i)
        y = y + term
    for _ in range(10):
        y = y @ y
    return y


def large(rng, shape):
    return 3 * normal(rng, shape)


CASES = [
    *(case(linalg.expm, expm, shape, saves="A") for shape in [(3, 3), (2, 2, 2), (0, 0), (0, 2, 2)]),
]
