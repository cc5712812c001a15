"""Attention as one op."""

import math
from itertools import accumulate, pairwise

import numpy as np

from .._op import op
from ._attend import attend, broadcast


def attention_plain(
    query, key, value, mask=None, keep=None, dropout_p=0.0, is_causal=False, scale=None, *, needs
):
    scale = 1 / query.shape[-1] ** 0.5 if scale is None else scale
    q = query * scale
    p = q @ key.mT
    if is_causal:
        p = p + np.where(np.tri(*p.shape[-2:], dtype=bool), 0.0, -np.inf).astype(p.dtype)
    if mask is not None:
        p = p + (np.where(mask, 0.0, -np.inf).astype(p.dtype) if mask.dtype == bool else mask)
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
    query, key, value, masks, scores = broadcast(query, key, value, mask, keep)
    shapes = query.shape, key.shape, value.shape, scores
    y = np.empty_like(query, shape=(*query.shape[:-1], value.shape[-1]))  # axes in memory as query's are
    gradients = attend(query, key, value, masks, dropout_p, is_causal, scale, y, needs)

    def room(y):  # laid out in memory as y is, so that nothing must copy them
        return [np.empty_like(y, shape=s) if n else None for s, n in zip(shapes, needs, strict=True)]

    def backward(g):
        return tuple(gradients(g, room))

    return y, backward


def heads_plain(projections, mask=None, keep=None, num_heads=1, dropout_p=0.0, is_causal=False, *, needs):
    counts, _ = _counts(projections, num_heads)
    cut = [part for x, count in zip(projections, counts, strict=True) for part in _cut(x, count, num_heads)]
    y, core = attention_plain(*cut, mask, keep, dropout_p, is_causal, needs=(True, True, True, needs[-1]))

    def joined(parts):
        x = np.stack([part.swapaxes(1, 2) for part in parts], axis=2)
        return x.reshape((*x.shape[:2], math.prod(x.shape[2:])))

    def backward(g):
        *parts, dmask = core(_cut(g, 1, num_heads)[0])
        ends = list(accumulate(counts, initial=0))
        made = [joined(parts[a:b]) for a, b in pairwise(ends)]
        return *(d if n else None for d, n in zip(made, needs, strict=False)), dmask

    return joined([y]), backward


@op(inputs=2, plain=heads_plain)
def multi_head_attention(
    projections, mask=None, keep=None, num_heads=1, dropout_p=0.0, is_causal=False, *, needs
):
    """`num_heads` attentions side by side, each on its part of the features (arXiv:1706.03762, 3.2.2).

    `projections` are query, key and value (N, L, E), (N, S, E), (N, S, E), each array one of them or several
    joined along the last axis: [q k v], [q, k v] or [q, k, v]. The result is (N, L, E). `mask` and `keep` are
    those of `scaled_dot_product_attention`, over scores (N, num_heads, L, S).
    """
    counts, width = _counts(projections, num_heads)
    cut = [part for x, count in zip(projections, counts, strict=True) for part in _cut(x, count, num_heads)]
    query, key, value, masks, scores = broadcast(*cut, mask, keep)
    y = np.empty_like(query, shape=(query.shape[0], query.shape[2], width))
    wanted = [n for n, count in zip(needs[:-1], counts, strict=True) for _ in range(count)]
    wanted.append(needs[-1])
    result = _cut(y, 1, num_heads)[0]
    gradients = attend(query, key, value, masks, dropout_p, is_causal, None, result, wanted)
    shapes = [*(x.shape for x in projections), scores]

    def backward(g):
        made = [np.empty_like(g, shape=s) if n else None for s, n in zip(shapes, needs, strict=True)]
        *whole, dmask = made
        room = []  # a part of them for each of query, key and value
        for d, count in zip(whole, counts, strict=True):
            room += [None] * count if d is None else _cut(d, count, num_heads)
        gradients(_cut(g, 1, num_heads)[0], lambda _: [*room, dmask])
        return tuple(made)

    return y, backward


def _counts(projections, num_heads):
    """How many of query, key and value each array holds, and the width of one."""
    widths = [x.shape[-1] for x in projections]
    width = sum(widths) // 3
    counts = [w // max(1, width) for w in widths]
    if width % num_heads or widths != [count * width for count in counts] or sum(counts) != 3:
        raise ValueError(
            f"widths {widths} are not query, key and value of one width, a multiple of {num_heads}"
        )
    return counts, width


def _cut(x, count, num_heads):
    """Views (N, num_heads, L, D) of `count` arrays that are joined along the last axis of x (N, L, ...)."""
    n, length, width = x.shape
    x = x.reshape((n, length, count, num_heads, width // (count * num_heads)))
    return [x[:, :, i].swapaxes(1, 2) for i in range(count)]
