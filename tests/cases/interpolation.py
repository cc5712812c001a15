"""Cases of autograd/ops/interpolation.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case
from kernels import EVERY_OP

interp = EVERY_OP["interp"]
AT = np.array([-0.5, 0.3, 1.2, 2.7, 3.5])
POINTS = np.array([-1.0, 0.0, 1.5, 3.0])


def rising(rng, shape):
    """Numbers that rise by at least 0.3 from one to the next."""
    return np.cumsum(rng.uniform(0.3, 1, shape)) - 1


CASES = [
    case(interp, np.interp, (2, 3), POINTS, (4,), saves="values x xp"),
    case(interp, np.interp, (), POINTS, (4,), saves="values x xp"),
    case(interp, np.interp, (5,), (4,), (4,), domain=rising, saves="values x xp"),
    case(interp, np.interp, AT, POINTS, (4,), left=0.5, right=-2.0, saves="x xp"),
    case(interp, np.interp, (0,), POINTS, (4,), saves="values x xp"),
]
COMPOSED = [
    case(ag.interp, np.interp, (2, 3), POINTS, (4,)),
    case(ag.interp, np.interp, AT, (4,), (4,), period=5.0, domain=rising),
]
