"""Cases of autograd/linalg/least_squares.py."""

from functools import cache

import numpy as np

from cases.case import case, of_symmetric, positive_definite, well_conditioned
from tapegrad.autograd import linalg

PINV = [(3, 3), (4, 2), (2, 4), (2, 3, 2), (0, 3), (2, 0)]


@cache
def fitted(solve):
    """x, residuals and s of lstsq: the rank is no float."""

    def lstsq(a, b, **options):
        x, residuals, _, s = solve(a, b, **options)
        return x, residuals, s

    return lstsq


CASES = [
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
COMPOSED = [
    case(linalg.lstsq, np.linalg.lstsq, (4, 3), (4, 2), domain=well_conditioned),
    case(linalg.lstsq, np.linalg.lstsq, (2, 3), (2,), rcond=None, domain=well_conditioned),
]
