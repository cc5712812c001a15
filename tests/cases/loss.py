"""Cases of nn/functional/loss.py."""

import numpy as np

import kernels
from cases import numpy_reference as ref
from cases.case import case

IDS = np.array([[2, 0, 2], [-1, 1, 1]])
CASES = [
    *(
        case(
            kernels.cross_entropy,
            ref.cross_entropy,
            shape,
            targets=targets,
            saves="e ignored picked share total",
            **attrs,
        )
        for shape, targets, attrs in [
            ((4, 3), np.array([0, 2, 1, 2]), {}),
            ((2, 3, 4), IDS, {"ignore_index": -1}),
            ((2, 3, 4), IDS, {"ignore_index": -1, "label_smoothing": 0.1}),
            ((3, 4), IDS[0], {"reduction": "sum"}),
            ((3, 4), IDS[1], {"ignore_index": -1, "reduction": "none"}),
            ((4,), np.array(2), {"label_smoothing": 0.2}),
            ((4,), np.array(2), {"reduction": "none"}),
            ((0, 4), np.zeros(0, int), {"reduction": "sum"}),
        ]
    ),
]
