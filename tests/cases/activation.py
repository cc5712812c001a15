"""Cases of nn/functional/activation.py."""

import numpy as np

import kernels
from cases import numpy_reference as ref
from cases.case import case, nonzero, normal, unary


def both_signs(rng, shape):
    """Off 0, and the first one negative: relu keeps nothing else from gradients."""
    return abs(nonzero(rng, shape)) * np.where(np.arange(np.prod(shape)) % 2, 1, -1).reshape(shape)


CASES = [
    *unary(kernels.relu, ref.relu, both_signs, "y"),
    *unary(kernels.silu, ref.silu, normal, "s x"),
    *unary(kernels.gelu, ref.gelu, normal, "slope"),
    case(kernels.gelu, ref.gelu, (2, 3), approximate="tanh", saves="slope"),
]
