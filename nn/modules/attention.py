"""Multi-head attention and positions ("Attention is all you need", arXiv:1706.03762, 3.2 and 3.5)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike
from .. import functional as F
from .. import init
from ..devices import dtype_for
from ..functional.multi_head import Heads, attended, batch_first_inputs
from ..module import Module, Parameter
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
        self.head_dim = embed_dim // num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.add_zero_attn = add_zero_attn
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.in_proj_weight: Parameter | None = None
        self.q_proj_weight: Parameter | None = None
        self.k_proj_weight: Parameter | None = None
        self.v_proj_weight: Parameter | None = None
        if self._qkv_same_embed_dim:
            self.in_proj_weight = Parameter.empty((3 * embed_dim, embed_dim), dtype)  # query, key, value
        else:
            self.q_proj_weight = Parameter.empty((embed_dim, embed_dim), dtype)
            self.k_proj_weight = Parameter.empty((embed_dim, self.kdim), dtype)
            self.v_proj_weight = Parameter.empty((embed_dim, self.vdim), dtype)
        self.in_proj_bias = Parameter.empty(3 * embed_dim, dtype) if bias else None
        self.bias_k = Parameter.empty((1, 1, embed_dim), dtype) if add_bias_kv else None
        self.bias_v = Parameter.empty((1, 1, embed_dim), dtype) if add_bias_kv else None
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

    @property
    def _qkv_same_embed_dim(self) -> bool:
        return self.kdim == self.vdim == self.embed_dim

    def _in_weights(self) -> list[Any]:
        """Weights of query, key and value, where they have different widths."""
        return [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]

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
        more = self.bias_k, self.bias_v, self.add_zero_attn
        together = self.in_proj_weight
        weights = self._in_weights() if together is None else [together]
        heads = Heads(self.label, self.embed_dim, self.num_heads, weights, self.in_proj_bias, *more)
        widths, dtype = [self.embed_dim, self.kdim, self.vdim], self.out_proj.weight.dtype
        inputs = batch_first_inputs(heads, [query, key, value], widths, dtype, self.batch_first)
        p = self.dropout if self.training else 0.0
        options = key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal, p
        y, given = attended(heads, inputs, *options)
        unbatched = inputs[0] is not query and np.ndim(query) == 2
        y = y[0] if unbatched else y if self.batch_first else y.swapaxes(0, 1)
        return self.out_proj(y), given[0] if given is not None and unbatched else given

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
            self.weight = Parameter.empty((max_len, d_model), dtype)
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
