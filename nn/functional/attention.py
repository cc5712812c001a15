"""Attention as one op, of one head or of all side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike
from ...autograd.kernels import ones
from .. import random
from ._attend import attend, broadcast, seen
from ._inputs import as_float, as_tensor, where, widened

__all__ = ["multi_head_attention", "scaled_dot_product_attention"]

FEW = 8  # queries for which blocks do not pay


def attention_plain(
    needs, query, key, value, mask=None, keep=None, dropout_p=0.0, is_causal=False, scale=None
):
    scale = 1 / max(query.shape[-1], 1) ** 0.5 if scale is None else scale
    q = query * scale
    p = q @ key.mT
    product = np.matmul if mask is None and keep is None and not is_causal else seen
    if is_causal:
        p = np.where(np.tri(*p.shape[-2:], dtype=bool, like=p), p, -np.inf)
    if mask is not None and mask.dtype == bool:
        p = np.where(mask, p, -np.inf)
    elif mask is not None:
        p = np.where(mask == -np.inf, 0, p) + mask
    top = p.max(axis=-1, keepdims=True)
    p -= np.where(np.isfinite(top), top, 0)
    np.exp(p, out=p)
    total = p.sum(axis=-1, keepdims=True)
    p /= np.where(total == 0, 1, total)
    boost = 1 / (1 - dropout_p) if dropout_p < 1 else 0
    dropped = p if keep is None else np.where(keep, p * boost, 0)

    def backward(g):  # ds = p (dp - <p, dp>), the gradient of the scores
        dp = g @ value.mT
        if keep is not None:
            dp = np.where(keep, dp * boost, 0)
        if product is seen:
            dp = np.where(p == 0, 0, dp)
        ds = dp * p
        ds -= p * ds.sum(axis=-1, keepdims=True)
        dq = product(ds, key) * scale if needs[0] else None
        dk = product(ds.mT, q) if needs[1] else None
        dv = product(dropped.mT, g) if needs[2] else None
        return dq, dk, dv, ds if needs[3] else None

    return product(dropped, value), backward


def _attention_flops(inputs, outputs, _):
    """Of the products with keys and values, and six for each score between them."""
    query, key = inputs[0] or outputs[0], inputs[1] or inputs[2] or outputs[0]
    scores = math.prod(outputs[0][:-1]) * key[-2]
    return scores * (2 * query[-1] + 6 + 2 * outputs[0][-1])


@op(inputs=4, plain=attention_plain, flops=_attention_flops)
def _scaled_dot_product_attention(
    needs, query, key, value, mask=None, keep=None, dropout_p=0.0, is_causal=False, scale=None
):
    """`mask` is boolean, true where a query may look, or float; `keep` the boolean mask of a dropout."""
    simple = mask is keep is None and query.shape[:-2] == key.shape[:-2] == value.shape[:-2] and key.size
    if simple and 0 < query.shape[-2] <= FEW and not (is_causal or any(needs)):
        y = _attention_of_few(query, key, value, scale)
        if y is not None:
            return y, None
    query, key, value, masks, scores = broadcast(query, key, value, mask, keep)
    shapes = query.shape, key.shape, value.shape, scores
    y = np.empty_like(query, shape=(*query.shape[:-1], value.shape[-1]))  # axes in memory as query's are
    gradients = attend(query, key, value, masks, dropout_p, is_causal, scale, y, needs)

    def room(y):  # laid out in memory as y is, so that nothing must copy them
        return [np.empty_like(y, shape=s) if n else None for s, n in zip(shapes, needs, strict=True)]

    def backward(g):
        return tuple(gradients(g, room))

    return y, backward


def _attention_of_few(query, key, value, scale):
    """Of queries that see all, without a gradient, as in a step of generation: the bits that `attend` gives.

    None where it would shift the scores, which is left to it.
    """
    scale = 1 / max(query.shape[-1], 1) ** 0.5 if scale is None else scale
    e, r, safe = _weights_of_few((query * scale) @ key.mT)
    if not safe:
        return None
    y = np.empty_like(query, shape=(*query.shape[:-1], value.shape[-1]))  # as there
    np.matmul(e, value, out=y)
    y *= r
    return y


@np.errstate(over="ignore", divide="ignore")
def _weights_of_few(scores):
    """exp(score), 1 over the sum of each row, and whether no row's sum is very large, small or nan."""
    e = np.exp(scores, out=scores)
    total = e @ ones(e.shape[-1], e.dtype)
    r = 1 / total
    return e, r[..., None], np.vdot(total, total) < 1e30 and np.vdot(r, r) < 1e30


def heads_plain(needs, projections, mask=None, keep=None, num_heads=1, dropout_p=0.0, is_causal=False):
    counts, _ = _counts(projections, num_heads)
    cut = [part for x, count in zip(projections, counts, strict=True) for part in _cut(x, count, num_heads)]
    y, core = attention_plain((True, True, True, needs[-1]), *cut, mask, keep, dropout_p, is_causal)

    def joined(parts):
        x = np.stack([part.swapaxes(1, 2) for part in parts], axis=2)
        return x.reshape((*x.shape[:2], math.prod(x.shape[2:])))

    def backward(g):
        *parts, dmask = core(_cut(g, 1, num_heads)[0])
        ends = list(accumulate(counts, initial=0))
        made = [joined(parts[a:b]) for a, b in pairwise(ends)]
        return *(d if n else None for d, n in zip(made, needs, strict=False)), dmask

    return joined([y]), backward


