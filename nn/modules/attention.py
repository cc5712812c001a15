"""Multi-head attention and positions ("Attention is all you need", arXiv:1706.03762, 3.2 and 3.5)."""

from __future__ import annotations

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike
from .. import functional as F
from .. import init
from ..functional.attention import as_mask
from ..module import Module, Parameter
from .linear import Linear, tensor_for


class MultiheadAttention(Module):
    """`num_heads` attentions side by side on embed_dim / num_heads features each.

    Arguments, masks and state_dict are PyTorch's: (L, N, E) inputs unless `batch_first`, or (L, E); boolean
    masks true where attention is NOT allowed, float masks added to the scores. Other than there, `is_causal`
    alone is enough, a query that may see nothing gets zeros (not nan) for what it sees, and the weights that
    are given back are those before dropout. ValueError where embed_dim is no multiple of num_heads.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        *,
        batch_first: bool = False,
        dtype: DTypeLike = np.float32,
    ):
        if num_heads < 1 or embed_dim % num_heads:
            raise ValueError(f"{self.label()}: embed_dim {embed_dim} is no multiple of num_heads {num_heads}")
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.in_proj_weight = Parameter(np.empty((3 * embed_dim, embed_dim), dtype))  # query, key, value
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim, dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=dtype)
        init.xavier_uniform_(self.in_proj_weight)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

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
        parts = self._project(query, key, value)
        mask = self._mask(attn_mask, key_padding_mask, parts)
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

    def _project(self, query, key, value) -> list[Tensor]:
        """The inputs through their thirds of in_proj, those of one input joined: (N, length, E or more)."""
        if query is key and key is value:
            return [F.linear(self._input("query", query), self.in_proj_weight, self.in_proj_bias)]
        joint = key is value
        cuts = [self.embed_dim] if joint else [self.embed_dim, 2 * self.embed_dim]
        weights = ag.split(self.in_proj_weight, cuts)
        biases = [None] * 3 if self.in_proj_bias is None else ag.split(self.in_proj_bias, cuts)
        named = {"query": query, "key": key} if joint else {"query": query, "key": key, "value": value}
        inputs = [self._input(name, x) for name, x in named.items()]
        parts = [F.linear(x, w, b) for x, w, b in zip(inputs, weights, biases, strict=False)]
        q, k, v = parts[0].shape, parts[1].shape, parts[-1].shape
        if k[:2] != v[:2] or q[0] != k[0]:
            shapes = f"query {np.shape(query)}, key {np.shape(key)} and value {np.shape(value)}"
            raise ValueError(
                f"{self.label()}: {shapes} differ in batch or length (batch_first={self.batch_first})"
            )
        return parts

    def _input(self, name: str, x) -> Tensor:
        """Batch first, checked."""
        x = tensor_for(self, x, self.in_proj_weight.dtype)
        if x.ndim not in (2, 3) or x.shape[-1] != self.embed_dim:
            expected = f"(.., .., {self.embed_dim}) or (.., {self.embed_dim})"
            raise ValueError(f"{self.label()}: {name} of shape {x.shape}, expected {expected}")
        return ag.expand_dims(x, 0) if x.ndim == 2 else x if self.batch_first else x.swapaxes(0, 1)

    def _mask(self, attn_mask, key_padding_mask, parts: list[Tensor]) -> Tensor | None:
        """PyTorch's two masks as one for the op: float, added to scores of shape (N, H, L, S)."""
        if attn_mask is None and key_padding_mask is None:
            return None
        n, length, _ = parts[0].shape
        size, h, dtype = parts[-1].shape[1], self.num_heads, parts[0].dtype
        added = None
        if attn_mask is not None:
            shapes = [(length, size), (n * h, length, size)]
            added = self._additive("attn_mask", attn_mask, dtype, shapes)
            added = added if added.ndim == 2 else added.reshape(n, h, length, size)
        if key_padding_mask is not None:
            shapes = [(n, size), (size,)] if n == 1 else [(n, size)]
            padding = self._additive("key_padding_mask", key_padding_mask, dtype, shapes)
            padding = padding.reshape(n, 1, 1, size)
            added = padding if added is None else added + padding
        return added

    def _additive(self, name: str, mask, dtype, shapes: list[tuple[int, ...]]) -> Tensor:
        """A mask of one of these shapes as a Tensor to add: boolean true (not allowed) becomes -inf."""
        mask = as_mask(f"{self.label()}: {name}", mask, dtype)
        if mask.shape not in shapes:
            expected = " or ".join(map(str, shapes))
            raise ValueError(f"{self.label()}: {name} of shape {mask.shape}, expected {expected}")
        return _minus_inf(mask.data, dtype) if mask.dtype == bool else mask

    def _weighted(self, parts: list[Tensor], mask, p: float, is_causal: bool) -> tuple[Tensor, Tensor]:
        """The same in single ops: (N, L, E), and the weights (N, H, L, S)."""
        thirds = [t for x in parts for t in ag.split(x, x.shape[-1] // self.embed_dim, -1)]
        q, k, v = (x.reshape(*x.shape[:2], self.num_heads, -1).swapaxes(1, 2) for x in thirds)
        scores = (q / q.shape[-1] ** 0.5) @ k.mT
        if is_causal:
            scores = scores + _minus_inf(~np.tri(*scores.shape[-2:], dtype=np.bool_), q.dtype)
        scores = scores if mask is None else scores + mask
        blind = np.isneginf(scores.data).all(axis=-1, keepdims=True)  # queries that may see nothing
        weights = F.softmax(np.where(blind, 0, scores)) * ~blind if blind.any() else F.softmax(scores)
        y = (F.dropout(weights, p) @ v).swapaxes(1, 2)
        return y.reshape(*y.shape[:2], self.embed_dim), weights

    def extra_repr(self) -> str:
        return f"embed_dim={self.embed_dim}, num_heads={self.num_heads}"


def _minus_inf(where: np.ndarray, dtype) -> Tensor:
    return Tensor(np.where(where, -np.inf, 0.0).astype(dtype))


class PositionalEncoding(Module):
    """Adds a vector for each position to x (..., L, d_model), then dropout.

    `learned=False`: sin and cos of position / 10000^(2i / d_model) (section 3.5 of the paper), a constant.
    `learned=True`: a parameter (max_len, d_model). ValueError for another width or L > max_len.
    """

    def __init__(
        self,
        d_model: int,
        max_len: int = 5000,
        dropout: float = 0.0,
        learned: bool = False,
        dtype: DTypeLike = np.float32,
    ):
        self.max_len = max_len
        self.dropout = dropout
        if learned:
            self.weight = Parameter(np.empty((max_len, d_model), dtype))
            init.normal_(self.weight, std=0.02)
        else:
            self.register_buffer("weight", sinusoids(max_len, d_model).astype(dtype), persistent=False)

    def forward(self, x: ArrayLike) -> Tensor:
        x = tensor_for(self, x, self.weight.dtype)
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
