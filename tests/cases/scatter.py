"""Cases of autograd/ops/scatter.py."""

import numpy as np

import tapegrad.autograd as ag
from cases import numpy_reference as ref
from cases.case import case

CASES = [
    case(ag.index_add, ref.index_add, (4, 3), (2, 3, 3), index=np.array([[2, 0, 2], [-1, 1, 1]])),
    case(ag.index_add, ref.index_add, (4, 3), (), index=(Ellipsis, 0)),
]
