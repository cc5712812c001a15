"""Cases of nn/functional/rectifier.py."""

import numpy as np

import kernels
from cases import numpy_reference as ref
from cases.case import case, nonzero, unary


def both_signs(rng, shape):
    """Off 0, and the first one negative: relu keeps nothing else from gradients."""
    return abs(nonzero(rng, shape)) * np.where(np.arange(np.prod(shape)) % 2, 1, -1).reshape(shape)


def leaky_relu(x, negative_slope):
    return np.where(x > 0, x, negative_slope * x)


def elu(x, alpha, scale, steepness):
    return scale * np.where(x > 0, x, alpha * (np.exp(x * steepness) - 1))


CASES = [
    *unary(kernels.relu, ref.relu, both_signs, "y"),
    *(
        case(
            kernels.leaky_relu,
            leaky_relu,
            shape,
            domain=both_signs,
            negative_slope=slope,
            saves="above",
        )
        for shape, slope in [((2, 3), 0.01), ((), 0.2), ((3, 2), -1.5), ((2, 0), 3.0), ((4,), 0.0)]
    ),
    *(
        case(kernels.prelu, leaky_relu, *shapes, domain=both_signs, saves="below x weight")
        for shapes in [((2, 3), ()), ((2, 3), (3,)), ((2, 3, 2, 2), (3, 1, 1)), ((0, 3), (3,))]
    ),
    *(
        case(
            kernels.elu,
            elu,
            shape,
            domain=both_signs,
            alpha=alpha,
            scale=scale,
            steepness=steepness,
            saves="slope",
        )
        for shape, alpha, scale, steepness in [
            ((2, 3), 1.0, 1.0, 1.0),
            ((), 0.3, 1.0, 1.0),
            ((2, 3), 1.7, 1.1, 1.0),
            ((2, 3), 2.0, 1.0, 0.5),
            ((2, 0), 1.0, 1.0, 1.0),
        ]
    ),
]
