"""Cases of autograd/ops/reduce.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, few_zeros, positive, reductions

MASK = np.array([[True, False, True], [True, True, True]])

CASES = [
    *reductions(ag.sum, np.sum),
    *reductions(ag.mean, np.mean),
    *reductions(ag.prod, np.prod, positive, saves="x y"),
    case(ag.sum, np.sum, ()),
    case(ag.mean, np.mean, ()),
    case(ag.sum, np.sum, (2, 3), axis=()),
    case(ag.sum, np.sum, (2, 0), axis=-1),
    # A mask, a number to start with, and zeros in a product.
    case(ag.sum, np.sum, (2, 3), axis=1, where=MASK, initial=0.5),
    case(ag.mean, np.mean, (2, 3), axis=0, where=MASK, saves="count"),
    case(ag.prod, np.prod, (2, 3), axis=1, where=MASK, initial=1.5, saves="x"),
    case(ag.prod, np.prod, (3, 5), axis=-1, domain=few_zeros, saves="x y"),
    case(ag.prod, np.prod, (2, 3), axis=(0, 1), initial=2.0, saves="x y"),
    case(ag.prod, np.prod, (2, 0), axis=1, saves="x y"),
]
COMPOSED = [
    case(ag.trace, np.trace, (3, 4)),
    case(ag.trace, np.trace, (2, 3, 2), offset=-1, axis1=0, axis2=2),
]
