"""Cases of autograd/ops/parts.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import binary, case, nonzero, normal, unary
from kernels import EVERY_OP

EXPONENTS = np.array([-1, 0, 3])

CASES = [
    *unary(ag.absolute, np.absolute, nonzero, "x"),
    *unary(ag.fabs, np.fabs, nonzero, "x"),
    *unary(ag.real, np.real),
    *unary(ag.conjugate, np.conjugate),
    *unary(EVERY_OP["modf"], np.modf, nonzero),
    *binary(ag.copysign, np.copysign, nonzero, "x1 y"),
    case(ag.copysign, np.copysign, (2, 3), -2, domain=nonzero, saves="x1 y"),
    *binary(ag.nextafter, np.nextafter, normal, "moved"),
    case(EVERY_OP["ldexp"], np.ldexp, (2, 3), np.array(2), saves="x2"),
    case(EVERY_OP["ldexp"], np.ldexp, (2, 3), EXPONENTS, saves="x2"),
    case(EVERY_OP["ldexp"], np.ldexp, (), EXPONENTS, saves="x2"),
]
COMPOSED = [case(ag.real_if_close, np.real_if_close, (2, 3))]
