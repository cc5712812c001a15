"""Cases of autograd/ops/counting.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, positive

CASES = [
    case(ag.bincount, np.bincount, np.array([3, 0, 3, 1]), (4,), saves="x"),
    case(ag.bincount, np.bincount, np.array([1, 1]), (2,), minlength=5, saves="x"),
    case(ag.bincount, np.bincount, np.zeros(0, int), (0,), minlength=2, saves="x"),
]
AT = np.array([0.5, 2.0, 1.0, 0.0, 2.5])
COMPOSED = [
    case(ag.histogram, np.histogram, AT, 3, None, None, (5,)),
    case(ag.histogram, np.histogram, AT, np.array([0.0, 1.0, 2.0]), None, True, (5,), domain=positive),
    case(ag.histogram, np.histogram, AT[:0], 2, [0, 1], None, (0,)),
    case(ag.histogram2d, np.histogram2d, AT, AT[::-1], 2, None, None, (5,)),
    case(ag.histogramdd, np.histogramdd, [AT, AT[::-1]], [2, 3], None, True, (5,), domain=positive),
    case(ag.histogramdd, np.histogramdd, AT[:, None], 2, None, None, (5,)),
]
