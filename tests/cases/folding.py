"""Cases of nn/functional/folding.py."""

import numpy as np

import kernels
from cases.case import case
from cases.convolution import met


def unfold(x, kernel_size, dilation, padding, stride):
    x = np.pad(x, ((0, 0), (0, 0), *padding))
    axes = zip(x.shape[2:], kernel_size, stride, dilation, strict=True)
    positions = np.ndindex(*((m - d * (k - 1) - 1) // s + 1 for m, k, s, d in axes))
    windows = [x[met(p, kernel_size, stride, dilation)].reshape(len(x), -1) for p in positions]
    return np.stack(windows, axis=-1)


def fold(columns, output_size, kernel_size, dilation, padding, stride):
    """The transpose of unfold's matrix."""
    n, width, _ = columns.shape
    shape = (width // (kernel_size[0] * kernel_size[1]), *output_size)
    unit = np.eye(np.prod(shape), dtype=columns.dtype).reshape(-1, *shape)
    matrix = unfold(unit, kernel_size, dilation, padding, stride)
    return np.tensordot(columns, matrix, [(1, 2), (1, 2)]).reshape(n, *shape)


NONE, ONE = (0, 0), (1, 1)
WINDOWS = [
    {"kernel_size": (2, 3), "dilation": (1, 1), "padding": (ONE, NONE), "stride": (2, 1)},
    {"kernel_size": (3, 1), "dilation": (2, 1), "padding": (NONE, ONE), "stride": (1, 2)},
]
CASES = [
    case(kernels.unfold, unfold, (2, 2, 4, 3), **WINDOWS[0]),
    case(kernels.unfold, unfold, (1, 1, 5, 3), **WINDOWS[1]),
    case(kernels.fold, fold, (2, 12, 3), output_size=(4, 3), **WINDOWS[0]),
    case(kernels.fold, fold, (1, 3, 2), output_size=(5, 2), **WINDOWS[1]),
]
