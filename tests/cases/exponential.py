"""Cases of autograd/ops/exponential.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import normal, positive, unary

CASES = [
    *unary(ag.exp, np.exp, normal, "y"),
    *unary(ag.expm1, np.expm1, normal, "y"),
    *unary(ag.log, np.log, positive, "x"),
    *unary(ag.log1p, np.log1p, positive, "x"),
]
