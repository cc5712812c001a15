"""Softmax and its logarithm."""

import numpy as np

from .._op import op
from ._fast import blocks, exp_sums, row_sums


def softmax_plain(x, axis=-1):
    y = x - x.max(axis=axis, keepdims=True)
    np.exp(y, out=y)
    y /= y.sum(axis=axis, keepdims=True)

    def backward(g):  # dx = (g - <g, y>) y
        dx = g * y
        dx -= dx.sum(axis=axis, keepdims=True) * y
        return (dx,)

    return y, backward


@op(inputs=1, plain=softmax_plain)
def softmax(x, axis=-1):
    """exp(x) / sum(exp(x)) along `axis`, shifted by the maximum where something might overflow."""
    if axis not in (-1, x.ndim - 1) or not x.ndim or not x.size:
        return softmax_plain(x, axis)
    shape, x = x.shape, x.reshape(-1, x.shape[-1])
    y = np.empty_like(x)
    for block in blocks(*x.shape):
        total, _ = exp_sums(x[block], y[block])
        y[block] *= (1 / total)[:, None]

    def backward(g):
        dx = g.reshape(y.shape) * y
        dx -= y * row_sums(dx)[:, None]
        return (dx.reshape(shape),)

    return y.reshape(shape), backward


@op(inputs=1)
def log_softmax(x, axis=-1):
    """x - log(sum(exp(x))) along `axis`."""
    y = x - x.max(axis=axis, keepdims=True)
    y -= np.log(np.exp(y).sum(axis=axis, keepdims=True))

    def backward(g):  # dx = g - sum(g) softmax(x)
        return (g - np.exp(y) * g.sum(axis=axis, keepdims=True),)

    return y, backward
