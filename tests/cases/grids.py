"""Cases of autograd/ops/grids.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

COMPOSED = [
    case(ag.meshgrid, np.meshgrid, (2,), (3,)),
    case(ag.meshgrid, np.meshgrid, (2,), (3,), (1,), indexing="ij"),
    case(ag.meshgrid, np.meshgrid, (2,), (), sparse=True, copy=False),
    case(ag.meshgrid, np.meshgrid, (0,), (2,)),
]
