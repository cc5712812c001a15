"""Cases of autograd/ops/creation.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

CASES = [
    case(ag.astype, lambda x, dtype: x.astype(dtype), (2, 3), np.float64),
    case(ag.copy, np.copy, (2, 3)),
    case(ag.copy, np.copy, (2, 3), order="F"),
    case(ag.copy, np.copy, ()),
]
