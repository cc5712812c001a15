"""Cases of nn/functional/resampling.py."""

import numpy as np

import kernels
from cases.case import case


def resample(x, at, weights, back_at, back_weights, axis):
    """By a matrix (outputs, inputs) with the weights at their places."""
    matrix = np.zeros((len(at), x.shape[axis]), x.dtype)
    np.add.at(matrix, (np.arange(len(at))[:, None], at), weights)
    return np.moveaxis(np.moveaxis(x, axis, -1) @ matrix.T, -1, axis)


# Three inputs to two outputs of two taps, one of them twice of one input, and the same transposed by hand.
TAPS = {
    "at": np.array([[0, 1], [2, 2]]),
    "weights": np.array([[0.75, 0.25], [0.5, -1.5]]),
    "back_at": np.array([[0, 0], [0, 0], [1, 1]]),
    "back_weights": np.array([[0.75, 0.0], [0.25, 0.0], [0.5, -1.5]]),
}
CASES = [
    case(kernels.resample, resample, (2, 3), **TAPS, axis=-1, saves="back_weights"),
    case(kernels.resample, resample, (2, 3, 4), **TAPS, axis=-2, saves="back_weights"),
    case(kernels.resample, resample, (0, 3), **TAPS, axis=-1, saves="back_weights"),
]
