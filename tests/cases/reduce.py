"""Cases of autograd/ops/reduce.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, reductions

CASES = [
    *reductions(ag.sum, np.sum),
    *reductions(ag.mean, np.mean),
    *reductions(ag.var, np.var, saves="centred"),
    *reductions(ag.std, np.std, saves="centred y"),
    case(ag.sum, np.sum, ()),
    case(ag.mean, np.mean, ()),
    case(ag.sum, np.sum, (2, 3), axis=()),
    case(ag.sum, np.sum, (2, 0), axis=-1),
    case(ag.var, np.var, (5,), ddof=1, saves="centred"),
    case(ag.std, np.std, (2, 5), axis=0, ddof=1, keepdims=True, saves="centred y"),
]
