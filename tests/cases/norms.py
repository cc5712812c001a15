"""Cases of autograd/linalg/norms.py; those of singular values stand in tests/autograd/test_norms.py."""

import numpy as np

from cases.case import case, nonzero, spread
from tapegrad.autograd import linalg

INF = np.inf
SAVES = {0: "", 1: "x", INF: "x y", -INF: "x y"}  # of all other orders "x total"
VECTORS = [
    *[((5,), {"ord": p}) for p in (None, 2, 1, 0, 3, 0.5, -1, INF, -INF)],
    *[((2, 3), {"axis": axis, "ord": p}) for axis in (0, -1) for p in (None, 1, 2.5, INF)],
    ((2, 3, 4), {"axis": 1, "keepdims": True}), ((2, 3, 4), {}), ((), {}), ((2, 0), {"axis": 1}),
    ((0, 3), {"axis": 1, "ord": INF}), ((2, 3, 4), {"axis": (-2, -1)}),
    ((2, 3, 4), {"axis": (2, 0), "ord": "fro"}),
]  # fmt: skip
CASES = [
    case(linalg.norm, np.linalg.norm, shape, domain=spread if attrs.get("ord") in (INF, -INF) else nonzero,
         saves=SAVES.get(attrs.get("ord"), "x total"), **attrs)
    for shape, attrs in VECTORS
]  # fmt: skip
COMPOSED = [
    *(case(linalg.norm, np.linalg.norm, (3, 4), domain=spread, ord=p) for p in (1, -1, INF, -INF)),
    case(linalg.norm, np.linalg.norm, (2, 3, 4), domain=spread, ord=-INF, axis=(2, 1), keepdims=True),
    case(linalg.vector_norm, np.linalg.vector_norm, (2, 3)),
    case(linalg.vector_norm, np.linalg.vector_norm, (2, 3, 4), axis=(0, 2), ord=3, domain=nonzero),
    case(linalg.vector_norm, np.linalg.vector_norm, (2, 3), axis=1, ord=-INF, domain=spread, keepdims=True),
    case(linalg.matrix_norm, np.linalg.matrix_norm, (2, 3, 4), keepdims=True),
    case(linalg.matrix_norm, np.linalg.matrix_norm, (2, 3, 4), ord=INF, domain=spread),
]
