"""The settings of BERT and RoBERTa, under their names in config.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .activation import activation
from .labels import Labelled

HEADS = {
    "Model": "",
    "ForMaskedLM": "masked",
    "ForSequenceClassification": "text",
    "ForTokenClassification": "token",
}
PREFIXES = {"bert": "Bert", "roberta": "Roberta", "xlm-roberta": "XLMRoberta"}


@dataclass(frozen=True)
class BertConfig(Labelled):
    """The settings of a BERT, with those of its smaller published size as defaults."""

    heads = {kind: {start + end: head for end, head in HEADS.items()} for kind, start in PREFIXES.items()}
    model_type: str = "bert"
    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    classifier_dropout: float | None = None  # hidden_dropout_prob unless given
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int | None = 0
    position_embedding_type: str | None = None
    is_decoder: bool = False
    add_cross_attention: bool = False
    tie_word_embeddings: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_divides("num_attention_heads", "hidden_size")
        activation(self.hidden_act)
        if self.position_embedding_type not in (None, "absolute"):
            self.refuse("position_embedding_type", 'is to be "absolute", the only one there is here')
        for name in ("is_decoder", "add_cross_attention"):
            if getattr(self, name):
                self.refuse(name, "is to be false, this is an encoder")
        if self.pad_token_id is not None and self.pad_token_id >= self.vocab_size:
            self.refuse("pad_token_id", f"is to be less than vocab_size, {self.vocab_size}")
        if self.counts_tokens and (self.pad_token_id is None or self.context < 1):
            self.refuse("pad_token_id", "is to leave room among max_position_embeddings: positions follow it")

    @property
    def counts_tokens(self) -> bool:
        """Whether positions are RoBERTa's: those of padding do not count."""
        return self.model_type != "bert"

    @property
    def context(self) -> int:
        """The longest text."""
        first = (self.pad_token_id or 0) + 1 if self.counts_tokens else 0
        return self.max_position_embeddings - first

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> BertConfig:
        """The config of what config.json holds; ValueError as of the class."""
        other = {} if settings.get("model_type") == "bert" else {"pad_token_id": 1, "vocab_size": 50265}
        return super().from_dict({**other, **settings})
