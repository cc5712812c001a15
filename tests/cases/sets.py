"""Cases of autograd/ops/sets.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, spread

COMPOSED = [
    case(ag.unique, np.unique, (2, 3), domain=spread),
    case(ag.unique, np.unique, (3, 2), True, True, True, axis=0, domain=spread),
    case(ag.unique, np.unique, ()),
    case(ag.unique, np.unique, (0,)),
    case(ag.unique_all, np.unique_all, (2, 3), domain=spread),
    case(ag.unique_counts, np.unique_counts, (4,), domain=spread),
    case(ag.unique_inverse, np.unique_inverse, (2, 3), domain=spread),
    case(ag.unique_values, lambda x: np.sort(np.unique_values(x)), (2, 3), domain=spread),
]
