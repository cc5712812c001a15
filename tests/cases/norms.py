"""Cases of autograd/linalg/norms.py; those of singular values stand in tests/autograd/test_norms.py."""

import numpy as np

from cases.case import case, nonzero, spread
from tapegrad.autograd import linalg

INF = np.inf
SAVES = {0: "", 1: "x"}  # of all other orders x and y
VECTORS = [
    *[((5,), {})], *[((5,), {"ord": p}) for p in (2, 1, 0, 3, 2.5, 0.5, -1, -2, INF, -INF)],
    *[((2, 3), {"axis": axis, "ord": p}) for axis in (0, -1) for p in (None, 1, 3, -0.5, INF, -INF)],
    ((2, 3, 4), {"axis": 1, "keepdims": True}), ((2, 3, 4), {}), ((2, 3), {"keepdims": True}), ((), {}),
    ((0, 3), {"axis": 1}), ((2, 0), {"axis": 1}), ((2, 0), {"axis": 1, "ord": 1}),
    ((0, 3), {"axis": 1, "ord": INF}),
]  # fmt: skip
MATRICES = [
    ((3, 4), {"ord": "fro"}), ((2, 3, 4), {"axis": (-2, -1)}), ((2, 3, 4), {"axis": (2, 0), "ord": "fro"}),
    ((2, 3, 4), {"axis": (1, 2), "keepdims": True}),
]  # fmt: skip
OF_OPS = [((3, 4), {"ord": p}) for p in (1, -1, INF, -INF)] + [((2, 3, 4), {"ord": 1, "axis": (0, 2)})]


def saves(ord=2, **_):
    return SAVES.get(ord, "x y" if abs(ord or 2) == INF else "x total")


CASES = [
    *(
        case(linalg.norm, np.linalg.norm, shape,
        domain=spread if abs(attrs.get("ord") or 2) == INF else nonzero,
             saves=saves(**attrs), **attrs)
        for shape, attrs in VECTORS
    ),
    *(case(linalg.norm, np.linalg.norm, shape, saves="x total", **attrs) for shape, attrs in MATRICES),
    *(case(linalg.norm, np.linalg.norm, shape, domain=spread, **attrs) for shape, attrs in OF_OPS),
    case(linalg.norm, np.linalg.norm, (2, 3, 4), domain=spread, saves="x y", ord=-INF, axis=(2, 1),
    keepdims=True),
    case(linalg.vector_norm, np.linalg.vector_norm, (2, 3), saves="x total"),
    case(linalg.vector_norm, np.linalg.vector_norm, (2, 3, 4), saves="x total", axis=(0, 2), ord=3,
    domain=nonzero),
    case(linalg.vector_norm, np.linalg.vector_norm, (2, 3, 4), saves="x total", axis=(2, 1), keepdims=True),
    case(linalg.vector_norm, np.linalg.vector_norm, (2, 3), saves="x y", axis=1, ord=-INF, domain=spread),
    case(linalg.matrix_norm, np.linalg.matrix_norm, (2, 3, 4), saves="x total", keepdims=True),
    case(linalg.matrix_norm, np.linalg.matrix_norm, (2, 3, 4), ord=INF, domain=spread),
]  # fmt: skip
