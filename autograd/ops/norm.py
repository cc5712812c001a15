"""Normalisation over the last axis."""

import numpy as np

from .._op import op

# Means over the last axis are products with a vector of 1/n: BLAS is several times faster than np.mean there.


@op(inputs=3)
def layer_norm(x, weight=None, bias=None, eps=1e-5, *, needs):
    """(x - mean) / sqrt(var + eps) * weight + bias over the last axis (Ba et al. 2016, arXiv:1607.06450)."""
    n = x.shape[-1]
    average = np.full_like(x, 1 / n, shape=(n,))
    xhat = x - (x @ average)[..., None]
    y = xhat * xhat
    r = 1 / np.sqrt(y @ average + eps)[..., None]
    xhat *= r
    y = xhat if weight is None else np.multiply(xhat, weight, out=y)  # memory that is in the cache
    if bias is not None:
        y = y + bias if weight is None else np.add(y, bias, out=y)
    if not needs[0]:
        weight = average = r = None  # backward does without

    def backward(g):  # dx = r (d - mean(d) - xhat mean(d xhat)) with d = g weight
        rows = np.ones_like(g, shape=(g.size // n,))
        t = g * xhat
        dw = rows @ t.reshape(-1, n) if needs[1] else None
        db = rows @ g.reshape(-1, n) if needs[2] else None
        if not needs[0]:
            return None, dw, db
        mixed = average if weight is None else average * weight
        dx = g * 1 if weight is None else g * weight
        dx -= np.multiply(xhat, (t @ mixed)[..., None], out=t)
        dx -= (g @ mixed)[..., None]
        dx *= r
        return dx, dw, db

    return y, backward


@op(inputs=2)
def rms_norm(x, weight=None, eps=None, *, needs):
    """x / sqrt(mean(x^2) + eps) * weight over the last axis (Zhang and Sennrich 2019, arXiv:1910.07467)."""
    n = x.shape[-1]
    eps = np.finfo(x.dtype).eps if eps is None else eps
    average = np.full_like(x, 1 / n, shape=(n,))
    y = x * x
    r = 1 / np.sqrt(y @ average + float(eps))[..., None]
    xhat = x * r
    y = xhat if weight is None else np.multiply(xhat, weight, out=y)  # memory that is in the cache
    if not needs[0]:
        weight = average = r = None  # backward does without

    def backward(g):  # dx = r (d - xhat mean(d xhat)) with d = g weight
        t = g * xhat
        dw = np.ones_like(g, shape=(g.size // n,)) @ t.reshape(-1, n) if needs[1] else None
        if not needs[0]:
            return None, dw
        mixed = average if weight is None else average * weight
        dx = g * 1 if weight is None else g * weight
        dx -= np.multiply(xhat, (t @ mixed)[..., None], out=t)
        dx *= r
        return dx, dw

    return y, backward
