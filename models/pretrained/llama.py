"""Llama and the decoders built like it: Qwen 2 and 3, Mistral, SmolLM 3, under Hugging Face's names.

Touvron et al. 2023, arXiv:2302.13971: RMS norms before each part, rotary positions, a gated feed-forward, and
fewer heads of keys and values than of queries (Ainslie et al. 2023, arXiv:2305.13245).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ... import nn
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from ...nn import functional as F
from ...nn import init
from ..generation import Cache, Writes, mask_of, positions_of
from .activation import activation
from .config import CAUSAL, Config
from .folder import Pretrained, ids_of, initialize
from .rope import Rope, rope_settings, rotate

# Of the settings whose defaults are not Llama's.
DEFAULTS: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {"num_key_value_heads": 8, "intermediate_size": 14336, "max_position_embeddings": 131072,
                "sliding_window": 4096},
    "qwen2": {"vocab_size": 151936, "num_key_value_heads": 32, "intermediate_size": 22016,
              "max_position_embeddings": 32768, "sliding_window": 4096},
    "qwen3": {"vocab_size": 151936, "num_key_value_heads": 32, "intermediate_size": 22016, "head_dim": 128,
              "max_position_embeddings": 32768, "sliding_window": 4096},
    "smollm3": {"vocab_size": 128256, "hidden_size": 2048, "num_hidden_layers": 36, "num_attention_heads": 16,
                "num_key_value_heads": 4, "max_position_embeddings": 32768, "tie_word_embeddings": True,
                "pad_token_id": 128004, "rope_theta": 2e6},
}  # fmt: skip
ENDS = {"llama": 2, "mistral": 2, "smollm3": 128001}  # the ids that end texts, unless config.json says it
SLIDING = "sliding_attention"


@dataclass(frozen=True)
class LlamaConfig(Config):
    """The settings of a Llama, Mistral, Qwen 2 or 3, or SmolLM 3, as `model_type` says.

    Defaults are Llama's; `from_dict` takes those of the model_type. Settings of rotary positions are in
    `rope_parameters`, or as in older files in `rope_theta` and `rope_scaling`.
    """

    only: ClassVar = {**Config.only, **CAUSAL}
    may_be_zero: ClassVar[tuple[str, ...]] = ("max_window_layers",)
    model_type: str = "llama"
    vocab_size: int = 32000
    hidden_size: int = 4096
    intermediate_size: int = 11008
    num_hidden_layers: int = 32
    num_attention_heads: int = 32
    num_key_value_heads: int | None = None  # as many as of queries unless given
    head_dim: int | None = None  # hidden_size / num_attention_heads unless given
    hidden_act: str = "silu"
    max_position_embeddings: int = 2048
    initializer_range: float = 0.02
    rms_norm_eps: float = 1e-6
    tie_word_embeddings: bool = False
    rope_parameters: dict | None = None
    rope_scaling: dict | None = None
    rope_theta: float | None = None
    attention_bias: bool = False
    attention_dropout: float = 0.0
    mlp_bias: bool = False
    use_sliding_window: bool = False
    sliding_window: int | None = None  # positions that one sees, itself among them
    max_window_layers: int = 28  # the first layer with a window
    layer_types: list | None = None
    no_rope_layers: list | None = None  # 0 for a layer without rotary positions
    no_rope_layer_interval: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.head_dim is None:
            self.check_divides("num_attention_heads", "hidden_size")
        if self.num_key_value_heads is not None:
            self.check_divides("num_key_value_heads", "num_attention_heads")
        for name in ("layer_types", "no_rope_layers"):
            given = getattr(self, name)
            if given is not None and len(given) < self.num_hidden_layers:
                self.refuse(name, f"is to have an entry for each of {self.num_hidden_layers} layers")
        if set(self.layer_types or ()) - {SLIDING, "full_attention"}:
            self.refuse("layer_types", f"are to be {SLIDING} or full_attention")
        activation(self.hidden_act)
        self.rope()

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> LlamaConfig:
        return super().from_dict({**DEFAULTS.get(str(settings.get("model_type")), {}), **settings})

    def to_dict(self) -> dict[str, Any]:
        """All settings, those of rotary positions under today's name and under the two of older readers."""
        own: dict[str, Any] = {"head_dim": self.width, "num_key_value_heads": self.groups}
        if self.model_type == "mistral":
            own["sliding_window"] = self.sliding_window
        turns = self.rope().settings
        scaling = None if turns["rope_type"] == "default" else turns
        rope = {"rope_parameters": turns, "rope_theta": turns["rope_theta"], "rope_scaling": scaling}
        return {**super().to_dict(), **own, **rope}

    @property
    def eos_token_id(self) -> int | list | None:
        """What ends a text; unless config.json says it, transformers' id, if there is that."""
        usual = ENDS.get(self.model_type, self.vocab_size)
        return self.rest.get("eos_token_id", usual if usual < self.vocab_size else None)

    @property
    def groups(self) -> int:
        """Heads of keys and of values."""
        return self.num_key_value_heads or self.num_attention_heads

    @property
    def width(self) -> int:
        """Features of a head."""
        return self.head_dim or self.hidden_size // self.num_attention_heads

    def rope(self) -> Rope:
        """The angles of rotary positions."""
        theta = DEFAULTS.get(self.model_type, {}).get("rope_theta", 10000.0)
        return Rope(rope_settings(self.get, theta), self.width, self.max_position_embeddings)

    def turns(self, layer: int) -> bool:
        """Whether a layer has rotary positions."""
        if self.model_type != "smollm3":
            return True
        if self.no_rope_layers is not None:
            return bool(self.no_rope_layers[layer])
        return (layer + 1) % self.no_rope_layer_interval != 0

    def window(self, layer: int) -> int | None:
        """How many positions one sees in a layer, itself among them; None for all."""
        if self.model_type == "mistral":
            return self.sliding_window
        if self.model_type == "llama" or self.sliding_window is None:
            return None
        # By transformers' masks layer_types decide alone in SmolLM 3, and use_sliding_window without them.
        listed, smollm = self.layer_types is not None, self.model_type == "smollm3"
        if not self.use_sliding_window and not (listed and smollm):
            return None
        if self.layer_types is not None:
            slides = self.layer_types[layer] == SLIDING
        else:
            slides = not self.turns(layer) if smollm else layer >= self.max_window_layers
        return self.sliding_window if slides else None


