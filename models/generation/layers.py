"""Layers of nn in models that generate: with a cache, and with padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import nn
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from ...nn import functional as F
from .cache import Cache, positions_of, real_of

__all__ = ["cross_attention", "decoder_layer", "self_attention", "with_positions"]


def self_attention(
    attn: nn.MultiheadAttention,
    x: Tensor,
    mask: np.ndarray | None,
    is_causal: bool,
    cache: Cache | None = None,
    layer: int = 0,
) -> Tensor:
    """What `attn` gives for x (B, T, C) that looks at itself and at what is in the cache.

    `mask` (1 or B, 1, T, S) and `is_causal` are those of generation.mask_of. `attn` has keys and values of
    its own width and is batch_first.
    """
    if cache is None and mask is None:
        return attn(x, x, x, need_weights=False, is_causal=is_causal)[0]
    assert attn.in_proj_weight is not None
    joined = F.linear(x, attn.in_proj_weight, attn.in_proj_bias)
    if cache is None:
        query, key, value = _heads(joined, 3, attn.num_heads)
        return _attended(attn, query, key, value, mask, is_causal)
    if joined.edge is not None:
        raise RuntimeError(f"{attn.label()}: with a cache no gradient can be recorded; use no_grad")
    query, key, value = _heads(joined.data, 3, attn.num_heads)  # views of arrays cost less than of Tensors
    key, value = cache.append(layer, key, value)
    return _attended(attn, query, key, value, mask, is_causal)


def cross_attention(
    attn: nn.MultiheadAttention,
    x: Tensor,
    memory: ArrayLike,
    mask: np.ndarray | None,
    cache: Cache | None = None,
    layer: int = 0,
) -> Tensor:
    """What `attn` gives for x (B, T, C) that looks at memory (B, S, C), where `mask` (B, S) is true.

    Keys and values of memory are computed once for a cache.
    """
    if cache is None and mask is None:
        return attn(x, memory, memory, need_weights=False)[0]
    width, weight, bias = attn.embed_dim, attn.in_proj_weight, attn.in_proj_bias
    assert weight is not None

    def part(x: Any, count: int, rows: slice) -> list[Tensor]:
        return _heads(F.linear(x, weight[rows], None if bias is None else bias[rows]), count, attn.num_heads)

    def read() -> tuple[Tensor, Tensor]:
        key, value = part(memory, 2, slice(width, None))
        return key, value

    (query,) = part(x, 1, slice(width))
    key, value = read() if cache is None else cache.cross(layer, read)
    return _attended(attn, query, key, value, None if mask is None else mask[:, None, None], False)


def decoder_layer(
    layer: nn.TransformerDecoderLayer,
    x: Tensor,
    memory: ArrayLike,
    mask: np.ndarray | None,
    is_causal: bool,
    memory_mask: np.ndarray | None,
    cache: Cache | None,
    index: int,
) -> Tensor:
    """What `layer`, the `index`-th of its decoder, gives for x (B, T, C) with a cache."""

    def attend(x):
        return self_attention(layer.self_attn, x, mask, is_causal, cache, index)

    def look(x):
        return cross_attention(layer.multihead_attn, x, memory, memory_mask, cache, index)

    x = layer._add(x, layer.norm1, layer.dropout1, attend)
    x = layer._add(x, layer.norm2, layer.dropout2, look)
    return layer._add(x, layer.norm3, layer.dropout3, layer._feed_forward)


def _heads(x: Any, count: int, num_heads: int) -> list[Any]:
    """`count` of query, key and value (B, H, T, D), joined along the last axis of x (B, T, count * H * D)."""
    b, t, width = x.shape
    x = x.reshape(b, t, count, num_heads, width // (count * num_heads)).transpose(2, 0, 3, 1, 4)
    return [x[i] for i in range(count)]


def _attended(attn: nn.MultiheadAttention, query, key, value, mask, is_causal: bool) -> Tensor:
    p = attn.dropout if attn.training else 0.0
    y = F.scaled_dot_product_attention(query, key, value, mask, p, is_causal)
    z: Any = (y if y.edge is not None else y.data).swapaxes(1, 2)
    return attn.out_proj(z.reshape(*z.shape[:2], attn.embed_dim))


def with_positions(
    encoding: nn.PositionalEncoding, x: Tensor, past: int = 0, attention_mask: ArrayLike | None = None
) -> Tensor:
    """x (B, T, C) with the vectors of its positions, which follow `past` others; padding is not counted.

    ValueError for more positions than there are vectors.
    """
    length = x.shape[1]
    real = real_of(attention_mask, past + length)
    if not past and (real is None or (length <= encoding.max_len and _ends_padded(real))):
        return encoding(x)  # tokens are counted from 0 in all rows, so there is nothing to look up
    places = positions_of(x.shape[1], past, attention_mask)
    last = int(places.max(initial=0))
    if last >= encoding.max_len:
        raise ValueError(f"{encoding.label()}: position {last} is beyond max_len ({encoding.max_len})")
    return F.dropout(x + encoding.weight[places], encoding.dropout, encoding.training)


def _ends_padded(real: np.ndarray) -> bool:
    """Whether padding stands behind the tokens of its row only."""
    return not (real[:, 1:] & ~real[:, :-1]).any()
