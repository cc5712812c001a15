"""BERT (Devlin et al. 2018) and RoBERTa (Liu et al. 2019), under Hugging Face's names and settings."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import autograd as ag
from ... import nn
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike
from ...nn import functional as F
from ...nn import init
from ...nn.stored import Weights
from .bert_config import PREFIXES, BertConfig
from .bert_heads import BertWords, Dense, RobertaText, RobertaWords
from .folder import Pretrained, check_context, ids_of, initialize
from .padding import real_tokens


class Embeddings(nn.Module):
    """What enters the first layer: of each token, its position and the part of the text it stands in."""

    def __init__(self, c: BertConfig):
        counted = c.pad_token_id if c.counts_tokens else None
        self.word_embeddings = nn.Embedding(c.vocab_size, c.hidden_size, c.pad_token_id)
        self.position_embeddings = nn.Embedding(c.max_position_embeddings, c.hidden_size, counted)
        self.token_type_embeddings = nn.Embedding(c.type_vocab_size, c.hidden_size)
        self.LayerNorm = nn.LayerNorm(c.hidden_size, c.layer_norm_eps)
        self.dropout = nn.Dropout(c.hidden_dropout_prob)

    def forward(self, ids: np.ndarray, positions: np.ndarray, types: Any, real: np.ndarray | None) -> Tensor:
        kinds = self.token_type_embeddings.weight[0] if types is None else self.token_type_embeddings(types)
        x = self.word_embeddings(ids) + self.position_embeddings(positions) + kinds
        if real is not None:  # whatever stands at padding, nan too, ends here: 0 * nan would come back later
            x = ag.where(real[..., None], x, 0)
        return self.dropout(self.LayerNorm(x))


class SelfAttention(nn.Module):
    """Heads side by side."""

    def __init__(self, c: BertConfig):
        self.heads, self.dropout = c.num_attention_heads, c.attention_probs_dropout_prob
        self.query = nn.Linear(c.hidden_size, c.hidden_size)
        self.key = nn.Linear(c.hidden_size, c.hidden_size)
        self.value = nn.Linear(c.hidden_size, c.hidden_size)

    def forward(self, x: Tensor, mask: np.ndarray | None) -> Tensor:  # (B, T, C)
        parts = self.query(x), self.key(x), self.value(x)
        return F.multi_head_attention(parts, self.heads, mask, self.dropout if self.training else 0.0)


class Added(nn.Module):
    """A product, added to the stream, which is normalised after that."""

    def __init__(self, inputs: int, c: BertConfig):
        self.dense = nn.Linear(inputs, c.hidden_size)
        self.LayerNorm = nn.LayerNorm(c.hidden_size, c.layer_norm_eps)
        self.dropout = nn.Dropout(c.hidden_dropout_prob)

    def forward(self, x: Tensor, stream: Tensor) -> Tensor:
        return self.LayerNorm(stream + self.dropout(self.dense(x)))


class Layer(nn.Module):
    """Attention to all real tokens, then feed-forward."""

    def __init__(self, c: BertConfig):
        self.attention = nn.Module()
        self.attention.self = SelfAttention(c)
        self.attention.output = Added(c.hidden_size, c)
        self.intermediate = Dense(c.hidden_size, c.intermediate_size, c.hidden_act)
        self.output = Added(c.intermediate_size, c)

    def forward(self, x: Tensor, mask: np.ndarray | None) -> Tensor:
        x = self.attention.output(self.attention.self(x, mask), x)
        return self.output(self.intermediate(x), x)


class Body(nn.Module):
    """The parts whose names begin with `bert` or `roberta`."""

    def __init__(self, c: BertConfig, pooler: bool):
        self.embeddings = Embeddings(c)
        self.encoder = nn.Module()
        self.encoder.layer = nn.ModuleList(Layer(c) for _ in range(c.num_hidden_layers))
        self.pooler = Dense(c.hidden_size, c.hidden_size, "tanh") if pooler else None


class Bert(Pretrained):
    """A Transformer that reads a text in both directions, with the head that `config.architecture` names.

    Devlin et al. 2018, arXiv:1810.04805; Liu et al. 2019, arXiv:1907.11692. Post-norm, learned positions.
    """

    config_class = BertConfig
    architectures = {kind: f"{start}Model" for kind, start in PREFIXES.items()}
    config: BertConfig

    def __init__(self, config: BertConfig):
        super().__init__(config)
        c, head = config, config.head
        bert = c.model_type == "bert"
        self.base = "bert" if bert else "roberta"
        # of checkpoints that have more heads than are asked for
        self.ignored = (r"\b(position|token_type)_ids$", r"^cls\.seq_relationship\.", r"\bpooler\.")
        if not head:
            self.ignored += (r"^(cls|lm_head|classifier)\.",)
        body = Body(c, not head or (bert and head == "text"))
        self.add_module(self.base, body)
        words = body.embeddings.word_embeddings
        rate = c.hidden_dropout_prob if c.classifier_dropout is None else c.classifier_dropout
        self.dropout = nn.Dropout(rate)
        if head == "masked":
            self.add_module("cls" if bert else "lm_head", (BertWords if bert else RobertaWords)(c, words))
        elif head == "text" and not bert:
            self.classifier: nn.Module = RobertaText(c, self.dropout)
        elif head:
            self.classifier = nn.Linear(c.hidden_size, len(c.labels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal, initializer_range; zeros for padding."""
        initialize(self, self.config.initializer_range)
        for table in (self.body.embeddings.word_embeddings, self.body.embeddings.position_embeddings):
            if table.padding_idx is not None:
                init.zeros_(table.weight.data[table.padding_idx])

    @property
    def body(self) -> Any:
        """The model without its head."""
        return getattr(self, self.base)

    @property
    def context(self) -> int:
        """The longest text it can see."""
        return self.config.context

    def hidden(
        self,
        ids: ArrayLike,
        attention_mask: ArrayLike | None = None,
        token_type_ids: ArrayLike | None = None,
    ) -> Tensor:
        """The last hidden states (B, T, C) of `ids` (B, T); those of padding mean nothing.

        `attention_mask` (B, T) is 0 at padding, which no real token sees; `token_type_ids` (B, T) say which
        part of the text a token is in, the first unless given. ValueError for a text longer than `context`,
        and for shapes that do not fit; IndexError for ids outside of the vocabulary.
        """
        ids = ids_of(self, ids)
        real = real_tokens(self, attention_mask, ids.shape)
        if token_type_ids is not None and np.shape(token_type_ids) != ids.shape:
            given = np.shape(token_type_ids)
            raise ValueError(f"{self.label()}: token_type_ids of shape {given}, expected {ids.shape}, as ids")
        x = self.body.embeddings(ids, self._positions(ids), token_type_ids, real)
        mask = None if real is None else real[:, None, None, :]
        for layer in self.body.encoder.layer:
            x = layer(x, mask)
        return x

    def _positions(self, ids: np.ndarray) -> np.ndarray:
        """The rows of the table of positions: (T,), or RoBERTa's (B, T), which follow that of padding."""
        positions = np.arange(ids.shape[1])
        first = 0
        if self.config.counts_tokens:
            padding = self.config.pad_token_id
            real = ids != padding
            first = padding + 1  # type: ignore[operator]
            positions = np.where(real, real.cumsum(axis=1) - 1, -1)
        check_context(self, positions)
        return positions + first

    def embed(
        self,
        ids: ArrayLike,
        attention_mask: ArrayLike | None = None,
        token_type_ids: ArrayLike | None = None,
        *,
        normalize: bool = False,
    ) -> Tensor:
        """One vector for each text, (B, C): the mean of the last hidden states of its real tokens.

        With `normalize` of length 1. Reimers and Gurevych 2019, arXiv:1908.10084. `ids`, `attention_mask` and
        `token_type_ids` as of `hidden`, with its errors; ValueError for a text without a real token.
        """
        x = self.hidden(ids, attention_mask, token_type_ids)
        real = real_tokens(self, attention_mask, x.shape[:2])
        if real is None:
            mean = x.mean(axis=1)
        else:
            count = real.sum(axis=1, keepdims=True)
            if not count.all():
                raise ValueError(
                    f"{self.label()}.embed: text {int(count.argmin())} has no token, only padding"
                )
            mean = ag.where(real[..., None], x, 0).sum(axis=1) / count
        return F.normalize(mean, dim=-1) if normalize else mean

    def forward(
        self,
        ids: ArrayLike,
        attention_mask: ArrayLike | None = None,
        token_type_ids: ArrayLike | None = None,
    ) -> Any:
        """What the head makes of `hidden`, with its errors: `ids` (B, T), `attention_mask`, `token_type_ids`.

        Masked language model: logits (B, T, V). Classifiers, of a text or of each token: (B, L) or (B, T, L)
        for L labels. No head: the last hidden states (B, T, C) and the pooled first one (B, C).
        """
        x, head = self.hidden(ids, attention_mask, token_type_ids), self.config.head
        if head == "masked":
            return getattr(self, "cls" if self.base == "bert" else "lm_head")(x)
        if head == "token":
            return self.classifier(self.dropout(x))
        first = x[:, 0]
        pooled = first if self.body.pooler is None else self.body.pooler(first)
        if head == "text":
            return self.classifier(self.dropout(pooled))
        return x, None if self.body.pooler is None else pooled

    def settings(self) -> dict[str, Any]:
        """What config.json has of this model: its config, transformers' class, and the dtype as it is."""
        return {**super().settings(), "architectures": [self.config.architecture]}

    def _fitted(self, weights: Weights, dtype: DTypeLike | None) -> Weights:
        if not self.config.head and not any("pooler.dense" in key for key in weights):
            self.body.pooler = None  # as of models that were trained to embed
        for start in ("cls.predictions.", "lm_head."):  # files have one of these, or both
            names = start + "bias", start + "decoder.bias"
            there = {name: weights.held[name] for name in names if name in weights}
            if there:
                weights = weights | {**dict.fromkeys(names, next(iter(there.values()))), **there}
        return super()._fitted(weights, dtype)

    def _own_name(self, key: str, own: set[str]) -> str | None:
        """As of the base; the oldest files call the weights of norms gamma and beta."""
        key = key.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
        return super()._own_name(key, own)
