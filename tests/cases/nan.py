"""Cases of autograd/ops/nan.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, positive, reductions, spread

CASES = [
    *reductions(ag.nanmax, np.nanmax, spread, "x y"),
    *reductions(ag.nanmin, np.nanmin, spread, "x y"),
    case(
        ag.nanmax, np.nanmax, (3, 4), axis=1, initial=0.1, where=np.arange(4) != 1, domain=spread, saves="x y"
    ),
    case(ag.nanmin, np.nanmin, (3, 4), initial=9.0, domain=spread, saves="x y"),
]
COMPOSED = [
    *reductions(ag.nansum, np.nansum),
    *reductions(ag.nanprod, np.nanprod, positive),
    *reductions(ag.nanmean, np.nanmean)[:-1],
    *reductions(ag.nanvar, np.nanvar)[:-1],
    *reductions(ag.nanstd, np.nanstd)[:-1],
    case(ag.nanvar, np.nanvar, (3, 4), axis=0, ddof=1, where=np.arange(12).reshape(3, 4) != 5),
]
