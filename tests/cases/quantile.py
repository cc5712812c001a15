"""Cases of autograd/ops/quantile.py."""

import numpy as np

from cases.case import case, positive
from tapegrad.autograd.ops.quantile import _lerp


def between(a, b, t):
    return a + (b - a) * t


CASES = [
    case(_lerp, between, (2, 3), (2, 3), (3,), domain=positive, saves="far near step"),
    case(_lerp, between, (2, 3), (2, 1), np.array([0.25, 0.5, 0.75]), saves="far near"),
    case(_lerp, between, (), (), (), domain=positive, saves="far near step"),
    case(_lerp, between, (0, 3), (0, 3), (3,), saves="far near step"),
]
