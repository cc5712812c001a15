"""Cases of autograd/ops/joining.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

CASES = [
    case(ag.concatenate, np.concatenate, [(2, 3), (1, 3)]),
    case(ag.concatenate, np.concatenate, [(2, 3), (2, 0), (2, 1)], axis=-1),
    case(ag.concatenate, np.concatenate, [(2, 3), np.ones((2, 2))], axis=1),
    case(ag.concatenate, np.concatenate, [(2, 3), (2,), ()], axis=None),
    case(ag.concatenate, np.concatenate, [(2,)]),
    case(ag.stack, np.stack, [(2, 3), (2, 3), (2, 3)]),
    case(ag.stack, np.stack, [(2, 3), (2, 3)], axis=-1),
    case(ag.stack, np.stack, [(), ()]),
    case(ag.insert, np.insert, (3,), 1, (), saves="old added"),
    case(ag.insert, np.insert, (2, 3), 1, (2,), axis=1, saves="old added"),
    case(ag.insert, np.insert, (2, 3), [1], (2, 2), axis=1, saves="old added"),
    case(ag.insert, np.insert, (3, 2), [2, 0, 2], (3, 2), axis=0, saves="old added"),
    case(ag.insert, np.insert, (2, 3), slice(None, None, 2), (2, 1), axis=-1, saves="old added"),
    case(ag.insert, np.insert, (2, 2), [-1, 4], (2,), saves="old added"),
    case(ag.insert, np.insert, (0, 2), 0, (), axis=0, saves="old added"),
]
