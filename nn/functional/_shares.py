"""Cross entropy where each class has a share in each row, as probabilities are."""

from __future__ import annotations

import numpy as np

from ...autograd import op
from ...autograd.arrays import opaque
from ...autograd.kernels import blocks


@op(needs=True, inputs=2, flops=8)
def cross_entropy_of_shares(needs, logits, shares):
    """-sum(shares log softmax(logits)) over the last axis; of a share of 0 nothing, whatever the logit."""
    shape = logits.shape
    x, shares = logits.reshape(-1, shape[-1]), shares.reshape(-1, shape[-1])
    loss = np.empty_like(x, shape=x.shape[:1])
    p, log_p = (np.empty_like(x) if need else None for need in needs)
    pieces = blocks(*x.shape)  # of a few rows each, which stay in the cache
    for rows in pieces:
        z = x[rows] - x[rows].max(axis=-1, keepdims=True)
        e = np.exp(z)
        total = e.sum(axis=-1, keepdims=True)
        z -= np.log(total)
        loss[rows] = _sums_of_products(shares[rows], z)
        if needs[0]:
            p[rows] = e / total
        if needs[1]:
            log_p[rows] = z
    shares = shares if needs[0] else None

    def backward(g):
        g = g.reshape(-1, 1)
        dx = None
        if needs[0]:
            dx = np.empty_like(p)
            for rows in pieces:
                total = shares[rows].sum(axis=-1, keepdims=True)  # 1 for probabilities
                dx[rows] = p[rows] * (total * g[rows]) - shares[rows] * g[rows]
            dx = dx.reshape(shape)
        return dx, (-g * log_p).reshape(shape) if needs[1] else None

    return loss.reshape(shape[:-1]), backward


def _sums_of_products(shares, log_p):
    """-sum(shares log_p) of each row, of a share of 0 nothing even beside -inf."""
    with np.errstate(invalid="ignore"):
        sums = -np.einsum("nc,nc->n", shares, log_p)
    _sum_again(sums, shares, log_p)
    return sums


@opaque
def _sum_again(sums, shares, log_p):
    rows = np.isnan(sums)
    if rows.any():
        sums[rows] = -(shares[rows] * np.where(shares[rows] == 0, 0, log_p[rows])).sum(axis=-1)
