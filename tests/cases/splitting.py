"""Cases of autograd/ops/splitting.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, nonzero

NEW = np.lib.NumpyVersion(np.__version__) >= "2.2.0"  # where NumPy itself does otherwise before

CASES = [
    case(ag.split, np.split, (4, 3), indices_or_sections=2),
    case(ag.split, np.split, (2, 6), indices_or_sections=[1, 1, 4], axis=-1),
    case(ag.split, np.split, (5, 2), indices_or_sections=[-3, 9]),
    case(ag.split, np.split, (5, 2), indices_or_sections=[3, 1]),  # rows 1 and 2 twice
    case(ag.split, np.split, (2, 3), indices_or_sections=1),
    case(ag.unstack, np.unstack, (3, 2)),
    case(ag.unstack, np.unstack, (2, 2, 3), axis=-2),
    case(ag.unstack, np.unstack, (2,)),
    case(ag.unstack, np.unstack, (2, 0), axis=0),
    case(ag.unstack, np.unstack, (1, 2)),
]
COMPOSED = [
    case(ag.array_split, np.array_split, (5, 2), 3),
    case(ag.array_split, np.array_split, (2, 3), [1, 5], axis=1),
    case(ag.array_split, np.array_split, (0, 2), 2),
    case(ag.hsplit, np.hsplit, (2, 4), 2),
    case(ag.hsplit, np.hsplit, (3,), [1]),
    case(ag.vsplit, np.vsplit, (4, 2), 2),
    case(ag.dsplit, np.dsplit, (2, 1, 4), [3, 1]),
    case(ag.delete, np.delete, (2, 3), 1),
    case(ag.delete, np.delete, (2, 3), [0, -1, 0], axis=1),
    case(ag.delete, np.delete, (3, 2), slice(None, None, 2), axis=-2),
    case(ag.delete, np.delete, (3,), np.array([True, False, True])),
    case(ag.delete, np.delete, (), 0),
    case(ag.trim_zeros, np.trim_zeros, (4,), domain=nonzero),
    *[case(ag.trim_zeros, np.trim_zeros, (2, 3), "f", domain=nonzero)] * NEW,
    case(ag.trim_zeros, np.trim_zeros, (0,)),
]
