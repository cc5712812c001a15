"""Cases of autograd/ops/scan.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, few_zeros, nonzero


def scans(op, reference, domain, saves):
    """Along one axis and another, a row of one, nothing, and a number."""
    ways = [((2, 5), 1), ((4, 2, 3), -3), ((2, 1), -1), ((0, 3), 0), ((3, 0), 1)]
    return [case(op, reference, shape, axis=axis, domain=domain, saves=saves) for shape, axis in ways]


CASES = [
    *scans(ag.cumsum, np.cumsum, nonzero, ""),
    case(ag.cumsum, np.cumsum, (2, 3)),
    case(ag.cumsum, np.cumsum, (), axis=0),
    *scans(ag.cumprod, np.cumprod, nonzero, "x y"),
    case(ag.cumprod, np.cumprod, (2, 3), domain=nonzero, saves="x y"),
    case(ag.cumprod, np.cumprod, (3, 5), axis=-1, domain=few_zeros, saves="x y"),
    case(ag.cumprod, np.cumprod, (3, 4), axis=0, domain=few_zeros, saves="x y"),
    *scans(ag.logcumsumexp, np.logaddexp.accumulate, nonzero, "x y"),
    case(ag.logcumsumexp, lambda x, axis: x * 1.0, (), axis=-1, saves="x y"),
]
