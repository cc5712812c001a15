"""Cases of autograd/ops/scan.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, few_zeros, nonzero, spread


def running(ufunc):
    """Extrema up to each element and, of numbers that all differ, where they stand."""

    def both(x, axis):
        y = ufunc.accumulate(x, axis)
        rows, found = (np.moveaxis(a, axis, -1) for a in (x, y))
        return y, np.moveaxis((rows[..., None, :] == found[..., None]).argmax(-1), -1, axis)

    return both


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
COMPOSED = [
    *scans(ag.nancumsum, np.nancumsum, nonzero, "")[:-2],
    *scans(ag.nancumprod, np.nancumprod, nonzero, "")[:-2],
    *scans(ag.cumulative_sum, np.cumulative_sum, nonzero, "")[:-2],
    *scans(ag.cumulative_prod, np.cumulative_prod, nonzero, "")[:-2],
    case(ag.cumulative_sum, np.cumulative_sum, (3,), include_initial=True),
    case(ag.cumulative_prod, np.cumulative_prod, (2, 3), axis=-1, include_initial=True, domain=nonzero),
    *scans(ag.cummax, running(np.maximum), spread, "")[:-2],
    *scans(ag.cummin, running(np.minimum), spread, "")[:-2],
]
