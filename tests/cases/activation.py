"""Cases of nn/functional/activation.py."""

import numpy as np

import kernels
from cases import numpy_reference as ref
from cases.case import case, normal, unary


def softplus(x, beta, threshold):
    return np.where(x * beta > threshold, x, np.log(1 + np.exp(x * beta)) / beta)


CASES = [
    *unary(kernels.silu, ref.silu, normal, "slope"),
    *unary(kernels.gelu, ref.gelu, normal, "slope"),
    case(kernels.gelu, ref.gelu, (2, 3), approximate="tanh", saves="slope"),
    *unary(kernels.mish, lambda x: x * np.tanh(np.log(1 + np.exp(x))), normal, "slope"),
    *unary(kernels.logsigmoid, lambda x: np.log(ref.sigmoid(x)), normal, "slope"),
    *unary(kernels.softsign, lambda x: x / (1 + abs(x)), normal, "slope"),
    *unary(kernels.tanhshrink, lambda x: x - np.tanh(x), normal, "x"),
    *(
        case(kernels.softplus, softplus, (3, 4), beta=beta, threshold=threshold, saves="slope")
        for beta, threshold in [(1.0, 20.0), (2.0, 0.5), (-0.5, 1.0), (1.0, -np.inf)]
    ),
]
