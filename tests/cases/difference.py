"""Cases of autograd/ops/difference.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

PLACES = np.array([0.0, 0.5, 0.7, 1.6])
COMPOSED = [
    case(ag.diff, np.diff, (2, 4)),
    case(ag.diff, np.diff, (4, 2), n=2, axis=0),
    case(ag.diff, np.diff, (2, 3), prepend=1.5, append=np.ones((2, 2))),
    case(ag.ediff1d, np.ediff1d, (2, 3)),
    case(ag.ediff1d, np.ediff1d, (4,), (2,), 3.0),
    case(ag.gradient, np.gradient, (3, 4)),
    case(ag.gradient, np.gradient, (3, 4), 0.5, axis=-1, edge_order=2),
    case(ag.gradient, np.gradient, (2, 4), PLACES, axis=1, edge_order=2),
    case(ag.trapezoid, np.trapezoid, (2, 4)),
    case(ag.trapezoid, np.trapezoid, (4, 2), (4,), axis=0),
    case(ag.trapezoid, np.trapezoid, (2, 4), (2, 4)),
]