class Attention(nn.Module):
    """Queries of all heads, keys and values of fewer, turned by their positions."""

    def __init__(self, c: LlamaConfig, layer: int):
        self.layer, self.window, self.turns, self.dropout = (
            layer,
            c.window(layer),
            c.turns(layer),
            c.attention_dropout,
        )
        self.heads, self.width = c.num_attention_heads, c.width
        self.groups = c.groups
        bias = c.attention_bias and c.model_type not in ("qwen2", "mistral")
        read = bias or c.model_type == "qwen2"
        self.q_proj = nn.Linear(c.hidden_size, self.heads * c.width, read)
        self.k_proj = nn.Linear(c.hidden_size, self.groups * c.width, read)
        self.v_proj = nn.Linear(c.hidden_size, self.groups * c.width, read)
        self.o_proj = nn.Linear(self.heads * c.width, c.hidden_size, bias)
        normed = c.model_type == "qwen3"
        self.q_norm = nn.RMSNorm(c.width, c.rms_norm_eps) if normed else None
        self.k_norm = nn.RMSNorm(c.width, c.rms_norm_eps) if normed else None

    def forward(self, x: Tensor, step: Step) -> Tensor:  # (B, T, C)
        b, t, _ = x.shape
        q = heads_of(self.q_proj(x), self.heads)
        k = heads_of(self.k_proj(x), self.groups)
        v = heads_of(self.v_proj(x), self.groups)
        if self.q_norm is not None and self.k_norm is not None:
            q, k = self.q_norm(q), self.k_norm(k)
        if self.turns:
            q, k = rotate(q, *step.turn), rotate(k, *step.turn)
        if step.cache is not None:
            k, v = step.cache.extend(self.layer, k, v, self.window)
        mask, is_causal = step.seen[self.window]
        dropout = self.dropout if self.training else 0.0
        y = grouped_attention(q, k, v, mask, dropout, is_causal)
        y = y if t == 1 else y.transpose(0, 2, 1, 3)
        return self.o_proj(y.reshape(b, t, self.heads * self.width))


