"""Cases of autograd/ops/windows.py."""

from numpy.lib.stride_tricks import sliding_window_view as windows

import tapegrad.autograd as ag
from cases.case import case

CASES = [
    case(ag.sliding_window_view, windows, (5,), window_shape=3),
    case(ag.sliding_window_view, windows, (5,), window_shape=4),  # fewer places than elements
    case(ag.sliding_window_view, windows, (4, 5), window_shape=(2, 4)),
    case(ag.sliding_window_view, windows, (2, 4, 3), window_shape=2, axis=1),
    case(ag.sliding_window_view, windows, (4, 3), window_shape=(2, 3), axis=(-1, 0)),
    case(ag.sliding_window_view, windows, (5, 2), window_shape=(2, 3), axis=(0, 0)),
    case(ag.sliding_window_view, windows, (2, 3), window_shape=(), axis=()),
    case(ag.sliding_window_view, windows, (0, 3), window_shape=2, axis=1),
    case(ag.sliding_window_view, windows, (3,), window_shape=3, writeable=True),
]
