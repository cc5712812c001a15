"""Cases of autograd/ops/choice.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

NUMBERS = np.array([[2, 0, 1], [0, 0, 2]])
CASES = [
    case(ag.choose, np.choose, NUMBERS, [(3,), (2, 3), (2, 1)], saves="number"),
    case(ag.choose, np.choose, NUMBERS * 3 - 4, [(3,), (2, 3)], mode="wrap", saves="number"),
    case(ag.choose, np.choose, NUMBERS - 1, [(), (2, 3)], mode="clip", saves="number"),
    case(ag.choose, np.choose, np.array([True, False]), [(4, 2), (2,)], saves="number"),
    case(ag.choose, np.choose, np.array(1), [(2,), (2,)], saves="number"),
]
