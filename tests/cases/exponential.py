"""Cases of autograd/ops/exponential.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import binary, case, normal, positive, unary

CASES = [
    *unary(ag.exp, np.exp, normal, "y"),
    *unary(ag.exp2, np.exp2, normal, "y"),
    *unary(ag.expm1, np.expm1, normal, "x"),
    *unary(ag.log, np.log, positive, "x"),
    *unary(ag.log2, np.log2, positive, "x"),
    *unary(ag.log10, np.log10, positive, "x"),
    *unary(ag.log1p, np.log1p, positive, "x"),
    *binary(ag.logaddexp, np.logaddexp, normal, "x1 x2"),
    *binary(ag.logaddexp2, np.logaddexp2, normal, "x1 x2"),
    case(ag.logaddexp, np.logaddexp, (2, 3), 0, saves="x1"),
]
