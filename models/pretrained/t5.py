"""T5 (Raffel et al. 2020), its version 1.1 and mT5, under Hugging Face's names and settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ... import autograd as ag
from ... import nn
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike
from ...nn import functional as F
from ...nn import init
from ...nn.stored import Weights
from ..generation import Cache, Writes, mask_of
from .activation import activation
from .folder import Pretrained, ids_of
from .padding import real_tokens
from .t5_config import T5Config

HEAD = "lm_head.weight"


def bucket_of(distance: np.ndarray, c: T5Config, both_ways: bool) -> np.ndarray:
    """The bucket of each `distance`, of a key's position from a query's (section 2.1 of the paper).

    Half of the buckets are for one distance each, the others for ranges that grow by a factor up to the
    largest distance, beyond which all is one. Where one may look `both_ways`, either has half of the buckets.
    """
    buckets = c.relative_attention_num_buckets
    first: Any = 0
    if both_ways:
        buckets //= 2
        first = np.where(distance > 0, buckets, 0)
        away = np.abs(distance)
    else:
        away = np.maximum(-distance, 0)
    exact = buckets // 2
    steps = (buckets - exact) / np.log(c.relative_attention_max_distance / exact)
    # Where a range begins at a whole number, the last bit of a logarithm must not say in which it is.
    far = exact + np.floor(np.log(np.maximum(away, exact) / exact) * steps + 1e-6).astype(np.intp)
    return first + np.where(away < exact, away, np.minimum(far, buckets - 1))


class Attention(nn.Module):
    """Heads side by side, whose scores are not scaled; of the first layer also the bias of distances."""

    def __init__(self, c: T5Config, biased: bool = False):
        width = c.num_heads * c.d_kv
        self.heads, self.width, self.dropout = c.num_heads, c.d_kv, c.dropout_rate
        self.q = nn.Linear(c.d_model, width, bias=False)
        self.k = nn.Linear(c.d_model, width, bias=False)
        self.v = nn.Linear(c.d_model, width, bias=False)
        self.o = nn.Linear(width, c.d_model, bias=False)
        if biased:
            self.relative_attention_bias = nn.Embedding(c.relative_attention_num_buckets, c.num_heads)

    def split(self, x: Tensor) -> Tensor:
        """(B, T, H * D) as (B, H, T, D)."""
        return x.reshape(*x.shape[:2], self.heads, self.width).transpose(0, 2, 1, 3)

    def keys(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, H, S, D) of what is looked at, (B, S, C)."""
        return self.split(self.k(x)), self.split(self.v(x))

    def forward(self, x: Tensor, key: Tensor, value: Tensor, mask: Any, is_causal: bool = False) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        q = self.split(self.q(x))
        y = F.scaled_dot_product_attention(q, key, value, mask, dropout, is_causal, scale=1.0)
        return self.o(y.transpose(0, 2, 1, 3).reshape(*x.shape[:2], self.heads * self.width))


class FeedForward(nn.Module):
    """One hidden layer, perhaps with a gate."""

    def __init__(self, c: T5Config):
        for name in ("wi_0", "wi_1") if c.gated else ("wi",):
            self.add_module(name, nn.Linear(c.d_model, c.d_ff, bias=False))
        self.wo = nn.Linear(c.d_ff, c.d_model, bias=False)
        self.gated, self.act = c.gated, activation(c.act)
        self.dropout = nn.Dropout(c.dropout_rate)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.wi_0(x)) * self.wi_1(x) if self.gated else self.act(self.wi(x))
        return self.wo(self.dropout(x))


class Part(nn.Module):
    """One of a block's parts: reads a normalised copy of the stream, and is added to it."""

    def __init__(self, c: T5Config, name: str, inner: nn.Module):
        self.add_module(name, inner)
        self.layer_norm = nn.RMSNorm(c.d_model, c.layer_norm_epsilon)


