"""Cases of autograd/ops/repeating.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

CASES = [
    case(ag.repeat, np.repeat, (2, 3), repeats=2),
    case(ag.repeat, np.repeat, (2, 3), repeats=3, axis=-2),
    case(ag.repeat, np.repeat, (2, 3), repeats=[1, 0, 2], axis=1),
    case(ag.repeat, np.repeat, (2, 3), repeats=np.array([2]), axis=0),
    case(ag.repeat, np.repeat, (2, 2), repeats=np.array([0, 1, 2, 3])),
    case(ag.repeat, np.repeat, (0, 2), repeats=2, axis=1),
    case(ag.repeat, np.repeat, (), repeats=3),
    case(ag.tile, np.tile, (2, 3), reps=2),
    case(ag.tile, np.tile, (2, 3), reps=(2, 1)),
    case(ag.tile, np.tile, (3,), reps=(2, 2)),
    case(ag.tile, np.tile, (2, 1, 3), reps=(2,)),
    case(ag.tile, np.tile, (2, 3), reps=(1, 1)),
    case(ag.tile, np.tile, (2, 3), reps=(0, 2)),
    case(ag.tile, np.tile, (), reps=3),
    case(ag.tile, np.tile, (), reps=()),
    case(ag.tile, np.tile, (0, 2), reps=(2, 2)),
]
COMPOSED = [
    case(ag.resize, np.resize, (2, 3), [4, 2]),
    case(ag.resize, np.resize, (2, 3), 4),
    case(ag.resize, np.resize, (0, 3), [2, 0]),
    case(ag.resize, np.resize, (), [3]),
]
