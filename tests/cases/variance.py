"""Cases of autograd/ops/variance.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, reductions


def far(rng, shape):
    return 100 + rng.standard_normal(shape)


MASK = np.array([[True, False, True], [True, True, True]])
CASES = [
    *reductions(ag.var, np.var, saves="centred"),
    *reductions(ag.std, np.std, saves="centred v"),
    case(ag.var, np.var, (5,), ddof=1, saves="centred"),
    case(ag.std, np.std, (2, 5), axis=0, ddof=1, keepdims=True, saves="centred v"),
    case(ag.var, np.var, (2, 3), axis=1, where=MASK, saves="centred divisor"),
    case(ag.std, np.std, (2, 3), axis=1, where=MASK, ddof=0.5, keepdims=True, saves="centred divisor v"),
    case(ag.var, np.var, (2, 3), axis=1, mean=np.array([[0.25], [-0.5]]), correction=1, saves="centred"),
    # A mean far larger than the spread: centred again.
    case(ag.var, np.var, (3, 4), axis=1, domain=far, saves="centred"),
    case(ag.std, np.std, (3, 4), axis=0, domain=far, saves="centred v"),
    # Of many short rows, whose squares are summed by einsum.
    case(ag.var, np.var, (40, 5, 21), axis=(0, 2), saves="centred"),
    case(ag.std, np.std, (70, 60), axis=1, keepdims=True, saves="centred v"),
]
