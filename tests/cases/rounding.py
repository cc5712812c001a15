"""Cases of autograd/ops/rounding.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import binary, case, nonzero, unary
from kernels import EVERY_OP

HOLES = np.array([0.0, -1.0, 0.0, 2.0])

CASES = [
    *unary(ag.sign, np.sign, nonzero),
    *unary(ag.floor, np.floor, nonzero),
    *unary(ag.ceil, np.ceil, nonzero),
    *unary(ag.trunc, np.trunc, nonzero),
    *unary(ag.fix, np.trunc, nonzero),
    *unary(ag.rint, np.rint, nonzero),
    *unary(ag.round, np.round, nonzero),
    case(ag.round, np.round, (2, 3), decimals=1, domain=nonzero),
    case(ag.round, np.round, (2, 3), decimals=-1, domain=lambda rng, shape: 100 * nonzero(rng, shape)),
    *binary(ag.floor_divide, np.floor_divide, nonzero),
    case(ag.heaviside, np.heaviside, (2, 3), 0.5, domain=nonzero),
    case(ag.heaviside, np.heaviside, HOLES, (3, 1), saves="x1"),
    case(EVERY_OP["nan_to_num"], np.nan_to_num, (2, 3), saves="finite"),
    case(EVERY_OP["nan_to_num"], np.nan_to_num, (), nan=1.0, posinf=3.0, neginf=2.0, saves="finite"),
]
COMPOSED = [
    *unary(ag.nan_to_num, np.nan_to_num),
    case(ag.nan_to_num, np.nan_to_num, (2, 3), nan=1.0, posinf=2.0),
]
