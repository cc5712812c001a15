"""Softmax and its logarithm."""

import numpy as np

from .._op import op


@op(inputs=1)
def softmax(x, axis=-1):
    """exp(x) / sum(exp(x)) along `axis`, shifted by the maximum so that nothing overflows."""
    y = x - x.max(axis=axis, keepdims=True)
    np.exp(y, out=y)
    y /= y.sum(axis=axis, keepdims=True)

    def backward(g):  # dx = (g - <g, y>) y
        dx = g * y
        dx -= dx.sum(axis=axis, keepdims=True) * y
        return (dx,)

    return y, backward


@op(inputs=1)
def log_softmax(x, axis=-1):
    """x - log(sum(exp(x))) along `axis`."""
    y = x - x.max(axis=axis, keepdims=True)
    y -= np.log(np.exp(y).sum(axis=axis, keepdims=True))

    def backward(g):  # dx = g - sum(g) softmax(x)
        return (g - np.exp(y) * g.sum(axis=axis, keepdims=True),)

    return y, backward
