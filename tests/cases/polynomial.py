"""Cases of autograd/ops/polynomial.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, nonzero

POLYVAL = [((3,), (2, 3)), ((4,), ()), ((2,), (0, 2))]
CASES = [
    *(case(ag.polyval, np.polyval, p, x, saves="p x") for p, x in POLYVAL),
    case(ag.vander, np.vander, (3,), domain=nonzero, saves="x exponents"),
    case(ag.vander, np.vander, (3,), domain=nonzero, saves="x exponents", N=4, increasing=True),
    case(ag.vander, np.vander, (0,), saves="x exponents", N=2),
]
