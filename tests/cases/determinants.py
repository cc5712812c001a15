"""Cases of autograd/linalg/determinants.py."""

import numpy as np

from cases.case import case, well_conditioned
from tapegrad.autograd import linalg

SHAPES = [(3, 3), (2, 3, 3), (1, 1), (0, 0), (0, 2, 2)]


CASES = [
    *(case(linalg.det, np.linalg.det, shape, domain=well_conditioned, saves="a y") for shape in SHAPES),
    *(
        case(linalg.slogdet, np.linalg.slogdet, s, domain=well_conditioned, saves="a singular")
        for s in SHAPES
    ),
]
COMPOSED = [
    *(case(linalg.cond, np.linalg.cond, (3, 3), p=p, domain=well_conditioned) for p in (1, -np.inf, "fro")),
    *(case(linalg.cond, np.linalg.cond, (2, 2, 3), p=p, domain=well_conditioned) for p in (None, -2)),
    case(linalg.cond, np.linalg.cond, (2, 3, 3), p="nuc", domain=well_conditioned),
]
