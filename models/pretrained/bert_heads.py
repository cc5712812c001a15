"""What BERT and RoBERTa have on top: a product with the vocabulary, or a classifier."""

from __future__ import annotations

from ... import nn
from ...autograd import Tensor
from ...nn import functional as F
from .activation import activation
from .bert_config import BertConfig


class Dense(nn.Module):
    """A product, and perhaps an activation."""

    def __init__(self, inputs: int, outputs: int, act: str = "linear"):
        self.dense = nn.Linear(inputs, outputs)
        self.act = activation(act)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.dense(x))


class Transform(nn.Module):
    """What a hidden state goes through before it is compared with the vocabulary."""

    def __init__(self, c: BertConfig, norm: str, act: str):
        self.dense = nn.Linear(c.hidden_size, c.hidden_size)
        self.norm, self.act = norm, activation(act)
        self.add_module(norm, nn.LayerNorm(c.hidden_size, c.layer_norm_eps))

    def forward(self, x: Tensor) -> Tensor:
        return getattr(self, self.norm)(self.act(self.dense(x)))


def add_decoder(module: nn.Module, c: BertConfig, words: nn.Embedding) -> None:
    """Give `module` the product with the vocabulary.

    Its bias has two names where weights are tied; else nobody uses what has the second, as in transformers.
    """
    decoder = nn.Linear(c.hidden_size, c.vocab_size)
    if c.tie_word_embeddings:
        module.bias = decoder.bias
        decoder.weight = words.weight
    else:
        module.bias = nn.Parameter.empty(c.vocab_size)
    module.decoder = decoder


class BertWords(nn.Module):
    """BERT's head over the vocabulary."""

    def __init__(self, c: BertConfig, words: nn.Embedding):
        self.predictions = nn.Module()
        self.predictions.transform = Transform(c, "LayerNorm", c.hidden_act)
        add_decoder(self.predictions, c, words)

    def forward(self, x: Tensor) -> Tensor:
        return self.predictions.decoder(self.predictions.transform(x))


class RobertaWords(Transform):
    """RoBERTa's head over the vocabulary."""

    def __init__(self, c: BertConfig, words: nn.Embedding):
        super().__init__(c, "layer_norm", "gelu")
        add_decoder(self, c, words)

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(super().forward(x))


class RobertaText(nn.Module):
    """RoBERTa's classifier of a text by its first token, with a hidden layer of its own."""

    def __init__(self, c: BertConfig, dropout: nn.Dropout):
        self.dense = nn.Linear(c.hidden_size, c.hidden_size)
        self.dropout = dropout
        self.out_proj = nn.Linear(c.hidden_size, len(c.labels))

    def forward(self, first: Tensor) -> Tensor:
        return self.out_proj(self.dropout(F.tanh(self.dense(first))))
