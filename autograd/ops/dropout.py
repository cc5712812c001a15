"""Dropout by a mask that was drawn outside."""

from .._op import op


@op(inputs=1)
def dropout(x, keep, p):
    """x / (1 - p) where the boolean array `keep` is true, 0 elsewhere (Srivastava et al. 2014)."""
    scale = 1 / (1 - p) if p < 1 else 0

    def backward(g):
        dx = g * keep
        dx *= scale
        return (dx,)

    y = x * keep
    y *= scale
    return y, backward
