"""Cases of autograd/linalg/solving.py."""

import numpy as np

from cases.case import case, positive_definite, well_conditioned
from tapegrad.autograd import linalg

SHAPES = [(3, 3), (2, 3, 3), (1, 1), (0, 0), (0, 2, 2)]
EQUATIONS = [
    ((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (3,)), ((2, 3, 3), (3, 1)), ((3, 3), (2, 3, 2)),
    ((2, 1, 2, 2), (3, 2, 1)), ((0, 0), (0,)), ((2, 2), (2, 0)), ((0, 2, 2), (0, 2, 1)),
]  # fmt: skip


def triangular(a, b, trans=0, lower=False, unit_diagonal=False):
    """What solve_triangular is, by np.linalg.solve."""
    a = np.tril(a) if lower else np.triu(a)
    if unit_diagonal:
        a = np.where(np.eye(a.shape[-1], dtype=bool), 1, a)
    return np.linalg.solve(a.mT if trans in (1, "T") else a, b)


CASES = [
    *(case(linalg.inv, np.linalg.inv, shape, domain=well_conditioned, saves="y") for shape in SHAPES),
    *(case(linalg.solve, np.linalg.solve, *s, domain=well_conditioned, saves="a found") for s in EQUATIONS),
    *(
        case(linalg.solve_triangular, triangular, *s, domain=positive_definite, saves="t found", **options)
        for s in (((3, 3), (3, 3)), ((70, 70), (70, 70)))
        for options in (
            {},
            {"trans": 1},
            {"lower": True},
            {"trans": "T", "lower": True, "unit_diagonal": True},
        )
    ),
    *(
        case(linalg.solve_triangular, triangular, *s, domain=well_conditioned, saves="t found", lower=True)
        for s in (((3, 3), (3,)), ((2, 3, 3), (3,)), ((2, 3, 3), (3, 3)), ((0, 0), (0, 2)))
    ),
]
COMPOSED = [
    case(linalg.tensorinv, np.linalg.tensorinv, (2, 2, 4), domain=well_conditioned),
    case(linalg.tensorinv, np.linalg.tensorinv, (4, 2, 2), ind=1, domain=well_conditioned),
    case(linalg.tensorsolve, np.linalg.tensorsolve, (2, 2, 4), (2, 2), domain=well_conditioned),
    case(linalg.tensorsolve, np.linalg.tensorsolve, (2, 4, 2), (2, 2), axes=(1,), domain=well_conditioned),
]