class Block(nn.Module):
    """Attention to the text itself, in the decoder also to what the encoder read, then feed-forward."""

    def __init__(self, c: T5Config, layer: int, decodes: bool):
        self.decodes, self.number = decodes, layer
        parts = [Part(c, "SelfAttention", Attention(c, biased=not layer))]
        if decodes:
            parts.append(Part(c, "EncDecAttention", Attention(c)))
        parts.append(Part(c, "DenseReluDense", FeedForward(c)))
        self.layer = nn.ModuleList(parts)
        self.dropout = nn.Dropout(c.dropout_rate)

    def forward(self, x: Tensor, mask: Any, is_causal: bool, memory: Any, seen: Any, cache: Any) -> Tensor:
        part = self.layer[0]
        y = part.layer_norm(x)
        key, value = part.SelfAttention.keys(y)
        if cache is not None:
            key, value = cache.extend(self.number, key, value)
        x = x + self.dropout(part.SelfAttention(y, key, value, mask, is_causal))
        if self.decodes:
            part = self.layer[1]
            make = part.EncDecAttention.keys
            key, value = make(memory) if cache is None else cache.cross(self.number, lambda: make(memory))
            x = x + self.dropout(part.EncDecAttention(part.layer_norm(x), key, value, seen))
        part = self.layer[-1]
        return x + self.dropout(part.DenseReluDense(part.layer_norm(x)))


class Stack(nn.Module):
    """The encoder, or the decoder."""

    def __init__(self, c: T5Config, words: nn.Embedding, layers: int, decodes: bool):
        self.config, self.decodes = c, decodes
        self.embed_tokens = words
        self.block = nn.ModuleList(Block(c, layer, decodes) for layer in range(layers))
        self.final_layer_norm = nn.RMSNorm(c.d_model, c.layer_norm_epsilon)
        self.dropout = nn.Dropout(c.dropout_rate)

    def bias(self, new: int, past: int) -> Tensor:
        """(1, H, T, S): what the distances of `new` positions from all add to their scores."""
        distance = np.arange(past + new) - np.arange(past, past + new)[:, None]
        table = self.block[0].layer[0].SelfAttention.relative_attention_bias
        return table(bucket_of(distance, self.config, not self.decodes)).transpose(2, 0, 1)[None]

    def forward(
        self, x: Tensor, mask: Any, is_causal: bool, memory: Any = None, seen: Any = None, cache: Any = None
    ) -> Tensor:
        new, past = x.shape[1], 0 if cache is None else cache.length
        bias = self.bias(new, past)
        if mask is not None:
            bias = ag.where(mask, bias, -np.inf)
        x = self.dropout(x)
        for block in self.block:
            x = block(x, bias, is_causal, memory, seen, cache)
        return self.dropout(self.final_layer_norm(x))


