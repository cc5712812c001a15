"""Cases of autograd/fft.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

COMPOSED = [
    case(op, reference, shape, **attrs)
    for op, reference in ((ag.fft.fftshift, np.fft.fftshift), (ag.fft.ifftshift, np.fft.ifftshift))
    for shape, attrs in (
        ((5,), {}),
        ((3, 4), {}),
        ((3, 5), {"axes": -1}),
        ((3, 2, 5), {"axes": (0, -1)}),
        ((5, 2), {"axes": [0, 0]}),
        ((0, 3), {"axes": None}),
    )
]
