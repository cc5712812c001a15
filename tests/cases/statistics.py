"""Cases of autograd/ops/statistics.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, positive

WEIGHTS = np.array([[0.5, 1], [2, 3]])
CASES = [
    case(ag.convolve, np.convolve, n, m, mode, saves="a v")
    for n, m in [((5,), (2,)), ((3,), (4,)), ((1,), (3,))]
    for mode in ("full", "same", "valid")
] + [
    case(ag.convolve, np.convolve, (4,), (4,), saves="a v"),
    case(ag.convolve, np.convolve, (), (), saves="a v"),
]
COMPOSED = [
    case(ag.average, np.average, (2, 3)),
    case(ag.average, np.average, (2, 3), 1, (3,), domain=positive),
    case(ag.average, np.average, (2, 3), None, (2, 3), True, domain=positive),
    case(ag.average, np.average, (2, 3, 2), axis=(2, 0), weights=WEIGHTS, keepdims=True),
    case(ag.cov, np.cov, (3, 5)),
    case(ag.cov, np.cov, (4, 2), (4, 2), rowvar=False, ddof=0),
    case(ag.cov, np.cov, (2, 3), fweights=np.array([1, 2, 1]), aweights=np.array([0.5, 1.0, 2.0])),
    case(ag.corrcoef, np.corrcoef, (2, 5)),
    *(
        case(ag.correlate, np.correlate, (3,), (m,), mode)
        for m in (2, 4)
        for mode in ("full", "same", "valid")
    ),
]
