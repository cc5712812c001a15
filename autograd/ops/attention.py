"""Attention as one op."""

import numpy as np

from .._op import op


def attention_plain(
    query, key, value, mask=None, keep=None, dropout_p=0.0, is_causal=False, scale=None, *, needs
):
    scale = 1 / query.shape[-1] ** 0.5 if scale is None else scale
    q = query * scale
    p = _masked(q @ key.mT, mask, is_causal)
    top = p.max(axis=-1, keepdims=True)
    p -= np.where(np.isfinite(top), top, 0)
    np.exp(p, out=p)
    total = p.sum(axis=-1, keepdims=True)
    p /= np.where(total == 0, 1, total)
    boost = 1 / (1 - dropout_p) if dropout_p < 1 else 0
    dropped = p if keep is None else p * keep * boost

    def backward(g):  # ds = p (dp - <p, dp>), the gradient of the scores
        dp = g @ value.mT
        if keep is not None:
            dp = dp * keep * boost
        ds = dp * p
        ds -= p * ds.sum(axis=-1, keepdims=True)
        dq = ds @ key * scale if needs[0] else None
        dk = ds.mT @ q if needs[1] else None
        dv = dropped.mT @ g if needs[2] else None
        return dq, dk, dv, ds if needs[3] else None

    return dropped @ value, backward


@op(inputs=4, plain=attention_plain)
def scaled_dot_product_attention(
    query, key, value, mask=None, keep=None, dropout_p=0.0, is_causal=False, scale=None, *, needs
):
    """softmax(query key^T * scale + mask) value (Vaswani et al. 2017, arXiv:1706.03762, equation 1).

    query (..., L, D), key (..., S, D), value (..., S, E). `mask` broadcasts to (..., L, S): boolean, true
    where a query may look, or float, added to the scores. `is_causal`: query i sees keys up to i. `keep` is
    the boolean mask of a dropout with probability `dropout_p` on the weights. A query that may see nothing
    gets zeros.
    """
    # Scores are not shifted by their maximum, whose search takes longer than the exponentials; rows whose
    # sum shows that they needed it are done again. Each row decides for itself: no token can change the
    # rounding of a row that does not see it. (np.exp2 is faster than np.exp on ordinary scores, but four
    # times slower on -inf.)
    scale = 1 / query.shape[-1] ** 0.5 if scale is None else scale
    q = query * scale
    ones = np.ones(key.shape[-2], q.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        p = _masked(q @ key.mT, mask, is_causal)
        np.exp(p, out=p)
        total = p @ ones
        unsafe = ~((total > 1e-30) & (total < 1e30))
    if unsafe.any():
        _redo(p, total, unsafe, _masked(q @ key.mT, mask, is_causal))
    r = (1 / total)[..., None]
    dropped = p if keep is None else _dropped(p, keep, dropout_p)
    y = _product(dropped, value, query)
    y *= r
    q, key, dropped = q if needs[1] else None, key if needs[0] else None, dropped if needs[2] else None

    def backward(g):  # ds = p r (dp - <g, y>), the gradient of the scores
        g = g * r
        ds = g @ value.mT
        if keep is not None:
            ds = _dropped(ds, keep, dropout_p)
        ds -= ((g * y) @ np.ones(y.shape[-1], y.dtype))[..., None]
        ds *= p
        dq = dk = dv = None
        if needs[0]:
            dq = _product(ds, key, y)
            dq *= scale
        if needs[1]:
            dk = _product(ds.mT, q, q)
        if needs[2]:
            dv = _product(dropped.mT, g, value)
        return dq, dk, dv, ds if needs[3] else None

    return y, backward


def _masked(scores, mask, is_causal):
    """The scores with -inf where a query may not look, or plus a float mask."""
    if is_causal:
        scores += np.where(np.tri(*scores.shape[-2:], dtype=bool), 0.0, -np.inf).astype(scores.dtype)
    if mask is None:
        return scores
    return scores + (np.where(mask, 0.0, -np.inf).astype(scores.dtype) if mask.dtype == bool else mask)


def _dropped(x, keep, p):
    y = x * keep
    y *= 1 / (1 - p) if p < 1 else 0
    return y


def _redo(p, total, rows, scores):
    """Rows whose exponentials were too large or too small for their sum, shifted by their maximum."""
    scores = scores[rows]
    top = scores.max(axis=-1, keepdims=True, initial=-np.inf)
    p[rows] = np.exp(scores - np.where(np.isfinite(top), top, 0))
    sums = p[rows].sum(axis=-1)
    total[rows] = np.where(sums == 0, 1, sums)


def _product(a, b, like):
    """a @ b with its axes in memory as those of `like`, so that what follows needs no copy."""
    if a.shape[:-2] != b.shape[:-2] or a.ndim != like.ndim:
        return a @ b
    return np.matmul(a, b, out=np.empty_like(like, shape=(*a.shape[:-1], b.shape[-1])))
