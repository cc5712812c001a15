"""Cases of autograd/linalg/products.py; those of contraction.py hold what is the same function there."""

import numpy as np

from cases.case import case
from tapegrad.autograd import linalg

CHAINS = [
    [(2, 3), (3, 4)], [(2, 3), (3, 4), (4, 2)], [(3,), (3, 4), (4, 2)], [(2, 3), (3, 4), (4,)],
    [(3,), (3, 2), (2,)],
    [(1, 4), (4, 2), (2, 5), (5, 3)], [(3,), (3,)], [(0, 2), (2, 3), (3, 2)],
]  # fmt: skip
COMPOSED = [
    *(case(linalg.multi_dot, np.linalg.multi_dot, shapes) for shapes in CHAINS),
    case(linalg.matrix_power, np.linalg.matrix_power, (3, 3), n=2),
    case(linalg.matrix_power, np.linalg.matrix_power, (2, 3, 3), n=5),
    case(linalg.matrix_power, np.linalg.matrix_power, (0, 2, 2), n=3),
    case(linalg.diagonal, np.linalg.diagonal, (2, 3, 4), offset=-1),
    case(linalg.trace, np.linalg.trace, (2, 3, 4), offset=1),
    case(linalg.trace, np.linalg.trace, (3, 3)),
]
