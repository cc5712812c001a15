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
