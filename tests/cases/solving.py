"""Cases of autograd/linalg/solving.py."""

from functools import cache

import numpy as np

from cases.case import case, positive_definite, well_conditioned
from tapegrad.autograd import linalg

SHAPES = [(3, 3), (2, 3, 3), (1, 1), (0, 0), (0, 2, 2)]
EQUATIONS = [
    ((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (3,)), ((2, 3, 3), (3, 1)), ((3, 3), (2, 3, 2)),
    ((2, 1, 2, 2), (3, 2, 1)), ((0, 0), (0,)), ((2, 2), (2, 0)), ((0, 2, 2), (0, 2, 1)),
]  # fmt: skip
PINV = [(3, 3), (4, 2), (2, 4), (2, 3, 2), (0, 3), (2, 0)]


def triangular(a, b, trans=0, lower=False, unit_diagonal=False):
    """What solve_triangular is, by np.linalg.solve."""
    a = np.tril(a) if lower else np.triu(a)
    if unit_diagonal:
        a = np.where(np.eye(a.shape[-1], dtype=bool), 1, a)
    return np.linalg.solve(a.mT if trans in (1, "T") else a, b)


@cache
def fitted(solve):
    """x, residuals and s of lstsq: the rank is no float."""

    def lstsq(a, b, **options):
        x, residuals, _, s = solve(a, b, **options)
        return x, residuals, s

    return lstsq


@cache
def of_symmetric(fn):
    """fn of the symmetric part of a matrix, which is what its symmetric gradient belongs to."""

    def call(a, *args, **options):
        return fn((a + a.mT) / 2, *args, **options)

    call.__name__ = fn.__name__
    return call


CASES = [
    *(case(linalg.inv, np.linalg.inv, shape, domain=well_conditioned, saves="y") for shape in SHAPES),
    *(case(linalg.solve, np.linalg.solve, *s, domain=well_conditioned, saves="a found") for s in EQUATIONS),
    *(
        case(linalg.solve_triangular, triangular, *s, domain=positive_definite, saves="t found", **options)
        for s in (((3, 3), (3, 3)), ((2, 3, 3), (3, 3)), ((70, 70), (70, 70)))
        for options in (
            {},
            {"trans": 1},
            {"lower": True},
            {"trans": "T", "lower": True, "unit_diagonal": True},
        )
    ),
    *(
        case(linalg.solve_triangular, triangular, *s, domain=well_conditioned, saves="t found", lower=True)
        for s in (((3, 3), (3,)), ((2, 3, 3), (3,)), ((0, 0), (0, 2)))
    ),
    *(case(linalg.pinv, np.linalg.pinv, shape, domain=well_conditioned, saves="a y") for shape in PINV),
    case(linalg.pinv, np.linalg.pinv, (4, 3), rcond=0.8, domain=well_conditioned, saves="a y"),
    case(linalg.pinv, np.linalg.pinv, (2, 3, 4), rtol=0.7, domain=well_conditioned, saves="a y"),
    case(
        of_symmetric(linalg.pinv),
        of_symmetric(np.linalg.pinv),
        (3, 3),
        hermitian=True,
        domain=positive_definite,
        saves="a y",
    ),
    *(
        case(
            fitted(linalg.lstsq), fitted(np.linalg.lstsq), *s, domain=well_conditioned, saves=saves, **options
        )
        for *s, saves, options in (
            ((4, 3), (4,), "a kept found", {}),
            ((4, 3), (4, 2), "a kept found", {"rcond": None}),
            ((2, 4), (2, 3), "a kept", {}),
            ((3, 3), (3,), "a kept", {"rcond": 0.7}),
        )
    ),
]
