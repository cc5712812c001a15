"""Cases of autograd/ops/trigonometric.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import normal, unary

CASES = [
    *unary(ag.sin, np.sin, normal, "x"),
    *unary(ag.cos, np.cos, normal, "x"),
    *unary(ag.tan, np.tan, normal, "y"),
    *unary(ag.tanh, np.tanh, normal, "y"),
]
