"""Cases of autograd/ops/choice.py."""

import numpy as np

import tapegrad.autograd as ag
from cases import numpy_reference as ref
from cases.case import case

NUMBERS = np.array([[2, 0, 1], [0, 0, 2]])
CASES = [
    case(ag.choose, np.choose, NUMBERS, [(3,), (2, 3), (2, 1)], saves="number"),
    case(ag.choose, np.choose, NUMBERS * 3 - 4, [(3,), (2, 3)], mode="wrap", saves="number"),
    case(ag.choose, np.choose, NUMBERS - 1, [(), (2, 3)], mode="clip", saves="number"),
    case(ag.choose, np.choose, np.array([True, False]), [(4, 2), (2,)], saves="number"),
    case(ag.choose, np.choose, np.array(1), [(2,), (2,)], saves="number"),
]
MASK = np.array([[True, False, True], [False, False, True]])


def halves(x, factor=0.5):
    return factor * x


COMPOSED = [
    case(ag.select, np.select, [MASK, ~MASK[0]], [(2, 3), (3,)]),
    case(ag.select, np.select, [np.array(True)], [()], ()),
    case(ag.select, np.select, [np.zeros((0, 2), bool)], [(0, 2)], 1.5),
    case(ag.piecewise, np.piecewise, (2, 3), [MASK], [np.exp]),
    case(ag.piecewise, np.piecewise, (2, 3), [MASK, ~MASK], [halves, 2.0, np.sin], factor=3.0),
    case(ag.piecewise, np.piecewise, (), [False], [np.exp, np.sin]),
    case(ag.compress, np.compress, np.array([True, False, True]), (2, 3), axis=-1),
    case(ag.compress, np.compress, np.array([False, True]), (2, 3)),
    case(ag.extract, np.extract, MASK, (2, 3)),
    case(ag.masked_fill, ref.masked_fill, (2, 3), MASK, 2.5),
    case(ag.masked_fill, ref.masked_fill, (3,), MASK, ()),
    case(ag.masked_select, ref.masked_select, (2, 3), MASK),
    case(ag.masked_select, ref.masked_select, (3,), MASK[:, :1]),
    case(ag.masked_select, ref.masked_select, (), np.array(True)),
    case(ag.masked_scatter, ref.masked_scatter, (2, 3), MASK, (2, 2)),
    case(ag.masked_scatter, ref.masked_scatter, (1, 3), MASK, (5,)),
    case(ag.apply_along_axis, np.apply_along_axis, np.cumsum, 0, (2, 3)),
    case(ag.apply_along_axis, np.apply_along_axis, halves, 1, (2, 2, 2), factor=2.0),
    case(ag.apply_along_axis, np.apply_along_axis, np.prod, -1, (2, 3)),
    case(ag.apply_over_axes, np.apply_over_axes, np.sum, (2, 3, 2), axes=(0, -1)),
    case(ag.apply_over_axes, np.apply_over_axes, np.cumsum, (2, 3), axes=1),
]
