"""GPT: a decoder-only Transformer that predicts the next token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .. import nn
from ..autograd import Tensor, checkpoint, no_grad
from ..autograd.arrays import ArrayLike
from ..nn import functional as F
from ..nn import init
from ..nn.parallel import limit_threads
from ..nn.random import generator
from . import sampling


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

    def forward(self, x: Tensor) -> Tensor:  # (B, T, C)
        y = self.norm1(x)
        x = x + self.dropout(self.attn(y, y, y, need_weights=False, is_causal=True)[0])
        y = self.linear2(F.gelu(self.linear1(self.norm2(x)), self.gelu))
        return x + self.dropout(y)


class GPT(nn.Module):
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

    def forward(self, ids: ArrayLike) -> Tensor:
        """Logits (B, T, V) of the token after each of `ids` (B, T)."""
        x = self.positions(self.tokens(ids))  # (B, T, C)
        for block in self.blocks:
            x = checkpoint(block, x) if self.config.checkpoint else block(x)
        return self.head(self.norm(x))

    def generate(
        self,
        prompt: ArrayLike,
        max_new_tokens: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        rng: np.random.Generator | None = None,
    ) -> Iterator[int]:
        """Yield `max_new_tokens` tokens that continue the ids `prompt` (T,), one by one.

        Temperature 0 takes the most likely token; `top_k` and `top_p` limit the choice; `rng` is the
        generator of nn.manual_seed unless given. The model sees the last `block_size` tokens, in the mode
        (train or eval) it is in. The caller's grad mode is left alone.
        BLAS threads: nn.parallel.limit_threads. ValueError or TypeError for what is no text or no setting.
        """
        sampling.check(temperature, top_k, top_p)
        ids = sampling.token_ids("prompt", prompt)
        return self._continued(ids, max_new_tokens, (temperature, top_k, top_p, rng))

    @no_grad
    def _continued(self, ids: list[int], max_new_tokens: int, choice: sampling.Choice) -> Iterator[int]:
        """The tokens themselves; `generate` has checked its arguments before the first is asked for."""
        temperature, top_k, top_p, rng = choice
        threads = limit_threads(self, min(len(ids) + max_new_tokens, self.config.block_size))
        for _ in range(max_new_tokens):
            with threads:
                logits = self(np.array([ids[-self.config.block_size :]])).data[0, -1]
            ids.append(sampling.pick(logits, temperature, top_k, top_p, rng or generator()))
            yield ids[-1]
