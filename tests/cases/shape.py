"""Cases of autograd/ops/shape.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

CASES = [
    case(ag.reshape, lambda x, shape: x.reshape(shape), (2, 3), shape=(3, 2)),
    case(ag.reshape, lambda x, shape: x.reshape(shape), (2, 3), shape=-1),
    case(ag.reshape, lambda x, shape: x.reshape(shape), (), shape=(1, 1)),
    case(ag.reshape, lambda x, shape: x.reshape(shape), (0, 3), shape=(3, 2, 0)),
    case(ag.reshape, lambda x, shape, order: x.reshape(shape, order=order), (2, 3), shape=(3, 2), order="F"),
    case(ag.reshape, np.reshape, (2, 3), shape=(3, 2), copy=True),
    case(ag.expand_dims, np.expand_dims, (2, 3), axis=1),
    case(ag.expand_dims, np.expand_dims, (2, 3), axis=(0, -1)),
    case(ag.squeeze, np.squeeze, (1, 3, 1)),
    case(ag.squeeze, np.squeeze, (1, 3, 1), axis=-1),
    case(ag.squeeze, np.squeeze, (1, 3, 1), axis=(0, -1)),
    case(ag.broadcast_to, np.broadcast_to, (2, 1), shape=(3, 2, 4)),
    case(ag.broadcast_to, np.broadcast_to, (), shape=(2, 0)),
]
COMPOSED = [
    case(ag.ravel, np.ravel, (2, 3)),
    case(ag.ravel, np.ravel, (2, 3), order="F"),
    case(ag.flatten, np.ndarray.flatten, (2, 3)),
]
PAIR = [(2, 1), (3,)]
COMPOSED += [
    case(ag.broadcast_arrays, np.broadcast_arrays, *PAIR),
    case(ag.broadcast_arrays, np.broadcast_arrays, (), (2, 0), (1, 1)),
    *(
        case(op, reference, *shapes)
        for op, reference in (
            (ag.atleast_1d, np.atleast_1d),
            (ag.atleast_2d, np.atleast_2d),
            (ag.atleast_3d, np.atleast_3d),
        )
        for shapes in ([()], [(3,), (2, 0), (1, 2, 1, 2)])
    ),
]