def _heads_flops(inputs, outputs, attributes):
    """As of one head with all features, and six for each score of each head."""
    pairs = math.prod(outputs[0][:2]) * (inputs[-2] or outputs[0])[1]  # of positions
    return pairs * (4 * outputs[0][-1] + 6 * attributes["num_heads"])


@op(inputs=2, plain=heads_plain, flops=_heads_flops)
def _multi_head_attention(
    needs, projections, mask=None, keep=None, num_heads=1, dropout_p=0.0, is_causal=False
):
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
    x = x.reshape((n, length, count, num_heads, width // (count * num_heads))).transpose(2, 0, 3, 1, 4)
    return [x[i] for i in range(count)]


def scaled_dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    attn_mask: ArrayLike | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query key^T * scale + mask) value over (..., L, D), (..., S, D) and (..., S, E).

    `attn_mask`: boolean, true where a query may look (in nn.MultiheadAttention: where it may not), or float,
    added to the scores; it broadcasts to (..., L, S). With `is_causal` besides, both hide. A query that may
    see nothing gets zeros. `scale` is 1 / sqrt(D) unless given. With `enable_gqa`, key and value (..., H, S,
    D) may have fewer heads than query (..., H * n, L, D): each is for n neighbours. (Ainslie et al. 2023,
    arXiv:2305.13245.) TypeError for a mask of integers, ValueError where shapes do not fit.
    """
    query = as_float(query, key)
    key, value = as_float(key, query), as_float(value, query)
    if enable_gqa:
        key, value = (_for_each_head(name, x, query) for name, x in (("key", key), ("value", value)))
    _check_shapes(query, key, value, attn_mask)
    if attn_mask is not None:
        attn_mask = as_mask("scaled_dot_product_attention: attn_mask", attn_mask, query.dtype)
    keep = None
    if dropout_p != 0:
        batch = np.broadcast_shapes(query.shape[:-2], key.shape[:-2])
        keep = random.keep_mask((*batch, query.shape[-2], key.shape[-2]), dropout_p)
    options = keep, dropout_p, is_causal, scale
    if query.data.dtype.char == "e":
        return widened(_scaled_dot_product_attention, query, key, value, attn_mask, *options)
    return _scaled_dot_product_attention(query, key, value, attn_mask, *options)


def _for_each_head(name: str, x: Tensor, query: Tensor) -> Tensor:
    """Heads of keys or values, each as often as it is asked."""
    fits = min(x.ndim, query.ndim) > 2 and x.shape[-3] and query.shape[-3] % x.shape[-3] == 0
    if not fits:
        raise ValueError(
            f"{where('scaled_dot_product_attention')}: with enable_gqa, heads stand on axis -3 and those of "
            f"{name} {x.shape} must divide those of query {query.shape}"
        )
    return x if x.shape[-3] == query.shape[-3] else ag.repeat(x, query.shape[-3] // x.shape[-3], -3)


def _check_shapes(query: Tensor, key: Tensor, value: Tensor, mask) -> None:
    q, k, v, m = query.shape, key.shape, value.shape, np.shape(mask)
    if len(q) > 1 and q[:-2] == k[:-2] == v[:-2] and q[-1] == k[-1] and k[-2] == v[-2] and mask is None:
        return
    try:
        scores = np.broadcast_shapes((*q[:-2], q[-2], k[-2]), (*k[:-2], 1, 1), (*v[:-2], 1, 1), m)
        fit = q[-1] == k[-1] and k[-2] == v[-2] and scores[-2:] == (q[-2], k[-2])
    except (IndexError, ValueError):
        fit = False
    if not fit:
        given, more = ("", "") if mask is None else (f" with attn_mask {m}", " and (..., L, S)")
        raise ValueError(
            f"{where('scaled_dot_product_attention')}: query {q}, key {k} and value {v}{given}, "
            f"expected (..., L, D), (..., S, D), (..., S, E){more}"
        )


def multi_head_attention(
    projections: Sequence[ArrayLike],
    num_heads: int,
    attn_mask: ArrayLike | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
) -> Tensor:
    """`scaled_dot_product_attention` of `num_heads` heads side by side: (N, L, E) from projected inputs.

    `projections` are query, key and value (N, length, E), as three Tensors or with neighbours joined along
    the last axis in one or two. `attn_mask` broadcasts to (N, num_heads, L, S). ValueError where their widths
    are not those of query, key and value, TypeError for a mask of integers.
    """
    inputs = [as_float(x, projections[0]) for x in projections]
    query, memory = inputs[0], inputs[-1]
    if attn_mask is not None:
        attn_mask = as_mask("multi_head_attention: attn_mask", attn_mask, query.dtype)
    keep = None
    if dropout_p != 0:
        keep = random.keep_mask((query.shape[0], num_heads, query.shape[1], memory.shape[1]), dropout_p)
    options = keep, num_heads, dropout_p, is_causal
    if query.data.dtype.char == "e":
        return widened(_multi_head_attention, [x.astype(np.float32) for x in inputs], attn_mask, *options)
    return _multi_head_attention(inputs, attn_mask, *options)


def as_mask(name: str, mask, dtype) -> Tensor:
    """A boolean mask, or one to be added, which gets the float `dtype` of what it is added to."""
    mask = as_tensor(mask)
    if mask.dtype.kind not in "bf":
        raise TypeError(f"{name} must be bool or float, not {mask.dtype}")
    return mask if mask.dtype.kind == "b" else mask.astype(dtype)
