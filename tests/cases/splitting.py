"""Cases of autograd/ops/splitting.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

CASES = [
    case(ag.split, np.split, (4, 3), indices_or_sections=2),
    case(ag.split, np.split, (2, 6), indices_or_sections=[1, 1, 4], axis=-1),
    case(ag.split, np.split, (5, 2), indices_or_sections=[-3, 9]),
    case(ag.split, np.split, (5, 2), indices_or_sections=[3, 1]),  # rows 1 and 2 twice
    case(ag.split, np.split, (2, 3), indices_or_sections=1),
    case(ag.unstack, np.unstack, (3, 2)),
    case(ag.unstack, np.unstack, (2, 2, 3), axis=-2),
    case(ag.unstack, np.unstack, (2,)),
    case(ag.unstack, np.unstack, (2, 0), axis=0),
    case(ag.unstack, np.unstack, (1, 2)),
]
