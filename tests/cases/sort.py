"""Cases of autograd/ops/sort.py."""

import numpy as np

import tapegrad.autograd as ag
from cases import numpy_reference as ref
from cases.case import case, spread

CASES = [
    case(ag.sort, np.sort, (3, 4), domain=spread, saves="index"),
    case(ag.sort, np.sort, (3, 4), axis=0, kind="heapsort", domain=spread, saves="index"),
    case(ag.sort, np.sort, (2, 3), axis=None, domain=spread, saves="index"),
    case(ag.sort, np.sort, (0, 3), axis=0, stable=True, saves="index"),
    case(ag.partition, np.partition, (3, 9), kth=4, domain=spread, saves="source"),
    case(ag.partition, np.partition, (5, 3), kth=(1, -1), axis=0, domain=spread, saves="source"),
    case(ag.partition, np.partition, (2, 3), kth=0, axis=None, domain=spread, saves="source"),
]
COMPOSED = [
    case(ag.topk, ref.topk, (3, 5), 2, domain=spread),
    case(ag.topk, ref.topk, (4, 3), 3, axis=0, largest=False, domain=spread),
    case(ag.topk, ref.topk, (2, 3), 0),
    case(ag.topk, ref.topk, (), 1),
    case(ag.kthvalue, ref.kthvalue, (3, 5), 2, domain=spread),
    case(ag.kthvalue, ref.kthvalue, (4, 3), 4, axis=0, keepdims=True, domain=spread),
    case(ag.kthvalue, ref.kthvalue, (), 1),
    case(ag.mode, ref.mode, (3, 5), domain=spread),
    case(ag.mode, ref.mode, (4, 3), axis=0, keepdims=True, domain=spread),
    case(ag.mode, ref.mode, ()),
]
