"""Cases of nn/functional/pooling.py, adaptive_pooling.py and unpooling.py."""

import itertools

import numpy as np

import kernels
from cases.case import case, spread


def pooled(reduce, x, starts, kernel, dilation=None):
    """reduce(elements) of each window, whose first elements along each axis these are, those inside."""
    n = len(kernel)
    dilation = dilation or (1,) * n
    lead, sizes = x.shape[:-n], x.shape[-n:]
    y = np.empty((*lead, *map(len, starts)), x.dtype)
    for at in itertools.product(*(range(len(s)) for s in starts)):
        axes = [
            [i for i in range(s[o], s[o] + k * d, d) if 0 <= i < m]
            for s, o, k, d, m in zip(starts, at, kernel, dilation, sizes, strict=True)
        ]
        inside = x[(..., *np.ix_(*axes))]
        y[(..., *at)] = reduce(inside.reshape(*lead, np.prod(inside.shape[-n:])), at)
    return y


def firsts(stride, padding, out):
    return [[o * s - p for o in range(m)] for s, p, m in zip(stride, padding, out, strict=True)]


def max_pool(x, kernel, stride, padding, dilation, out):
    return pooled(lambda w, _: w.max(-1), x, firsts(stride, padding, out), kernel, dilation)


def avg_pool(x, kernel, stride, padding, out, divisor):
    divisor = np.broadcast_to(divisor, out)
    return pooled(lambda w, at: w.sum(-1) / divisor[at], x, firsts(stride, padding, out), kernel)


def adaptive_avg_pool(x, out):
    for axis, m in enumerate(out, x.ndim - len(out)):
        size = x.shape[axis]
        parts = [np.take(x, range(i * size // m, -(-(i + 1) * size // m)), axis).mean(axis) for i in range(m)]
        x = np.stack(parts, axis)
    return x


def max_unpool(x, indices, out):
    n = len(out)
    planes, at = x.reshape(-1, np.prod(x.shape[-n:])), indices.reshape(-1, np.prod(x.shape[-n:]))
    y = np.zeros((len(planes), np.prod(out)), x.dtype)
    for i, row in enumerate(planes):
        y[i, at[i]] = row
    return y.reshape(*x.shape[:-n], *out)


COUNTS = np.array([[4.0, 6, 4], [6, 9, 6], [4, 6, 4]])
INDICES = np.array([[[1, 2], [8, 11]], [[3, 4], [10, 9]]])

CASES = [
    *(
        case(
            kernels.max_pool,
            max_pool,
            shape,
            **dict(zip(("kernel", "stride", "padding", "dilation", "out"), windows, strict=True)),
            domain=spread,
            saves="taps",
        )
        for shape, windows in [
            ((2, 3, 7), ((2,), (2,), (0,), (1,), (3,))),
            ((2, 4, 6), ((2, 3), (2, 3), (0, 0), (1, 1), (2, 2))),
            ((2, 1, 5, 4), ((3, 3), (2, 2), (1, 1), (1, 1), (3, 2))),
            ((1, 2, 6, 5), ((2, 2), (1, 1), (1, 0), (2, 3), (6, 2))),
            ((1, 5, 5), ((2, 2), (2, 2), (0, 0), (1, 1), (3, 3))),  # ends outside, as with ceil_mode
            ((1, 4, 3, 4), ((2, 3, 2), (1, 1, 2), (1, 0, 1), (1, 1, 1), (5, 1, 3))),
            ((2, 13, 7), ((6, 6), (6, 6), (0, 0), (1, 1), (2, 1))),  # by rows
            ((0, 2, 4, 4), ((2, 2), (2, 2), (0, 0), (1, 1), (2, 2))),
        ]
    ),
    *(
        case(
            kernels.avg_pool,
            avg_pool,
            shape,
            **dict(zip(("kernel", "stride", "padding", "out"), windows, strict=True)),
            divisor=divisor,
            saves="divisor" if isinstance(divisor, np.ndarray) else "",
        )
        for shape, windows, divisor in [
            ((2, 3, 7), ((2,), (2,), (0,), (3,)), 2),
            ((2, 4, 6), ((2, 3), (2, 3), (0, 0), (2, 2)), 6),
            ((2, 1, 5, 5), ((3, 3), (2, 2), (1, 1), (3, 3)), COUNTS),
            ((1, 5, 5), ((2, 2), (2, 2), (0, 0), (3, 3)), 3),  # ends outside
            ((2, 3, 4), ((3, 4), (3, 4), (0, 0), (1, 1)), 12),  # all of a plane
            ((1, 5, 3), ((1, 2), (2, 1), (0, 0), (3, 2)), 2),
            ((1, 4, 3, 4), ((2, 3, 2), (1, 1, 2), (1, 0, 1), (5, 1, 3)), 7),
            ((1, 70), ((33,), (33,), (0,), (2,)), 33),
            ((0, 2, 4, 4), ((2, 2), (2, 2), (0, 0), (2, 2)), 4),
        ]
    ),
    *(
        case(kernels.adaptive_avg_pool, adaptive_avg_pool, shape, out=out)
        for shape, out in [
            ((2, 3, 7), (3,)),
            ((2, 5, 4), (2, 3)),
            ((1, 2, 3, 5), (4, 1, 3)),
            ((0, 3, 5), (2, 2)),
        ]
    ),
    *(
        case(kernels.max_unpool, max_unpool, indices.shape, indices=indices, out=out, saves=saves)
        for indices, out, saves in [
            (np.array([[1, 3, 4, 0], [2, 3, 5, 4]]), (6,), "at"),
            (INDICES, (3, 4), "at"),
            (INDICES.reshape(1, 1, 2, 2, 2), (2, 2, 3), "at"),
            (INDICES[:0], (3, 4), "at"),
        ]
    ),
]
