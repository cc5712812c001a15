"""Cases of autograd/linalg/decompositions.py."""

import numpy as np

from cases.case import case, of_symmetric, positive_definite, real_spectrum, well_conditioned
from tapegrad.autograd import linalg

SQUARE = [(3, 3), (2, 3, 3), (1, 1), (0, 0), (0, 2, 2)]
ANY = [(3, 3), (4, 2), (2, 4), (2, 3, 2), (2, 2, 3), (3, 1), (0, 3), (2, 0)]
UPPER = {"upper": True}
QR = [((2, 4), "complete"), ((3, 3), "complete")]


def real_eig(a):
    """np.linalg.eig, whose results are complex since NumPy 2.5."""
    return tuple(map(np.real, np.linalg.eig(a)))


def real_eigvals(a):
    return np.real(np.linalg.eigvals(a))


CASES = [
    *(
        case(
            of_symmetric(linalg.cholesky),
            of_symmetric(np.linalg.cholesky),
            shape,
            domain=positive_definite,
            saves="y",
            **options,
        )
        for shape, options in [*((s, {}) for s in SQUARE), ((2, 3, 3), UPPER), ((70, 70), UPPER)]
    ),
    *(case(linalg.qr, np.linalg.qr, shape, domain=well_conditioned, saves="q r") for shape in ANY),
    *(case(linalg.qr, np.linalg.qr, s, mode=mode, domain=well_conditioned, saves="q r") for s, mode in QR),
    *(
        case(linalg.svd, np.linalg.svd, s, full_matrices=False, domain=well_conditioned, saves="u s vh")
        for s in ANY
    ),
    case(linalg.svd, np.linalg.svd, (3, 3), domain=well_conditioned, saves="u s vh"),
    *(case(linalg.svdvals, np.linalg.svdvals, s, domain=well_conditioned, saves="x") for s in ANY[::2]),
    *(
        case(of_symmetric(op), of_symmetric(peer), s, domain=positive_definite, saves=saves, **options)
        for op, peer, saves in (
            (linalg.eigh, np.linalg.eigh, "w v"),
            (linalg.eigvalsh, np.linalg.eigvalsh, "a"),
        )
        for s, options in [*((s, {}) for s in SQUARE), ((2, 3, 3), {"UPLO": "U"})]
        if s != (1, 1) or saves == "a"
    ),
    *(
        case(
            linalg.eig, lambda a: tuple(map(np.real, np.linalg.eig(a))), s, domain=real_spectrum, saves="w v"
        )
        for s in SQUARE[:2]
    ),
    *(
        case(linalg.eigvals, lambda a: np.real(np.linalg.eigvals(a)), s, domain=real_spectrum, saves="a w")
        for s in SQUARE[:2]
    ),
]
