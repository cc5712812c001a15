"""Cases of nn/functional/loss.py and _shares.py."""

import numpy as np

import kernels
from cases import numpy_reference as ref
from cases.case import case, positive


def of_shares(logits, shares):
    """One row after the other."""
    rows = zip(logits.reshape(-1, logits.shape[-1]), shares.reshape(-1, logits.shape[-1]), strict=True)
    losses = [
        sum(q * (np.log(np.exp(x).sum()) - a) for a, q in zip(x, share, strict=True)) for x, share in rows
    ]
    return np.array(losses, logits.dtype).reshape(logits.shape[:-1])


def negative_at(logits, targets, counted):
    y = np.zeros(targets.shape, logits.dtype)
    for at in np.ndindex(targets.shape):
        y[at] = -logits[at][targets[at]] if counted[at] else 0
    return y


def weights_at(weight, targets, counted):
    return (weight * (np.arange(len(weight)) == targets[..., None])).sum(-1) * counted


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
    *(
        case(
            kernels.cross_entropy_of_shares, of_shares, shape, shape, domain=positive, saves="p shares log_p"
        )
        for shape in [(4, 3), (2, 3, 4), (4,), (0, 4)]
    ),
    *(
        case(
            kernels.negative_at,
            negative_at,
            (*targets.shape, 3),
            targets=targets,
            counted=counted,
            saves="at",
        )
        for targets, counted in [
            (IDS % 3, IDS != -1),
            (np.array(1), np.array(True)),
            (np.zeros((2, 0), int), np.ones((2, 0), bool)),
        ]
    ),
    *(
        case(kernels.weights_at, weights_at, (3,), targets=targets, counted=targets != 1)
        for targets in [IDS % 3, np.array(2), np.zeros(0, int)]
    ),
]
