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
COMPOSED = [
    case(ag.hstack, np.hstack, [(2, 3), (2, 0), (2, 1)]),
    case(ag.hstack, np.hstack, [(3,), (), 2.0]),
    case(ag.vstack, np.vstack, [(2, 3), (3,)]),
    case(ag.vstack, np.vstack, [(), ()]),
    case(ag.dstack, np.dstack, [(2, 3), (2, 3, 2)]),
    case(ag.dstack, np.dstack, [(3,), (3,)]),
    case(ag.column_stack, np.column_stack, [(3,), (3, 2)]),
    case(ag.column_stack, np.column_stack, [(), ()]),
    case(ag.block, np.block, [[(2, 3), (2, 1)], [(4,)]]),
    case(ag.block, np.block, [(2,), (), 1.0]),
    case(ag.block, np.block, ()),
    case(ag.append, np.append, (2, 3), (1, 3), axis=0),
    case(ag.append, np.append, (2, 3), ()),
    case(ag.append, np.append, (0,), 2.0),
]
