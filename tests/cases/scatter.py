"""Cases of autograd/ops/scatter.py."""

import numpy as np

import tapegrad.autograd as ag
from cases import numpy_reference as ref
from cases.case import case, few_zeros, nonzero, normal, spread

IDS = np.array([[2, 0, 2], [-1, 1, 1]])
CASES = [
    case(ag.index_add, ref.index_add, (4, 3), (2, 3, 3), index=IDS),
    case(ag.index_add, ref.index_add, (4, 3), (), index=(Ellipsis, 0)),
]
for shapes, index, domain in (
    (((4, 3), (2, 3, 3)), IDS, nonzero),
    (((3, 2), (6, 2)), [0, 1, 0, 0, 2, 1], few_zeros),
    (((3,), ()), [0, 1, 0], normal),
):
    given = {"index": index, "domain": domain, "saves": "value kept"}
    CASES += [case(ag.index_multiply, ref.index_multiply, *shapes, **given)]
for op in (ag.index_maximum, ag.index_minimum):
    reference = getattr(ref, op.__name__)
    saved = "x value y"
    CASES += [
        case(op, reference, (4, 3), (2, 3, 3), index=IDS, domain=spread, saves=saved),
        case(op, reference, (4, 3), (2, 3), index=[1, 1], include_self=False, domain=spread, saves=saved),
        case(op, reference, (4, 3), (), index=(Ellipsis, 0), domain=spread, saves=saved),
    ]
AT = np.array([[1, 0, 1], [-1, 2, 2]])
ROWS = np.array([2, 0])
COMPOSED = [
    case(ag.scatter, ref.scatter, (3, 4), 0, AT, (2, 3)),
    case(ag.scatter, ref.scatter, (2, 4), 1, AT, 2.5),
    case(ag.scatter, ref.scatter, (2, 4), -1, AT, (2, 3), reduce="add"),
    case(ag.scatter, ref.scatter, (3, 3), 0, AT, (3, 4), reduce="multiply", domain=nonzero),
    case(ag.scatter, ref.scatter, (), 0, np.array(0), ()),
    case(ag.scatter_add, ref.scatter_add, (2, 4), 1, AT, (2, 3)),
    case(ag.scatter_add, ref.scatter_add, (0, 3), 1, AT[:0], (0, 3)),
    *(
        case(ag.scatter_reduce, ref.scatter_reduce, (3, 3), 0, AT, (2, 3), reduce=way, domain=spread)
        for way in ("sum", "mean", "prod", "amax", "amin")
    ),
    *(
        case(ag.scatter_reduce, ref.scatter_reduce, (2, 4), 1, AT, (2, 3), reduce=way, include_self=False)
        for way in ("mean", "prod", "amax")
    ),
    case(ag.index_copy, ref.index_copy, (3, 2), 0, ROWS, (2, 2)),
    case(ag.index_copy, ref.index_copy, (2, 3), -1, ROWS, (2, 2)),
    case(ag.index_copy, ref.index_copy, (), 0, np.array([0]), ()),
    case(ag.index_fill, ref.index_fill, (2, 3), 1, ROWS, ()),
    case(ag.index_fill, ref.index_fill, (3, 0), 0, ROWS, 1.5),
]
