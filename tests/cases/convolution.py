"""Cases of nn/functional/convolution.py and transposed_convolution.py."""

import numpy as np

import kernels
from cases.case import case


def met(position, kernel, stride, dilation):
    """The index of what a kernel meets at a position."""
    axes = zip(position, kernel, stride, dilation, strict=True)
    return (..., *(slice(p * s, p * s + d * (k - 1) + 1, d) for p, k, s, d in axes))


def convolution(x, w, b=None, stride=(1,), padding=((0, 0),), dilation=(1,), groups=1):
    """By the definition: at each position the kernel times what it meets."""
    kernel, n = w.shape[2:], len(stride)
    x = np.pad(x, ((0, 0), (0, 0), *padding))
    axes = zip(x.shape[2:], kernel, stride, dilation, strict=True)
    y = np.zeros((len(x), len(w), *((m - d * (k - 1) - 1) // s + 1 for m, k, s, d in axes)), x.dtype)
    for p in np.ndindex(y.shape[2:]):
        window = x[met(p, kernel, stride, dilation)]
        parts = zip(np.split(window, groups, axis=1), np.split(w, groups), strict=True)
        y[(..., *p)] = np.concatenate([np.tensordot(a, k, [range(1, n + 2)] * 2) for a, k in parts], axis=1)
    return y if b is None else y + b.reshape(-1, *[1] * n)


def transposed(x, w, b=None, stride=(1,), padding=(0,), output_padding=(0,), groups=1, dilation=(1,)):
    """By the definition: each element of x adds its multiple of the kernel."""
    kernel, n = w.shape[2:], len(stride)
    axes = list(zip(x.shape[2:], kernel, stride, dilation, output_padding, padding, strict=True))
    whole = [(m - 1) * s + d * (k - 1) + 1 + e for m, k, s, d, e, _ in axes]
    y = np.zeros((len(x), w.shape[1] * groups, *whole), x.dtype)
    for p in np.ndindex(x.shape[2:]):
        parts = zip(np.split(x[(..., *p)], groups, axis=1), np.split(w, groups), strict=True)
        spread = [np.tensordot(a, k, 1) for a, k in parts]
        y[met(p, kernel, stride, dilation)] += np.concatenate(spread, axis=1)
    y = y[(..., *(slice(a[5], m - a[5]) for a, m in zip(axes, whole, strict=True)))]
    return y if b is None else y + b.reshape(-1, *[1] * n)


def table(op, reference, names, rows):
    """Shapes of input, weight and bias, options by place; the arrays that are kept are named alike."""
    return [
        case(op, reference, *shapes, saves="x weight", **dict(zip(names, options, strict=False)))
        for shapes, options in rows
    ]


NONE, ONE = (0, 0), (1, 1)
CASES = table(
    kernels.convolution,
    convolution,
    ("stride", "padding", "dilation", "groups"),
    [
        ([(2, 4, 7), (6, 2, 3), (6,)], [(2,), (ONE,), (2,), 2]),
        ([(2, 3, 4, 3), (2, 3, 3, 2), (2,)], [(1, 1), (ONE, (0, 1)), (1, 1)]),
        ([(1, 2, 6, 4), (2, 2, 3, 2), None], [(2, 3), ((2, 2), ONE), (1, 1)]),
        ([(2, 3, 2, 2), (2, 3, 1, 1), (2,)], [(1, 1), (NONE, NONE), (1, 1)]),  # enough images for a product
        ([(1, 2, 132), (2, 2, 1), None], [(1,), (NONE,), (1,)]),  # enough positions
        ([(1, 2, 4, 3), (2, 1, 3, 2), (2,)], [(1, 1), (ONE, ONE), (1, 1), 2]),  # a kernel for each channel
        ([(1, 2, 5, 18), (2, 1, 2, 2), None], [(2, 1), (ONE, NONE), (2, 1), 2]),  # in two strips
        ([(2, 2, 7), (2, 1, 3), None], [(2,), (ONE,), (1,), 2]),
        ([(1, 2, 3, 2, 2), (2, 2, 2, 2, 2), (2,)], [(2, 1, 1), (ONE, NONE, ONE), (1, 1, 1)]),
        (
            [(1, 16, 3, 3), (1, 16, 2, 3), (1,)],
            [(1, 1), (NONE, NONE), (1, 1)],
        ),  # enough channels for a product for each row of kernels
        ([(1, 16, 4, 3), (1, 16, 3, 3), None], [(2, 1), (ONE, NONE), (1, 1)]),
        ([(0, 2, 4), (3, 2, 3), (3,)], [(1,), (NONE,), (1,)]),
    ],
)
CASES += table(
    kernels.transposed_convolution,
    transposed,
    ("stride", "padding", "output_padding", "groups", "dilation"),
    [
        ([(2, 4, 3), (4, 2, 3), (4,)], [(2,), (1,), (1,), 2, (2,)]),
        ([(1, 2, 3, 2), (2, 3, 2, 3), None], [(1, 2), (0, 1), (0, 0), 1, (1, 1)]),
        ([(1, 2, 3, 3), (2, 1, 3, 2), (1,)], [(1, 1), (1, 0), (1, 0), 1, (2, 1)]),
        ([(1, 2, 4, 3), (2, 1, 2, 3), (2,)], [(2, 1), (0, 1), (1, 0), 2, (1, 1)]),
        ([(1, 2, 2, 2, 1), (2, 1, 2, 1, 2), None], [(2, 1, 1), (0, 0, 0), (1, 0, 0), 1, (1, 1, 1)]),
    ],
)
