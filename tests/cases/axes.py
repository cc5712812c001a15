"""Cases of autograd/ops/axes.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

CASES = [
    case(ag.transpose, np.transpose, (2, 3, 4)),
    case(ag.transpose, np.transpose, (2, 3, 4), axes=(1, -1, 0)),
    case(ag.transpose, np.transpose, ()),
    case(ag.transpose, np.transpose, (3,), axes=0),
    case(ag.swapaxes, np.swapaxes, (2, 3, 4), axis1=0, axis2=-1),
    case(ag.moveaxis, np.moveaxis, (2, 3, 4), source=0, destination=-1),
    case(ag.moveaxis, np.moveaxis, (2, 3, 4, 1), source=(0, -1), destination=[2, 0]),
    case(ag.moveaxis, np.moveaxis, (0, 3), source=(), destination=()),
]
COMPOSED = [
    case(ag.matrix_transpose, np.matrix_transpose, (2, 3, 4)),
    case(ag.matrix_transpose, np.matrix_transpose, (0, 3)),
    case(ag.rollaxis, np.rollaxis, (2, 3, 4), axis=2),
    case(ag.rollaxis, np.rollaxis, (2, 3, 4), axis=-3, start=3),
]
