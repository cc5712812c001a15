"""GPT-2 (Radford et al. 2019), under the names and settings of Hugging Face's checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ... import nn
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from ...nn import functional as F
from ..generation import Cache, Writes, mask_of, positions_of
from .activation import activation
from .config import CAUSAL, Config
from .folder import Pretrained, check_context, ids_of, initialize


@dataclass(frozen=True)
class GPT2Config(Config):
    """The settings of a GPT-2, with those of its smallest published size as defaults."""

    only: ClassVar = {**Config.only, **CAUSAL}
    aliases = {
        "hidden_size": "n_embd",
        "max_position_embeddings": "n_positions",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    }
    model_type: str = "gpt2"
    vocab_size: int = 50257
    n_positions: int = 1024  # the longest text
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    n_inner: int | None = None  # 4 * n_embd unless given
    activation_function: str = "gelu_new"
    resid_pdrop: float = 0.1
    embd_pdrop: float = 0.1
    attn_pdrop: float = 0.1
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    scale_attn_weights: bool = True  # scores by 1 / sqrt(width of a head)
    scale_attn_by_inverse_layer_idx: bool = False
    add_cross_attention: bool = False
    tie_word_embeddings: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_divides("n_head", "n_embd")
        activation(self.activation_function)
        if self.add_cross_attention:
            self.refuse("add_cross_attention", "is to be false, there is no encoder here")

    @property
    def eos_token_id(self) -> int | list | None:
        """What ends a text; unless config.json says it, transformers' 50256 if there is that id."""
        return self.rest.get("eos_token_id", 50256 if self.vocab_size > 50256 else None)


class Conv1D(nn.Module):
    """input @ weight + bias over the last axis: a Linear whose weight is (in, out), as GPT-2's was."""

    def __init__(self, in_features: int, out_features: int):
        self.weight = nn.Parameter.empty((in_features, out_features))
        self.bias = nn.Parameter.empty(out_features)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.T, self.bias)


class Attention(nn.Module):
    """Heads side by side, their queries, keys and values from one product."""

    def __init__(self, c: GPT2Config, layer: int):
        self.layer, self.heads, self.dropout = layer, c.n_head, c.attn_pdrop
        self.scale = (c.n_embd // c.n_head) ** -0.5 if c.scale_attn_weights else 1.0
        if c.scale_attn_by_inverse_layer_idx:
            self.scale /= layer + 1
        self.c_attn = Conv1D(c.n_embd, 3 * c.n_embd)
        self.c_proj = Conv1D(c.n_embd, c.n_embd)

    def forward(self, x: Tensor, mask: Any, is_causal: bool, cache: Any) -> Tensor:  # (B, T, C)
        b, t, c = x.shape
        qkv = self.c_attn(x)
        if t == 1:  # the same without moving axes
            qkv = qkv.reshape(b, 3, self.heads, 1, c // self.heads)
            q, k, v = qkv[:, 0], qkv[:, 1], qkv[:, 2]
        else:
            qkv = qkv.reshape(b, t, 3, self.heads, c // self.heads).transpose(2, 0, 3, 1, 4)
            q, k, v = qkv[0], qkv[1], qkv[2]  # (B, H, T, D)
        if cache is not None:
            k, v = cache.extend(self.layer, k, v)
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, mask, dropout, is_causal, scale=self.scale)
        y = y if t == 1 else y.transpose(0, 2, 1, 3)
        return self.c_proj(y.reshape(b, t, c))


class MLP(nn.Module):
    """Feed-forward of one hidden layer."""

    def __init__(self, c: GPT2Config):
        width = c.n_inner or 4 * c.n_embd
        self.c_fc = Conv1D(c.n_embd, width)
        self.c_proj = Conv1D(width, c.n_embd)
        self.act = activation(c.activation_function)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(self.act(self.c_fc(x)))


class Block(nn.Module):
    """Attention to earlier positions, then feed-forward, each on a normalised copy added to the stream."""

    def __init__(self, c: GPT2Config, layer: int):
        self.ln_1 = nn.LayerNorm(c.n_embd, c.layer_norm_epsilon)
        self.attn = Attention(c, layer)
        self.ln_2 = nn.LayerNorm(c.n_embd, c.layer_norm_epsilon)
        self.mlp = MLP(c)
        self.dropout = nn.Dropout(c.resid_pdrop)

    def forward(self, x: Tensor, mask: Any, is_causal: bool, cache: Any) -> Tensor:
        x = x + self.dropout(self.attn(self.ln_1(x), mask, is_causal, cache))
        return x + self.dropout(self.mlp(self.ln_2(x)))


class Body(nn.Module):
    """The parts whose names begin with `transformer`."""

    def __init__(self, c: GPT2Config):
        self.wte = nn.Embedding(c.vocab_size, c.n_embd)
        self.wpe = nn.Embedding(c.n_positions, c.n_embd)
        self.drop = nn.Dropout(c.embd_pdrop)
        self.h = nn.ModuleList(Block(c, layer) for layer in range(c.n_layer))
        self.ln_f = nn.LayerNorm(c.n_embd, c.layer_norm_epsilon)


class GPT2(Pretrained, Writes):
    """GPT-2 with its language-model head: pre-norm decoder-only Transformer with learned positions."""

    config_class = GPT2Config
    architectures = {"gpt2": "GPT2LMHeadModel"}
    base = "transformer"
    ignored = (r"\.attn\.(bias|masked_bias)$", r"^h\.\d+\.attn\.(bias|masked_bias)$")
    config: GPT2Config

    def __init__(self, config: GPT2Config):
        super().__init__(config)
        self.transformer = Body(config)
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        if config.tie_word_embeddings:
            self.lm_head.weight = self.transformer.wte.weight
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal, initializer_range; what is added to the stream smaller by the number of additions."""
        by = (2 * self.config.n_layer) ** -0.5
        initialize(self, self.config.initializer_range, ("c_proj.weight",), by)

    @property
    def context(self) -> int:
        """The longest text it can see."""
        return self.config.n_positions

    def hidden(
        self, ids: ArrayLike, attention_mask: ArrayLike | None = None, cache: Cache | None = None
    ) -> Tensor:
        """The last hidden states (B, T, C), normalised, of `ids` (B, T) that follow what `cache` holds.

        `attention_mask` (B, past + T) is 0 at padding. ValueError for a text longer than `context`, and for
        shapes that do not fit; IndexError for ids outside of the vocabulary.
        """
        ids, past = ids_of(self, ids), 0 if cache is None else cache.length
        length = ids.shape[1]
        mask, is_causal = mask_of(length, past, attention_mask)
        positions = positions_of(length, past, attention_mask)
        check_context(self, positions)
        body = self.transformer
        x = body.drop(body.wte(ids) + body.wpe(positions))
        for block in body.h:
            x = block(x, mask, is_causal, cache)
        return body.ln_f(x)

    def head(self, x: Tensor) -> Tensor:
        """Logits (..., V) of hidden states x (..., C)."""
        return self.lm_head(x)

    def forward(
        self, ids: ArrayLike, attention_mask: ArrayLike | None = None, cache: Cache | None = None
    ) -> Tensor:
        """Logits (B, T, V) of the token after each of `ids` (B, T); arguments and errors as of `hidden`."""
        return self.lm_head(self.hidden(ids, attention_mask, cache))
