"""Cases of autograd/ops/arithmetic.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import binary, case, nonzero, normal, positive, unary

CASES = [
    *unary(ag.negative, np.negative),
    *unary(ag.positive, np.positive),
    *unary(ag.square, np.square, normal, "x"),
    *unary(ag.sqrt, np.sqrt, positive, "y"),
    *unary(ag.cbrt, np.cbrt, nonzero, "y"),
    *unary(ag.reciprocal, np.reciprocal, nonzero, "y"),
    *binary(ag.add, np.add),
    *binary(ag.subtract, np.subtract),
    *binary(ag.multiply, np.multiply, normal, "a b"),
    *binary(ag.divide, np.divide, nonzero, "b ratio"),
    *binary(ag.power, np.power, positive, "a b kept"),
    *binary(ag.remainder, np.remainder, nonzero, "count"),
    *binary(ag.fmod, np.fmod, nonzero, "count"),
    # A Python number and an integer array beside a Tensor do not widen float32.
    case(ag.add, np.add, (2, 3), 2),
    case(ag.multiply, np.multiply, (2, 3), 2),
    case(ag.divide, np.divide, (2, 3), 2),
    case(ag.power, np.power, (2, 3), 2, domain=nonzero, saves="a"),
    case(ag.subtract, np.subtract, 2.5, (2, 3)),
    case(ag.divide, np.divide, 2.5, (2, 3), domain=positive, saves="b ratio"),
    case(ag.power, np.power, 2.5, (2, 3), saves="kept"),
    case(ag.power, np.power, (3,), np.array([-1, 3, 0]), domain=nonzero, saves="a b"),
    case(ag.power, np.power, (2, 3), 0.5, domain=positive, saves="a"),
]
COMPOSED = [*binary(ag.divmod, np.divmod, nonzero), *binary(ag.float_power, np.float_power, positive)]
