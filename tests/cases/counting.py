"""Cases of autograd/ops/counting.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

CASES = [
    case(ag.bincount, np.bincount, np.array([3, 0, 3, 1]), (4,), saves="x"),
    case(ag.bincount, np.bincount, np.array([1, 1]), (2,), minlength=5, saves="x"),
    case(ag.bincount, np.bincount, np.zeros(0, int), (0,), minlength=2, saves="x"),
]
