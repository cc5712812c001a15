"""Cases of nn/functional/activation.py."""

import kernels
from cases import numpy_reference as ref
from cases.case import case, nonzero, normal, unary

CASES = [
    *unary(kernels.relu, ref.relu, nonzero, "y"),
    *unary(kernels.silu, ref.silu, normal, "s x"),
    *unary(kernels.gelu, ref.gelu, normal, "slope"),
    case(kernels.gelu, ref.gelu, (2, 3), approximate="tanh", saves="slope"),
]
