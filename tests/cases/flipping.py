"""Cases of autograd/ops/flipping.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

CASES = [
    case(ag.flip, np.flip, (2, 3)),
    case(ag.flip, np.flip, (2, 3, 2), axis=(0, -1)),
    case(ag.flip, np.flip, (0, 3), axis=1),
    case(ag.flip, np.flip, ()),
    *(case(ag.rot90, np.rot90, (2, 3), k=k) for k in (0, 1, 2, -1)),
    case(ag.rot90, np.rot90, (2, 3, 4), k=5, axes=(2, 1)),
    case(ag.roll, np.roll, (2, 3), shift=1),
    case(ag.roll, np.roll, (2, 5), shift=-7, axis=1),
    case(ag.roll, np.roll, (3, 4), shift=(1, -2), axis=(0, -1)),
    case(ag.roll, np.roll, (3, 4), shift=1, axis=(0, 1, 0)),
    case(ag.roll, np.roll, (3,), shift=[1, 3], axis=0),
    case(ag.roll, np.roll, (), shift=2),
    case(ag.roll, np.roll, (0, 2), shift=1, axis=0),
]
COMPOSED = [
    case(op, reference, shape)
    for op, reference in ((ag.fliplr, np.fliplr), (ag.flipud, np.flipud))
    for shape in ((2, 3), (2, 0, 2))
]
