"""Cases of autograd/ops/triangle.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

CASES = [
    *(case(ag.tril, np.tril, (3, 4), k=k) for k in (0, -1, 2, 9)),
    *(case(ag.triu, np.triu, (4, 3), k=k) for k in (0, -1, 2, -9)),
    case(ag.tril, np.tril, (2, 2, 3)),
    case(ag.tril, np.tril, (3,)),
    case(ag.triu, np.triu, (3,)),
    case(ag.triu, np.triu, (2, 0, 3), k=1),
    *(case(ag.diag, np.diag, (3,), k=k) for k in (0, 1, -2)),
    *(case(ag.diag, np.diag, (3, 4), k=k) for k in (0, 2, -1, -9)),
    case(ag.diag, np.diag, (0,)),
]
COMPOSED = [
    case(ag.diagflat, np.diagflat, (2, 2), k=-1),
    case(ag.diagflat, np.diagflat, ()),
    case(ag.diagflat, np.diagflat, (0,), k=2),
]
