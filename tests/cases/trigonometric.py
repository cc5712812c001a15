"""Cases of autograd/ops/trigonometric.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import binary, case, nonzero, normal, unary


def inside(rng, shape):
    return rng.uniform(-0.9, 0.9, shape)


def above_1(rng, shape):
    return rng.uniform(1.2, 3, shape)


CASES = [
    *unary(ag.sin, np.sin, normal, "x"),
    *unary(ag.cos, np.cos, normal, "x"),
    *unary(ag.tan, np.tan, inside, "y"),
    *unary(ag.sinh, np.sinh, normal, "x"),
    *unary(ag.cosh, np.cosh, normal, "x"),
    *unary(ag.tanh, np.tanh, normal, "y"),
    *unary(ag.arcsin, np.arcsin, inside, "x"),
    *unary(ag.arccos, np.arccos, inside, "x"),
    *unary(ag.arctan, np.arctan, normal, "x"),
    *unary(ag.arcsinh, np.arcsinh, normal, "x"),
    *unary(ag.arccosh, np.arccosh, above_1, "x"),
    *unary(ag.arctanh, np.arctanh, inside, "x"),
    *unary(ag.sinc, np.sinc, normal, "x"),
    *binary(ag.hypot, np.hypot, nonzero, "x1 x2 y"),
    *binary(ag.arctan2, np.arctan2, nonzero, "x1 x2"),
    case(ag.hypot, np.hypot, (2, 3), 2, saves="x1 y"),
    case(ag.arctan2, np.arctan2, 2, (2, 3), domain=nonzero, saves="x2"),
]
