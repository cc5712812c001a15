"""Cases of autograd/ops/angles.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, nonzero, normal, unary


def turns(rng, shape):
    return 3 * rng.standard_normal(shape)


CASES = [
    *unary(ag.deg2rad, np.deg2rad, normal),
    *unary(ag.radians, np.radians, normal),
    *unary(ag.rad2deg, np.rad2deg, normal),
    *unary(ag.degrees, np.degrees, normal),
    *unary(ag.angle, np.angle, nonzero),
    case(ag.angle, np.angle, (2, 3), deg=True, domain=nonzero),
    case(ag.unwrap, np.unwrap, (3, 4), domain=turns),
    case(ag.unwrap, np.unwrap, (3, 4), axis=0, discont=4.0, domain=turns),
    case(ag.unwrap, np.unwrap, (3, 4), axis=-2, period=2.5, domain=turns),
    case(ag.unwrap, np.unwrap, (2, 1)),
]
