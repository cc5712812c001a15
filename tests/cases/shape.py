"""Cases of autograd/ops/shape.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

CASES = [
    case(ag.reshape, lambda x, shape: x.reshape(shape), (2, 3), shape=(3, 2)),
    case(ag.reshape, lambda x, shape: x.reshape(shape), (2, 3), shape=-1),
    case(ag.reshape, lambda x, shape: x.reshape(shape), (), shape=(1, 1)),
    case(ag.reshape, lambda x, shape: x.reshape(shape), (0, 3), shape=(3, 2, 0)),
    case(ag.transpose, np.transpose, (2, 3, 4)),
    case(ag.transpose, np.transpose, (2, 3, 4), axes=(1, -1, 0)),
    case(ag.reshape, lambda x, shape, order: x.reshape(shape, order=order), (2, 3), shape=(3, 2), order="F"),
    case(ag.transpose, np.transpose, ()),
    case(ag.transpose, np.transpose, (3,), axes=0),
    case(ag.repeat, np.repeat, (2, 3), repeats=2),
    case(ag.repeat, np.repeat, (2, 3), repeats=3, axis=-2),
    case(ag.repeat, np.repeat, (2, 3), repeats=[1, 0, 2], axis=1),
    case(ag.repeat, np.repeat, (), repeats=3),
    case(ag.swapaxes, np.swapaxes, (2, 3, 4), axis1=0, axis2=-1),
    case(ag.expand_dims, np.expand_dims, (2, 3), axis=1),
    case(ag.expand_dims, np.expand_dims, (2, 3), axis=(0, -1)),
    case(ag.squeeze, np.squeeze, (1, 3, 1)),
    case(ag.squeeze, np.squeeze, (1, 3, 1), axis=-1),
    case(ag.broadcast_to, np.broadcast_to, (2, 1), shape=(3, 2, 4)),
    case(ag.broadcast_to, np.broadcast_to, (), shape=(2, 0)),
    case(ag.concatenate, np.concatenate, [(2, 3), (1, 3)]),
    case(ag.concatenate, np.concatenate, [(2, 3), (2, 0), (2, 1)], axis=-1),
    case(ag.concatenate, np.concatenate, [(2, 3), np.ones((2, 2))], axis=1),
    case(ag.concatenate, np.concatenate, [(2, 3), (2,), ()], axis=None),
    case(ag.stack, np.stack, [(2, 3), (2, 3), (2, 3)]),
    case(ag.stack, np.stack, [(2, 3), (2, 3)], axis=-1),
    case(ag.stack, np.stack, [(), ()]),
    case(ag.split, np.split, (4, 3), indices_or_sections=2),
    case(ag.split, np.split, (2, 6), indices_or_sections=[1, 1, 4], axis=-1),
]
COMPOSED = [
    case(ag.ravel, np.ravel, (2, 3)),
    case(ag.ravel, np.ravel, (2, 3), order="F"),
    case(ag.flatten, np.ndarray.flatten, (2, 3)),
]
