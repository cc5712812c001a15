"""Cases of autograd/ops/creation.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

CASES = [
    case(ag.astype, lambda x, dtype: x.astype(dtype), (2, 3), np.float64),
    case(ag.copy, np.copy, (2, 3)),
    case(ag.copy, np.copy, (2, 3), order="F"),
    case(ag.copy, np.copy, ()),
]
COMPOSED = [
    case(ag.full_like, np.full_like, (2, 3), ()),
    case(ag.full_like, np.full_like, (2,), (3,), shape=[2, 3], order="F"),
    case(ag.full, np.full, [2, 3], ()),
    case(ag.full, np.full, [2, 0], (2, 1)),
    case(ag.array, np.array, (2, 3)),
    case(ag.array, np.array, [[(), 2.0], [(), ()]], ndmin=3),
    case(ag.array, np.array, [(2, 0), (2, 0)]),
    *(
        case(op, reference, *args)
        for op, reference in ((ag.asarray, np.asarray), (ag.asanyarray, np.asanyarray))
        for args in ([(2, 3)], [[(2,), (2,)]])
    ),
    *(
        case(op, reference, shape)
        for op, reference in (
            (ag.ascontiguousarray, np.ascontiguousarray),
            (ag.asfortranarray, np.asfortranarray),
        )
        for shape in ((2, 3), ())
    ),
    case(ag.require, np.require, (2, 3), requirements=["F", "W"]),
    case(ag.require, np.require, ()),
]
