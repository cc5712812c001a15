"""Cases of autograd/ops/median.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, reductions, spread

COMPOSED = [
    *reductions(ag.median, np.median, spread)[:-1],
    *reductions(ag.nanmedian, np.nanmedian, spread)[:-1],
    case(ag.median, np.median, (3, 5), axis=1, domain=spread),
    case(ag.median, np.median, (), domain=spread),
]
