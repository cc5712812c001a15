"""Cases of autograd/ops/statistics.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

CASES = [
    case(ag.convolve, np.convolve, n, m, mode, saves="a v")
    for n, m in [((5,), (2,)), ((3,), (4,)), ((1,), (3,))]
    for mode in ("full", "same", "valid")
] + [
    case(ag.convolve, np.convolve, (4,), (4,), saves="a v"),
    case(ag.convolve, np.convolve, (), (), saves="a v"),
]
