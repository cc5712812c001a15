"""Cases of autograd/ops/extrema.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import binary, case, reductions, spread

MASK = np.array([True, False, True, True])

CASES = [
    *binary(ag.maximum, np.maximum, spread, "a b"),
    *binary(ag.minimum, np.minimum, spread, "a b"),
    *binary(ag.fmax, np.fmax, spread, "first"),
    *binary(ag.fmin, np.fmin, spread, "first"),
    case(ag.maximum, np.maximum, (2, 3), 2, domain=spread, saves="a"),
    case(ag.minimum, np.minimum, 2.5, (2, 3), saves="b"),
    case(ag.clip, np.clip, (3, 4), a_min=-0.4, a_max=0.5, saves="inside"),
    case(ag.clip, np.clip, (3, 4), a_min=0.1, a_max=None, saves="inside"),
    case(ag.clip, np.clip, (), a_min=None, a_max=5, saves="inside"),
    case(ag.clip, np.clip, (3, 4), (4,), (3, 1), domain=spread, saves="above below inside"),
    case(ag.clip, np.clip, (3, 4), None, (), domain=spread, saves="above inside"),
    case(ag.max, np.max, (3, 4), axis=1, initial=0.1, where=MASK, domain=spread, saves="x y"),
    case(ag.min, np.min, (3, 4), initial=9.0, where=MASK, domain=spread, saves="x y"),
    *reductions(ag.max, np.max, spread, "x y"),
    *reductions(ag.min, np.min, spread, "x y"),
    case(ag.max, np.max, (), saves="x y"),
]
COMPOSED = reductions(ag.ptp, np.ptp, spread)[:-1]
