"""Multi-head attention and positions ("Attention is all you need", arXiv:1706.03762, 3.2 and 3.5)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike
from .. import functional as F
from .. import init
from ..devices import dtype_for
from ..module import Module, Parameter
from . import masks
from .linear import Linear, tensor_for

__all__ = ["MultiheadAttention", "PositionalEncoding"]


class MultiheadAttention(Module):
    """`num_heads` attentions side by side on embed_dim / num_heads features each.

    Arguments, masks and state_dict are PyTorch's: (L, N, E) inputs unless `batch_first`, or (L, E); boolean
    masks true where attention is NOT allowed, float masks added to the scores. `kdim` and `vdim` are the
    widths of key and value; `add_bias_kv` appends a learned key and value, `add_zero_attn` one of zeros,
    which all queries see. Other than there, `is_causal` alone is enough, a query that may see nothing gets
    zeros (not nan) for what it sees, and the weights that are given back are those before dropout. What is
    hidden may be nan or inf. ValueError where embed_dim is no multiple of num_heads.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        if num_heads < 1 or embed_dim % num_heads:
            raise ValueError(f"{self.label()}: embed_dim {embed_dim} is no multiple of num_heads {num_heads}")
        dtype = dtype_for(self, device, dtype)
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.add_zero_attn = add_zero_attn
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.in_proj_weight: Parameter | None = None
        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = Parameter(np.empty((3 * embed_dim, embed_dim), dtype))  # query, key, value
        else:
            self.q_proj_weight = Parameter(np.empty((embed_dim, embed_dim), dtype))
            self.k_proj_weight = Parameter(np.empty((embed_dim, self.kdim), dtype))
            self.v_proj_weight = Parameter(np.empty((embed_dim, self.vdim), dtype))
        self.in_proj_bias = Parameter(np.empty(3 * embed_dim, dtype)) if bias else None
        self.bias_k = Parameter(np.empty((1, 1, embed_dim), dtype)) if add_bias_kv else None
        self.bias_v = Parameter(np.empty((1, 1, embed_dim), dtype)) if add_bias_kv else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform (Glorot) for the projections of the inputs, normal for bias_k and bias_v, 0 for others."""
        together = self.in_proj_weight
        for weight in self._in_weights() if together is None else [together]:
            init.xavier_uniform_(weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def _in_weights(self) -> list[Any]:
        """Weights of query, key and value."""
        if self.in_proj_weight is None:
            return [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        return ag.split(self.in_proj_weight, 3)

    def forward(
        self,
        query: ArrayLike,
        key: ArrayLike,
        value: ArrayLike,
        key_padding_mask: ArrayLike | None = None,
        need_weights: bool = True,
        attn_mask: ArrayLike | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Output shaped like `query`, and the weights if `need_weights`: (N, L, S), per head (N, H, L, S).

        `query` has length L, `key` and `value` have length S. `key_padding_mask` is (N, S), `attn_mask` is
        (L, S) or (N * H, L, S). ValueError where shapes do not fit, TypeError for another float dtype or for
        masks of integers.
        """
        inputs = self._inputs(query, key, value)
        mask = masks.merged(self, attn_mask, key_padding_mask, inputs)
        if key_padding_mask is not None:
            inputs = masks.without_padding(inputs, mask)
        parts = self._project(inputs)
        if self.bias_k is not None or self.add_zero_attn:
            parts, mask = self._with_more_keys(parts, mask, is_causal)
            is_causal = False
        p = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            y, weights = self._weighted(parts, mask, p, is_causal)
            weights = weights.mean(axis=1) if average_attn_weights else weights
        else:
            y = F.multi_head_attention(parts, self.num_heads, mask, p, is_causal)
        unbatched = np.ndim(query) == 2
        y = y[0] if unbatched else y if self.batch_first else y.swapaxes(0, 1)
        weights = weights[0] if weights is not None and unbatched else weights
        return self.out_proj(y), weights

    # ------------------------------------------------------------------ inputs and their projections

    def _inputs(self, query, key, value) -> list[Tensor]:
        """Query, key and value, batch first and checked: the same object where they are given as one."""
        q = self._input("query", query, self.embed_dim)
        if query is key and key is value and self.kdim == self.vdim == self.embed_dim:
            return [q, q, q]
        k = q if key is query and self.kdim == self.embed_dim else self._input("key", key, self.kdim)
        if value is query and self.vdim == self.embed_dim:
            v = q
        else:
            v = k if value is key and self.vdim == self.kdim else self._input("value", value, self.vdim)
        if k.shape[:2] != v.shape[:2] or q.shape[0] != k.shape[0]:
            shapes = f"query {np.shape(query)}, key {np.shape(key)} and value {np.shape(value)}"
            raise ValueError(
                f"{self.label()}: {shapes} differ in batch or length (batch_first={self.batch_first})"
            )
        return [q, k, v]

    def _input(self, name: str, x, width: int) -> Tensor:
        x = tensor_for(self, x, self.out_proj.weight.dtype)
        if x.ndim not in (2, 3) or x.shape[-1] != width:
            expected = f"(.., .., {width}) or (.., {width})"
            raise ValueError(f"{self.label()}: {name} of shape {x.shape}, expected {expected}")
        return ag.expand_dims(x, 0) if x.ndim == 2 else x if self.batch_first else x.swapaxes(0, 1)

    def _project(self, inputs: list[Tensor]) -> list[Tensor]:
        """The inputs through their thirds of in_proj, those of one input joined: (N, length, E or more)."""
        q, k, v = inputs
        if self.in_proj_weight is None:
            weights, cuts = self._in_weights(), [self.embed_dim, 2 * self.embed_dim]
        elif q is k and k is v:
            return [F.linear(q, self.in_proj_weight, self.in_proj_bias)]
        else:
            cuts = [self.embed_dim] if k is v else [self.embed_dim, 2 * self.embed_dim]
            weights = ag.split(self.in_proj_weight, cuts)
        biases = [None] * 3 if self.in_proj_bias is None else ag.split(self.in_proj_bias, cuts)
        return [F.linear(x, w, b) for x, w, b in zip(inputs, weights, biases, strict=False)]

    def _thirds(self, parts: list[Tensor]) -> list[Tensor]:
        """Query, key and value (N, length, E) each, of parts that may be joined."""
        return [t for x in parts for t in ag.split(x, x.shape[-1] // self.embed_dim, -1)]

    def _with_more_keys(self, parts: list[Tensor], mask, is_causal: bool) -> tuple[list[Tensor], Any]:
        """Keys and values with those of add_bias_kv and add_zero_attn behind them, which every query sees."""
        q, k, v = self._thirds(parts)
        (n, length, width), size = q.shape, k.shape[1]
        if is_causal:
            mask = masks.restricted(mask, np.tri(length, size, dtype=np.bool_))
        more: list[tuple[Any, Any]] = [] if self.bias_k is None else [(self.bias_k, self.bias_v)]
        if self.add_zero_attn:
            more.append((np.zeros((1, 1, width), q.dtype), np.zeros((1, 1, width), q.dtype)))
        for a, b in more:
            k = ag.concatenate([k, np.broadcast_to(a, (n, 1, width))], axis=1)
            v = ag.concatenate([v, np.broadcast_to(b, (n, 1, width))], axis=1)
        if mask is not None:
            seen = np.ones((*mask.shape[:-1], len(more)), np.bool_)
            mask = ag.concatenate(
                [mask, seen if mask.dtype == bool else np.zeros(seen.shape, mask.dtype)], -1
            )
        return [q, k, v], mask

    def _weighted(self, parts: list[Tensor], mask, p: float, is_causal: bool) -> tuple[Tensor, Tensor]:
        """The same in single ops: (N, L, E), and the weights (N, H, L, S)."""
        thirds = self._thirds(parts)
        q, k, v = (x.reshape(*x.shape[:2], self.num_heads, -1).swapaxes(1, 2) for x in thirds)
        hides = mask is not None or is_causal
        clean = not hides or all(map(masks.is_finite, thirds))
        whole = None if clean else F.multi_head_attention(parts, self.num_heads, mask, p, is_causal)
        with np.errstate(invalid=None if clean else "ignore"):
            scores = (q / q.shape[-1] ** 0.5) @ k.mT
        if is_causal:
            mask = masks.restricted(mask, np.tri(*scores.shape[-2:], dtype=np.bool_))
        if mask is not None:
            if mask.dtype == bool:
                mask = np.where(mask.data, 0.0, -np.inf).astype(q.dtype)
            scores = scores + mask if clean else masks.with_hidden(scores, mask)
        blind = np.isneginf(scores.data).all(axis=-1, keepdims=True)  # queries that may see nothing
        weights = F.softmax(np.where(blind, 0, scores)) * ~blind if blind.any() else F.softmax(scores)
        if whole is not None:
            return whole, weights
        y = (F.dropout(weights, p) @ v).swapaxes(1, 2)
        return y.reshape(*y.shape[:2], self.embed_dim), weights

    def extra_repr(self) -> str:
        return f"embed_dim={self.embed_dim}, num_heads={self.num_heads}"


class PositionalEncoding(Module):
    """Adds a vector for each position to input (..., L, d_model), then dropout.

    `learned=False`: sin and cos of position / 10000^(2i / d_model) (section 3.5 of the paper), a constant.
    `learned=True`: a parameter (max_len, d_model). ValueError for another width or L > max_len.
    """

    def __init__(
        self,
        d_model: int,
        max_len: int = 5000,
        dropout: float = 0.0,
        learned: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        dtype = dtype_for(self, device, dtype)
        self.max_len = max_len
        self.dropout = dropout
        if learned:
            self.weight = Parameter(np.empty((max_len, d_model), dtype))
            init.normal_(self.weight, std=0.02)
        else:
            self.register_buffer("weight", sinusoids(max_len, d_model).astype(dtype), persistent=False)

    def forward(self, input: ArrayLike) -> Tensor:
        x = tensor_for(self, input, self.weight.dtype)
        length, width = x.shape[-2:] if x.ndim > 1 else (0, 0)
        if width != self.weight.shape[1]:
            expected = f"(.., length, {self.weight.shape[1]})"
            raise ValueError(f"{self.label()}: input of shape {x.shape}, expected {expected}")
        if length > self.max_len:
            raise ValueError(
                f"{self.label()}: input of shape {x.shape} is longer than max_len ({self.max_len})"
            )
        return F.dropout(x + self.weight[:length], self.dropout, self.training)

    def extra_repr(self) -> str:
        return f"max_len={self.max_len}, learned={isinstance(self.weight, Parameter)}"


def sinusoids(length: int, width: int) -> np.ndarray:
    """(length, width): sin(t / 10000^(2i / width)) in column 2i, cos of the same in column 2i + 1."""
    angles = np.arange(length)[:, None] / 10000 ** (np.arange(0, width, 2) / width)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, -1)[:, :width]
