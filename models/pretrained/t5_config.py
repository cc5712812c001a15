"""The settings of T5 and mT5, under their names in config.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .activation import activation
from .config import FILE, Config

GATED = "gated-"


@dataclass(frozen=True)
class T5Config(Config):
    """The settings of a T5, with those of its smallest published size as defaults."""

    aliases = {
        "hidden_size": "d_model",
        "num_attention_heads": "num_heads",
        "num_hidden_layers": "num_layers",
        "head_dim": "d_kv",
    }
    model_type: str = "t5"
    vocab_size: int = 32128
    d_model: int = 512
    d_kv: int = 64  # of a head
    d_ff: int = 2048
    num_layers: int = 6
    num_decoder_layers: int | None = None  # num_layers unless given
    num_heads: int = 8
    relative_attention_num_buckets: int = 32
    relative_attention_max_distance: int = 128
    dropout_rate: float = 0.1
    layer_norm_epsilon: float = 1e-6
    initializer_factor: float = 1.0
    feed_forward_proj: str = "relu"  # or "gated-" and the activation's name
    pad_token_id: int | None = 0
    eos_token_id: int | list | None = 1
    decoder_start_token_id: int | None = 0
    is_decoder: bool = False
    tie_word_embeddings: bool = True
    scale_decoder_outputs: bool | None = None  # as tie_word_embeddings unless given

    def __post_init__(self) -> None:
        super().__post_init__()
        activation(self.act)
        # transformers writes both beside feed_forward_proj, and follows these if they say something else
        for name, own in (("dense_act_fn", self.act), ("is_gated_act", self.gated)):
            if self.rest.get(name, own) not in (own, None):
                raise ValueError(
                    f"{FILE}: {name} {self.rest[name]!r} beside feed_forward_proj "
                    f"{self.feed_forward_proj!r}, which is {own!r}; change one of them, or leave {name} out"
                )
        buckets, far = self.relative_attention_num_buckets, self.relative_attention_max_distance
        if buckets < 4 or buckets % 2:
            self.refuse("relative_attention_num_buckets", "is to be even and 4 or more")
        if far <= buckets // 2:
            self.refuse(
                "relative_attention_max_distance", f"is to be more than half the buckets, {buckets // 2}"
            )
        if self.is_decoder:
            self.refuse("is_decoder", "is to be false, a T5 has an encoder too")

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> T5Config:
        """The config of what config.json holds; ValueError as of the class."""
        other = {"feed_forward_proj": "gated-gelu"} if settings.get("model_type") == "mt5" else {}
        start = {"decoder_start_token_id": settings.get("pad_token_id", 0)}  # where it is not given
        return super().from_dict({**start, **other, **settings})

    @property
    def gated(self) -> bool:
        """Whether feed-forward layers have a gate (Shazeer 2020, arXiv:2002.05202)."""
        return self.feed_forward_proj.startswith(GATED)

    @property
    def act(self) -> str:
        """The activation's name: the gelu of a gate is the one by tanh."""
        name = self.feed_forward_proj
        return "gelu_new" if name == "gated-gelu" else name.removeprefix(GATED)

    @property
    def scaled(self) -> bool:
        """Whether what enters the head is multiplied by d_model ** -0.5."""
        if self.model_type != "t5":
            return False
        return self.tie_word_embeddings if self.scale_decoder_outputs is None else self.scale_decoder_outputs
