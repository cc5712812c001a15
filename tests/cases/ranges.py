"""Cases of autograd/ops/ranges.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, positive

COMPOSED = [
    case(ag.linspace, np.linspace, (), (), num=5),
    case(ag.linspace, np.linspace, (2,), (3, 1), num=4, endpoint=False, axis=-1),
    case(ag.linspace, np.linspace, (2,), 3.0, num=3, retstep=True),
    case(ag.linspace, np.linspace, (), (), num=1),
    case(ag.linspace, np.linspace, (2,), (), num=0),
    case(ag.logspace, np.logspace, (2,), (), num=3),
    case(ag.logspace, np.logspace, (), (), num=3, base=2.0, endpoint=False),
    case(ag.geomspace, np.geomspace, (2,), (), num=4, domain=positive),
    case(ag.geomspace, np.geomspace, (), (2,), num=3, domain=positive, axis=1),
]
