"""Cases of autograd/ops/quantile.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, positive, spread
from tapegrad.autograd.ops.quantile import _lerp


def between(a, b, t):
    return a + (b - a) * t


CASES = [
    case(_lerp, between, (2, 3), (2, 3), (3,), domain=positive, saves="far near step"),
    case(_lerp, between, (2, 3), (2, 1), np.array([0.25, 0.5, 0.75]), saves="far near"),
    case(_lerp, between, (), (), (), domain=positive, saves="far near step"),
    case(_lerp, between, (0, 3), (0, 3), (3,), saves="far near step"),
]
COMPOSED = [
    *(
        case(fn, getattr(np, fn.__name__), (3, 4, 2), scale * q, domain=spread, method=method, **attrs)
        for fn, scale in (
            (ag.quantile, 1),
            (ag.nanquantile, 1),
            (ag.percentile, 100),
            (ag.nanpercentile, 100),
        )
        for q, method, attrs in (
            (0.3, "linear", {}),
            (0.55, "nearest", {"axis": 1}),
            (0.8, "hazen", {"axis": (0, -1), "keepdims": True}),
        )
    ),
    case(ag.quantile, np.quantile, (3, 4), [0.2, 0.7], domain=spread, axis=1, method="weibull"),
]
