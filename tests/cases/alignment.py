"""Cases of nn/functional/alignment.py."""

import itertools

import numpy as np

import kernels
from cases.case import case


def ctc(log_probs, labels, input_lengths, label_lengths, blank, zero_infinity):
    """Over all paths: those that say the text once doubles and blanks are taken out."""
    losses = []
    for n, (steps, length) in enumerate(zip(input_lengths, label_lengths, strict=True)):
        total = log_probs.dtype.type(0)
        for path in itertools.product(range(log_probs.shape[2]), repeat=int(steps)):
            said = [c for c, _ in itertools.groupby(path) if c != blank]
            if said == labels[n, :length].tolist():
                total = total + np.exp(sum(log_probs[t, n, c] for t, c in enumerate(path)))
        with np.errstate(divide="ignore"):
            losses.append(-np.log(total) if total or not zero_infinity else total)
    return np.array(losses, log_probs.dtype)


LABELS = np.array([[1, 2], [1, 1], [2, 0]])
LENGTHS = np.array([2, 2, 1])
CASES = [
    case(
        kernels.ctc,
        ctc,
        (4, 3, 3),
        labels=LABELS,
        input_lengths=np.array([4, 3, 2]),
        label_lengths=LENGTHS,
        blank=0,
        zero_infinity=False,
        saves="alpha ends never seen skips possible states there total",
    ),
    case(
        kernels.ctc,
        ctc,
        (3, 2, 3),
        labels=LABELS[::2] - 1,
        input_lengths=np.array([2, 2]),
        label_lengths=np.array([2, 0]),
        blank=2,
        zero_infinity=True,
        saves="alpha ends never seen skips possible states there total",
    ),
]
