"""Cases of autograd/ops/reduce.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, few_zeros, positive, reductions

MASK = np.array([[True, False, True], [True, True, True]])

CASES = [
    *reductions(ag.sum, np.sum),
    *reductions(ag.mean, np.mean),
    *reductions(ag.var, np.var, saves="centred"),
    *reductions(ag.std, np.std, saves="centred v"),
    *reductions(ag.prod, np.prod, positive, saves="x"),
    case(ag.sum, np.sum, ()),
    case(ag.mean, np.mean, ()),
    case(ag.sum, np.sum, (2, 3), axis=()),
    case(ag.sum, np.sum, (2, 0), axis=-1),
    case(ag.var, np.var, (5,), ddof=1, saves="centred"),
    case(ag.std, np.std, (2, 5), axis=0, ddof=1, keepdims=True, saves="centred v"),
    # A mask, a number to start with, a mean that is known, and zeros in a product.
    case(ag.sum, np.sum, (2, 3), axis=1, where=MASK, initial=0.5),
    case(ag.mean, np.mean, (2, 3), axis=0, where=MASK, saves="count"),
    case(ag.var, np.var, (2, 3), axis=1, where=MASK, saves="centred divisor"),
    case(ag.std, np.std, (2, 3), axis=1, where=MASK, ddof=0.5, keepdims=True, saves="centred divisor v"),
    case(ag.var, np.var, (2, 3), axis=1, mean=np.array([[0.25], [-0.5]]), correction=1, saves="centred"),
    case(ag.prod, np.prod, (2, 3), axis=1, where=MASK, initial=1.5, saves="x"),
    case(ag.prod, np.prod, (3, 5), axis=-1, domain=few_zeros, saves="x"),
    case(ag.cumsum, np.cumsum, (2, 3)),
    case(ag.cumsum, np.cumsum, (2, 3, 2), axis=-2),
    case(ag.cumsum, np.cumsum, (0, 3), axis=0),
]
