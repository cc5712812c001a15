"""Cases of autograd/ops/sort.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, spread

CASES = [
    case(ag.sort, np.sort, (3, 4), domain=spread, saves="order"),
    case(ag.sort, np.sort, (3, 4), axis=0, kind="heapsort", domain=spread, saves="order"),
    case(ag.sort, np.sort, (2, 3), axis=None, domain=spread, saves="order"),
]
