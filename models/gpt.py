"""GPT: a decoder-only Transformer that predicts the next token."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import nn
from ..autograd import Tensor, checkpoint
from ..autograd.arrays import ArrayLike
from ..nn import functional as F
from ..nn import init
from .generation import Cache, Writes, mask_of
from .generation.layers import self_attention, with_positions


@dataclass(frozen=True)
class GPTConfig:
    """The sizes of a GPT."""

    vocab_size: int
    block_size: int = 64  # the longest text it sees at once
    d_model: int = 128
    nhead: int = 4
    num_layers: int = 4
    dim_feedforward: int | None = None  # 4 * d_model unless given
    dropout: float = 0.0
    bias: bool = True
    tie_weights: bool = True  # one table for the embedding and the output layer
    checkpoint: bool = False  # compute each block anew in backward: less memory, the same numbers
    gelu: str = "tanh"  # GPT-2's approximation of it; "none" is exact


class Block(nn.Module):
    """Attention to earlier positions, then feed-forward, each on a normalised copy added to the stream."""

    def __init__(self, config: GPTConfig):
        c = config
        width = c.dim_feedforward or 4 * c.d_model
        self.norm1 = nn.LayerNorm(c.d_model, bias=c.bias)
        self.attn = nn.MultiheadAttention(c.d_model, c.nhead, c.dropout, c.bias, batch_first=True)
        self.norm2 = nn.LayerNorm(c.d_model, bias=c.bias)
        self.linear1 = nn.Linear(c.d_model, width, c.bias)
        self.linear2 = nn.Linear(width, c.d_model, c.bias)
        self.dropout = nn.Dropout(c.dropout)
        self.gelu = c.gelu

    def forward(
        self,
        x: Tensor,  # (B, T, C)
        mask: np.ndarray | None = None,
        is_causal: bool = True,
        cache: Cache | None = None,
        layer: int = 0,
    ) -> Tensor:
        x = x + self.dropout(self_attention(self.attn, self.norm1(x), mask, is_causal, cache, layer))
        y = self.linear2(F.gelu(self.linear1(self.norm2(x)), self.gelu))
        return x + self.dropout(y)


class GPT(nn.Module, Writes):
    """Pre-norm decoder-only Transformer with learned positions (Radford et al. 2019, GPT-2)."""

    def __init__(self, config: GPTConfig):
        c = self.config = config
        self.tokens = nn.Embedding(c.vocab_size, c.d_model)
        self.positions = nn.PositionalEncoding(c.d_model, c.block_size, c.dropout, learned=True)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.num_layers))
        self.norm = nn.LayerNorm(c.d_model, bias=c.bias)
        self.head = nn.Linear(c.d_model, c.vocab_size, bias=False)
        if c.tie_weights:
            self.head.weight = self.tokens.weight
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """GPT-2's: normal, 0.02; what is added to the stream scaled down by the number of additions."""
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1:
                added = name.endswith(("out_proj.weight", "linear2.weight"))
                init.normal_(parameter, std=0.02 / (2 * self.config.num_layers) ** 0.5 if added else 0.02)
            elif name.endswith("bias"):
                init.zeros_(parameter)

    @property
    def context(self) -> int:
        """How many tokens it sees at once, of a longer text the last (`slides`)."""
        return self.config.block_size

    slides = True

    def hidden(
        self, ids: ArrayLike, attention_mask: ArrayLike | None = None, cache: Cache | None = None
    ) -> Tensor:
        """What `head` makes logits of, (B, T, C), for ids (B, T): the positions after those in `cache`.

        `attention_mask` (B, T), with a cache (B, length + T), is 0 where a text is padded.
        """
        past, length = cache.length if cache is not None else 0, np.shape(ids)[-1]
        x = with_positions(self.positions, self.tokens(ids), past, attention_mask)  # (B, T, C)
        mask, is_causal = mask_of(length, past, attention_mask)
        for i, block in enumerate(self.blocks):
            if self.config.checkpoint and cache is None:
                x = checkpoint(block, x, mask, is_causal)
            else:
                x = block(x, mask, is_causal, cache, i)
        return self.norm(x)

    def forward(
        self, ids: ArrayLike, attention_mask: ArrayLike | None = None, cache: Cache | None = None
    ) -> Tensor:
        """Logits (B, T, V) of the token after each of `ids` (B, T); arguments are those of `hidden`."""
        return self.head(self.hidden(ids, attention_mask, cache))
