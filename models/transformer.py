"""The encoder-decoder Transformer with its embeddings and output layer (arXiv:1706.03762)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .. import nn
from ..autograd import Tensor, no_grad
from ..autograd.arrays import ArrayLike
from ..nn import init
from ..nn.parallel import limit_threads
from ..nn.random import generator
from . import sampling


@dataclass(frozen=True)
class TransformerConfig:
    """The sizes of a Transformer."""

    vocab_size: int
    block_size: int = 64  # the longest source and the longest target
    d_model: int = 128
    nhead: int = 4
    num_encoder_layers: int = 2
    num_decoder_layers: int = 2
    dim_feedforward: int | None = None  # 4 * d_model unless given
    dropout: float = 0.0
    norm_first: bool = True  # False: normalise after each addition, as in the paper
    learned_positions: bool = True  # False: the paper's sinusoids
    tie_weights: bool = False  # one table for the embeddings and the output layer, as in the paper
    checkpoint: bool = False  # compute each layer anew in backward: less memory, the same numbers


class Transformer(nn.Module):
    """Reads a source text, predicts a target text token by token; both over one vocabulary.

    Vaswani et al. 2017, arXiv:1706.03762.
    """

    def __init__(self, config: TransformerConfig):
        c = self.config = config
        width = c.dim_feedforward or 4 * c.d_model
        self.tokens = nn.Embedding(c.vocab_size, c.d_model)
        self.source_positions = nn.PositionalEncoding(c.d_model, c.block_size, c.dropout, c.learned_positions)
        self.target_positions = nn.PositionalEncoding(c.d_model, c.block_size, c.dropout, c.learned_positions)
        self.transformer = nn.Transformer(
            c.d_model,
            c.nhead,
            c.num_encoder_layers,
            c.num_decoder_layers,
            width,
            c.dropout,
            gelu_tanh,
            batch_first=True,
            norm_first=c.norm_first,
        )
        self.transformer.encoder.checkpoint = self.transformer.decoder.checkpoint = c.checkpoint
        self.head = nn.Linear(c.d_model, c.vocab_size, bias=False)
        if c.tie_weights:
            self.head.weight = self.tokens.weight
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Tokens and learned positions enter at size 1; without tying, first predictions are nearly even."""
        for positions in (self.source_positions, self.target_positions):
            if self.config.learned_positions:
                init.normal_(positions.weight)
        if self.config.tie_weights:
            init.normal_(self.tokens.weight, std=self.config.d_model**-0.5)
        else:
            init.normal_(self.tokens.weight)
            init.normal_(self.head.weight, std=0.02)

    def embed(self, ids: ArrayLike, positions: nn.PositionalEncoding) -> Tensor:
        """Vectors (B, T, C) of ids (B, T) with their positions.

        A table that is the output layer too is small, so it is scaled up by sqrt(C) (section 3.4).
        """
        x = self.tokens(ids)
        return positions(x * self.config.d_model**0.5 if self.config.tie_weights else x)

    def encode(self, source: ArrayLike) -> Tensor:
        """What the decoder attends to, (B, S, C), for ids `source` (B, S)."""
        return self.transformer.encoder(self.embed(source, self.source_positions))

    def decode(self, target: ArrayLike, memory: ArrayLike) -> Tensor:
        """Logits (B, T, V) of the token after each of `target` (B, T).

        Position t sees targets up to t, and all of `memory` (B, S, C), which `encode` gives.
        """
        x = self.embed(target, self.target_positions)
        return self.head(self.transformer.decoder(x, memory, tgt_is_causal=True))

    def forward(self, source: ArrayLike, target: ArrayLike) -> Tensor:
        """Logits (B, T, V) of the token after each of `target` (B, T), having read `source` (B, S)."""
        return self.decode(target, self.encode(source))

    def generate(
        self,
        source: ArrayLike,
        target: ArrayLike,
        max_new_tokens: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        stop: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> Iterator[int]:
        """Yield up to `max_new_tokens` tokens that continue the ids `target` (T,), having read `source` (S,).

        `target` holds at least a start token. Ends after the token `stop`. Temperature 0 takes the most
        likely token; `top_k` and `top_p` limit the choice; `rng` is the generator of nn.manual_seed unless
        given. The model stays in the mode (train or eval) it is in, and the caller's grad mode is left alone.
        BLAS threads: nn.parallel.limit_threads. ValueError where the tokens do not fit into block_size;
        ValueError or TypeError for what is no text or no setting.
        """
        sampling.check(temperature, top_k, top_p)
        read = sampling.token_ids("source", source)
        ids = sampling.token_ids("target", target)
        if len(ids) + max_new_tokens - 1 > self.config.block_size:
            raise ValueError(
                f"generate: {len(ids)} target tokens and {max_new_tokens} new ones do not fit into "
                f"block_size {self.config.block_size}"
            )
        return self._continued(read, ids, max_new_tokens, (temperature, top_k, top_p, rng), stop)

    @no_grad
    def _continued(
        self, read: list[int], ids: list[int], max_new_tokens: int, choice: sampling.Choice, stop: int | None
    ) -> Iterator[int]:
        """The tokens themselves; `generate` has checked its arguments before the first is asked for."""
        temperature, top_k, top_p, rng = choice
        threads = limit_threads(self, max(len(read), len(ids) + max_new_tokens))
        with threads:
            memory = self.encode(np.array([read]))
        for _ in range(max_new_tokens):
            with threads:
                logits = self.decode(np.array([ids]), memory).data[0, -1]
            ids.append(sampling.pick(logits, temperature, top_k, top_p, rng or generator()))
            yield ids[-1]
            if ids[-1] == stop:
                return


def gelu_tanh(x: ArrayLike) -> Tensor:
    """GELU by tanh, elementwise."""
    return nn.functional.gelu(x, "tanh")
