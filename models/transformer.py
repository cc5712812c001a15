"""The encoder-decoder Transformer with its embeddings and output layer (arXiv:1706.03762)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import nn
from ..autograd import Tensor
from ..autograd.arrays import ArrayLike
from ..nn import init
from .generation import Cache, Options, Writes, generate, mask_of, real_of
from .generation.layers import decoder_layer, with_positions

if TYPE_CHECKING:
    from typing_extensions import Unpack


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


class Transformer(nn.Module, Writes):
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

    def embed(
        self,
        ids: ArrayLike,
        positions: nn.PositionalEncoding,
        past: int = 0,
        attention_mask: ArrayLike | None = None,
    ) -> Tensor:
        """Vectors (B, T, C) of ids (B, T) with their positions, which follow `past` others.

        A table that is the output layer too is small, so it is scaled up by sqrt(C) (section 3.4).
        """
        x = self.tokens(ids)
        x = x * self.config.d_model**0.5 if self.config.tie_weights else x
        return with_positions(positions, x, past, attention_mask)

    @property
    def context(self) -> int:
        """The longest target that it sees."""
        return self.config.block_size

    @property
    def source_context(self) -> int:
        """The longest source that it reads."""
        return self.config.block_size

    def encode(self, source: ArrayLike, attention_mask: ArrayLike | None = None) -> Tensor:
        """What the decoder attends to, (B, S, C), for ids `source` (B, S).

        `attention_mask` (B, S) is 0 where a source is padded.
        """
        x = self.embed(source, self.source_positions, 0, attention_mask)
        real = real_of(attention_mask, x.shape[1])
        return self.transformer.encoder(x, src_key_padding_mask=None if real is None else ~real)

    def decode(
        self,
        target: ArrayLike,
        memory: ArrayLike,
        memory_mask: ArrayLike | None = None,
        cache: Cache | None = None,
        attention_mask: ArrayLike | None = None,
    ) -> Tensor:
        """Logits (B, T, V) of the token after each of `target` (B, T).

        Position t sees targets up to t, and all of `memory` (B, S, C), which `encode` gives, but for where
        `memory_mask` (B, S) is 0. With a cache, `target` are the positions after those in it.
        `attention_mask` (B, past + T) is 0 where the target is padded.
        """
        past = cache.length if cache is not None else 0
        x = self.embed(target, self.target_positions, past, attention_mask)
        real = real_of(memory_mask, np.shape(memory)[1])
        decoder = self.transformer.decoder
        if cache is None and attention_mask is None:
            hidden = None if real is None else ~real
            return self.head(decoder(x, memory, memory_key_padding_mask=hidden, tgt_is_causal=True))
        mask, is_causal = mask_of(x.shape[1], past, attention_mask)
        for i, layer in enumerate(decoder.layers):
            x = decoder_layer(layer, x, memory, mask, is_causal, real, cache, i)
        return self.head(x if decoder.norm is None else decoder.norm(x))

    def forward(
        self, source: ArrayLike, target: ArrayLike, attention_mask: ArrayLike | None = None
    ) -> Tensor:
        """Logits (B, T, V) of the token after each of `target` (B, T), having read `source` (B, S).

        `attention_mask` (B, S) is 0 where a source is padded.
        """
        return self.decode(target, self.encode(source, attention_mask), attention_mask)

    def generate(  # type: ignore[override]
        self,
        source: ArrayLike | Sequence[ArrayLike],
        target: ArrayLike,
        max_new_tokens: int,
        *,
        log_probabilities: bool = False,
        **options: Unpack[Options],
    ) -> Iterator[Any]:
        """Yield up to `max_new_tokens` tokens that continue `target`, having read `source`.

        These are ids (T,) and (S,) of one text each, or as many sources as are wanted, (B, S) or a list of
        different lengths, beside one target for all, or as many. A target holds at least a start token. All
        else is as in GPT.generate; ValueError where tokens do not fit into block_size.
        """
        return generate(
            self, source, max_new_tokens, target=target, log_probabilities=log_probabilities, **options
        )


def gelu_tanh(x: ArrayLike) -> Tensor:
    """GELU by tanh, elementwise."""
    return nn.functional.gelu(x, "tanh")