def heads_of(x: Tensor, heads: int) -> Tensor:
    """(B, T, H D) as (B, H, T, D)."""
    b, t, width = x.shape
    if t == 1:  # the same without moving axes
        return x.reshape(b, heads, 1, width // heads)
    return x.reshape(b, t, heads, width // heads).transpose(0, 2, 1, 3)


def grouped_attention(
    q: Tensor, k: Tensor, v: Tensor, mask: np.ndarray | None, dropout: float, is_causal: bool
) -> Tensor:
    """Attention of q (B, H, T, D) to keys and values (B, G, S, D), each for H / G heads and not copied.

    A mask is (1 or B, 1, T, S).
    """
    (b, h, t, d), g = q.shape, k.shape[1]
    if g == h:
        return F.scaled_dot_product_attention(q, k, v, mask, dropout, is_causal)
    if t == 1:  # a group's queries are rows of one product
        y = F.scaled_dot_product_attention(q.reshape(b, g, h // g, d), k, v, mask, dropout)
        return y.reshape(b, h, 1, d)
    q, k, v = q.reshape(b, g, h // g, t, d), k[:, :, None], v[:, :, None]
    mask = mask if mask is None else mask[:, :, None]
    return F.scaled_dot_product_attention(q, k, v, mask, dropout, is_causal).reshape(b, h, t, d)


class MLP(nn.Module):
    """down(act(gate(x)) * up(x)) (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(self, c: LlamaConfig):
        bias = c.mlp_bias and c.model_type in ("llama", "smollm3")
        self.gate_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias)
        self.up_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias)
        self.down_proj = nn.Linear(c.intermediate_size, c.hidden_size, bias)
        self.act = activation(c.hidden_act)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(self.act(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """Attention to earlier positions, then feed-forward, each on a normalised copy added to the stream."""

    def __init__(self, c: LlamaConfig, layer: int):
        self.self_attn = Attention(c, layer)
        self.mlp = MLP(c)
        self.input_layernorm = nn.RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(c.hidden_size, c.rms_norm_eps)

    def forward(self, x: Tensor, step: Step) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), step)
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    """The parts whose names begin with `model`."""

    def __init__(self, c: LlamaConfig):
        self.embed_tokens = nn.Embedding(c.vocab_size, c.hidden_size, c.get("pad_token_id"))
        self.layers = nn.ModuleList(Layer(c, layer) for layer in range(c.num_hidden_layers))
        self.norm = nn.RMSNorm(c.hidden_size, c.rms_norm_eps)


class Step:
    """What the layers of one call share: which positions are seen, and how these are turned."""

    def __init__(self, model: Llama, length: int, attention_mask: ArrayLike | None, cache: Cache | None):
        past = 0 if cache is None else cache.length
        self.cache = cache
        self.seen = {w: mask_of(length, past, attention_mask, w) for w in model.windows}
        self.turn = model.rope.turn(positions_of(length, past, attention_mask), model.lm_head.weight.dtype)


class Llama(Pretrained, Writes):
    """A decoder of Llama's kind with its language-model head."""

    config_class = LlamaConfig
    architectures = {
        "llama": "LlamaForCausalLM",
        "mistral": "MistralForCausalLM",
        "qwen2": "Qwen2ForCausalLM",
        "qwen3": "Qwen3ForCausalLM",
        "smollm3": "SmolLM3ForCausalLM",
    }
    base = "model"
    ignored = (r"rotary_emb\.inv_freq$",)
    config: LlamaConfig
    context = None  # positions are relative: a text may be of any length

    def __init__(self, config: LlamaConfig):
        super().__init__(config)
        self.model = Body(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        if config.tie_word_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight
        self.rope = config.rope()
        self.windows = {config.window(layer) for layer in range(config.num_hidden_layers)}
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal, initializer_range; zeros for biases and the embedding of padding."""
        initialize(self, self.config.initializer_range)
        table = self.model.embed_tokens
        if table.padding_idx is not None:
            init.zeros_(table.weight.data[table.padding_idx])

    def outgrown(self, new: int, past: int, attention_mask: ArrayLike | None = None) -> bool:
        """Whether the keys of `past` positions are of no use in a text that has `new` more.

        So with frequencies that depend on the length (rope_type dynamic and longrope): a longer text is then
        computed from its start.
        """
        if not past or not self.rope.by_length:
            return False
        positions = positions_of(past + new, 0, attention_mask)
        before, after = (self.rope.frequencies(positions[..., [i]] + 1)[0] for i in (past - 1, -1))
        return not np.array_equal(before, after)

    def hidden(
        self, ids: ArrayLike, attention_mask: ArrayLike | None = None, cache: Cache | None = None
    ) -> Tensor:
        """The last hidden states (B, T, C), normalised, of `ids` (B, T) that follow what `cache` holds.

        `attention_mask` (B, past + T) is 0 at padding. ValueError for shapes that do not fit, and for a
        cache that is `outgrown`; IndexError for ids outside of the vocabulary.
        """
        ids = ids_of(self, ids)
        if cache is not None and self.outgrown(ids.shape[1], cache.length, attention_mask):
            raise ValueError(
                f"{self.label()}: the keys of {cache.length} positions were turned as rope_type "
                f"{self.rope.settings['rope_type']!r} asks for a shorter text; give all ids and a new Cache"
            )
        step = Step(self, ids.shape[1], attention_mask, cache)
        x = self.model.embed_tokens(ids)
        for layer in self.model.layers:
            x = layer(x, step)
        return self.model.norm(x)

    def head(self, x: Tensor) -> Tensor:
        """Logits (..., V) of hidden states x (..., C)."""
        return self.lm_head(x)

    def forward(
        self, ids: ArrayLike, attention_mask: ArrayLike | None = None, cache: Cache | None = None
    ) -> Tensor:
        """Logits (B, T, V) of the token after each of `ids` (B, T); arguments and errors as of `hidden`."""
        return self.lm_head(self.hidden(ids, attention_mask, cache))
