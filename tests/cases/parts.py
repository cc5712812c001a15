"""Cases of autograd/ops/parts.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import binary, case, nonzero, normal, unary
from kernels import EVERY_OP

EXPONENTS = np.array([-1, 0, 3])


def off_powers(rng, shape):
    """Numbers away from 2^n, where the slope of the mantissa changes."""
    return rng.uniform(1.1, 1.9, shape) * 2.0 ** rng.integers(-3, 4, shape) * rng.choice([-1, 1], shape)


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
COMPOSED = [
    case(ag.real_if_close, np.real_if_close, (2, 3)),
    *unary(ag.modf, np.modf, nonzero),
    *unary(ag.frexp, np.frexp, off_powers),
    case(ag.ldexp, np.ldexp, (2, 1), EXPONENTS),
    case(ag.ldexp, np.ldexp, (), 3),
]
