"""Cases of autograd/ops/padding.py and nn/functional/padding.py."""

import numpy as np

import kernels
import tapegrad.autograd as ag
from cases.case import case, spread

NAMES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad_from_inside(x, widths, mode):
    return np.pad(x, [(0, 0)] * (x.ndim - len(widths)) + list(widths), NAMES[mode])


CASES = [
    case(ag.pad, np.pad, (2, 3), pad_width=1),
    case(ag.pad, np.pad, (2, 3), pad_width=((0, 2), (1, 0)), constant_values=-1),
    case(ag.pad, np.pad, (2, 3), pad_width=1, constant_values=((1, 2), (3, 4))),
    case(ag.pad, np.pad, (0, 3), pad_width=(1, 2)),
    case(ag.pad, np.pad, (2, 3), pad_width=((0, 2), (1, 0)), mode="edge", saves="index"),
    case(ag.pad, np.pad, (3, 4), pad_width=((2, 1), (5, 0)), mode="reflect", saves="index"),
    case(ag.pad, np.pad, (3, 2), pad_width=(1, 4), mode="symmetric", saves="index"),
    case(ag.pad, np.pad, (2, 3), pad_width=4, mode="wrap", saves="index"),
    case(ag.pad, np.pad, (2, 3), pad_width=2, mode="linear_ramp"),
    case(ag.pad, np.pad, (2, 3), pad_width=(1, 2), mode="mean"),
    case(ag.pad, np.pad, (4, 3), pad_width=2, mode="maximum", domain=spread, stat_length=2),
    case(ag.pad, np.pad, (4, 3), pad_width=1, mode="minimum", domain=spread, stat_length=((1, 2), (9, 1))),
    case(ag.pad, np.pad, (3, 4), pad_width=1, mode="median", domain=spread),
    case(ag.pad, np.pad, (4, 3), pad_width=((1, 2), (1, 0)), mode="median", domain=spread, stat_length=3),
    *(
        case(ag.pad, np.pad, shape, pad_width=w, mode=mode, reflect_type="odd", saves="shares source")
        for mode in ("reflect", "symmetric")
        for shape, w in [((4,), (1, 2)), ((3, 4), ((9, 5), (0, 1))), ((1, 3), 3), ((2, 3), ((4, 7), (2, 8)))]
    ),
    *(
        case(kernels.pad_from_inside, pad_from_inside, shape, widths=widths, mode=mode)
        for mode in NAMES
        for shape, widths in [
            ((2, 4), ((3, 2),)),
            ((1, 3, 4), ((1, 2), (0, 3))),
            ((1, 2, 3, 3), ((1, 0), (2, 2), (0, 1))),
            ((0, 2, 3), ((1, 2),)),
        ]
    ),
]