class T5(Pretrained, Writes):
    """T5: an encoder-decoder whose positions are known by distance alone, so that no text is too long.

    Raffel et al. 2020, arXiv:1910.10683. Pre-norm, without biases; with the head over the vocabulary.
    """

    config_class = T5Config
    architectures = {"t5": "T5ForConditionalGeneration", "mt5": "MT5ForConditionalGeneration"}
    ignored = (r"EncDecAttention\.relative_attention_bias\.weight$",)  # of the oldest files, never used
    context = None  # no limit of its own
    config: T5Config

    def __init__(self, config: T5Config):
        super().__init__(config)
        c = config
        self.shared = nn.Embedding(c.vocab_size, c.d_model)
        self.encoder = Stack(c, self.shared, c.num_layers, decodes=False)
        self.decoder = Stack(c, self.shared, c.num_decoder_layers or c.num_layers, decodes=True)
        self.lm_head = nn.Linear(c.d_model, c.vocab_size, bias=False)
        if c.tie_word_embeddings:
            self.lm_head.weight = self.shared.weight
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal, by the width of what comes in; queries smaller, in place of scaled scores."""
        c = self.config
        width = c.num_heads * c.d_kv
        inputs = {".q.weight": c.d_model * c.d_kv, ".o.weight": width, ".wo.weight": c.d_ff}
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1:
                size = next((n for end, n in inputs.items() if name.endswith(end)), c.d_model)
                size = 1 if name in ("shared.weight", HEAD) else size
                init.normal_(parameter, std=c.initializer_factor * size**-0.5)

    def encode(self, source: ArrayLike, attention_mask: ArrayLike | None = None) -> Tensor:
        """What the decoder looks at, (B, S, C), for ids `source` (B, S); at padding it means nothing.

        `attention_mask` (B, S) is 0 at padding, which no real token sees. ValueError for shapes that do not
        fit, IndexError for ids outside of the vocabulary.
        """
        ids = ids_of(self, source)
        real = real_tokens(self, attention_mask, ids.shape)
        x, mask = self.shared(ids), None
        if real is not None:  # whatever stands at padding, nan too, ends here: 0 * nan would come back later
            x, mask = ag.where(real[..., None], x, 0), real[:, None, None, :]
        return self.encoder(x, mask, is_causal=False)

    def decode(
        self,
        target: ArrayLike,
        memory: Tensor,
        memory_mask: ArrayLike | None = None,
        cache: Cache | None = None,
        attention_mask: ArrayLike | None = None,
    ) -> Tensor:
        """Logits (B, T, V) of the token after each of `target` (B, T), which follow what `cache` holds.

        `memory` (B, S, C) is what `encode` gave for a source, and `memory_mask` (B, S) is 0 at its padding;
        `attention_mask` (B, past + T) is 0 where the target is padded.
        With a cache, `memory` is read in the first call only. ValueError for a memory of other sources, and
        for other shapes that do not fit; IndexError for ids outside of the vocabulary.
        """
        ids, past = ids_of(self, target), 0 if cache is None else cache.length
        shape = np.shape(memory)
        if not past and (len(shape) != 3 or (shape[0], shape[2]) != (len(ids), self.config.d_model)):
            wanted = f"({len(ids)}, source's length, {self.config.d_model})"
            raise ValueError(
                f"{self.label()}: memory of shape {shape} for ids {ids.shape}, expected {wanted}"
            )
        real = real_tokens(self, memory_mask, (len(ids), shape[1]), "memory_mask")
        seen = None if real is None else real[:, None, None, :]
        mask, is_causal = mask_of(ids.shape[1], past, attention_mask)
        x = self.decoder(self.shared(ids), mask, is_causal, memory, seen, cache)
        return self.head(x)

    def head(self, x: Tensor) -> Tensor:
        """Logits (..., V) of the decoder's last hidden states x (..., C)."""
        return self.lm_head(x * self.config.d_model**-0.5 if self.config.scaled else x)

    def forward(
        self, source: ArrayLike, target: ArrayLike, attention_mask: ArrayLike | None = None
    ) -> Tensor:
        """Logits (B, T, V) of the token after each of `target` (B, T), having read `source` (B, S).

        `attention_mask` (B, S) is 0 at padding of the source. Errors as of `encode`.
        """
        return self.decode(target, self.encode(source, attention_mask), attention_mask)

    def _fitted(self, weights: Weights, dtype: DTypeLike | None) -> Weights:
        """As of the base. As in transformers, the file decides whether the head is tied, not config.json."""
        tied = True
        if HEAD in weights and "shared.weight" in weights:
            head, words = weights[HEAD], weights["shared.weight"]
            tied = np.array_equal(head[:1], words[:1]) and np.array_equal(head, words)
        if tied != self.config.tie_word_embeddings:
            scaled = self.config.scaled
            self.config = replace(self.config, tie_word_embeddings=tied, scale_decoder_outputs=scaled)
            weight = self.shared.weight
            self.lm_head.weight = weight if tied else nn.Parameter.empty(weight.shape)
        return super()._fitted(weights, dtype)
