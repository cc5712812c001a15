"""The Transformer of "Attention is all you need" (arXiv:1706.03762) under PyTorch's names and arguments.

Boolean masks are true where attention is not allowed; float masks are added to the scores. Unlike PyTorch,
`is_causal=True` alone makes attention causal, without a mask beside it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import Tensor, checkpoint
from ...autograd.arrays import ArrayLike, DTypeLike
from .. import functional as F
from .. import init
from ..container import ModuleList
from ..devices import check_device, dtype_for
from ..module import Module
from .attention import MultiheadAttention
from .dropout import Dropout
from .linear import Linear
from .normalization import LayerNorm

__all__ = [
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]

Activation = str | Callable[[Tensor], Tensor]


class _Layer(Module):
    """What encoder and decoder layers share: attention and feed-forward, each added to its input."""

    looks_at_memory = False

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        if isinstance(activation, str) and activation in F.__all__:
            activation = getattr(F, activation)
        if not callable(activation):
            raise ValueError(
                f"{type(self).__name__}: activation is 'relu', 'gelu', the name of another function of "
                f"nn.functional, or a function, not {activation!r}"
            )
        dtype = dtype_for(self, device, dtype)

        def attention():
            return MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype)

        def norm():
            return LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)

        self.self_attn = attention()
        if self.looks_at_memory:
            self.multihead_attn = attention()
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype=dtype)
        self.norm1 = norm()
        self.norm2 = norm()
        if self.looks_at_memory:
            self.norm3 = norm()
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        if self.looks_at_memory:
            self.dropout3 = Dropout(dropout)
        self.norm_first = norm_first
        self.activation = activation

    def _add(self, x, norm: LayerNorm, dropout: Dropout, part: Callable) -> Tensor:
        """x + part(x), normalised before (pre-norm) or after (post-norm, as in the paper)."""
        if self.norm_first:
            return x + dropout(part(norm(x)))
        return norm(x + dropout(part(x)))

    def _feed_forward(self, x) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Self-attention and feed-forward, each with dropout, residual and layer norm.

    src (S, N, E), or (N, S, E) with `batch_first`, gives an output of the same shape. Masks and errors are
    those of MultiheadAttention.
    """

    def forward(
        self,
        src: ArrayLike,
        src_mask: ArrayLike | None = None,
        src_key_padding_mask: ArrayLike | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        def attend(x):
            return self.self_attn(x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal)[0]

        x = self._add(src, self.norm1, self.dropout1, attend)
        return self._add(x, self.norm2, self.dropout2, self._feed_forward)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to the encoder's output, and feed-forward.

    tgt (T, N, E) and memory (S, N, E), or (N, T, E) and (N, S, E) with `batch_first`; the output is shaped
    like tgt. Masks and errors are those of MultiheadAttention.
    """

    looks_at_memory = True

    def forward(
        self,
        tgt: ArrayLike,
        memory: ArrayLike,
        tgt_mask: ArrayLike | None = None,
        memory_mask: ArrayLike | None = None,
        tgt_key_padding_mask: ArrayLike | None = None,
        memory_key_padding_mask: ArrayLike | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        def attend(x):
            return self.self_attn(x, x, x, tgt_key_padding_mask, False, tgt_mask, is_causal=tgt_is_causal)[0]

        def look(x):
            masks = memory_key_padding_mask, False, memory_mask
            return self.multihead_attn(x, memory, memory, *masks, is_causal=memory_is_causal)[0]

        x = self._add(tgt, self.norm1, self.dropout1, attend)
        x = self._add(x, self.norm2, self.dropout2, look)
        return self._add(x, self.norm3, self.dropout3, self._feed_forward)


class TransformerEncoder(Module):
    """`num_layers` copies of an encoder layer, then an optional norm; the output is shaped like src.

    The last two arguments, of PyTorch's fast path, change nothing here. With `encoder.checkpoint = True` what
    a layer computes is not kept but computed anew in backward (autograd.checkpoint), as in the decoder.
    """

    checkpoint = False

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ):
        self.layers = ModuleList(copy.deepcopy(encoder_layer) for _ in range(num_layers))
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(
        self,
        src: ArrayLike,
        mask: ArrayLike | None = None,
        src_key_padding_mask: ArrayLike | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        x: Any = src
        for layer in self.layers:
            given = x, mask, src_key_padding_mask, is_causal
            x = checkpoint(layer, *given) if self.checkpoint else layer(*given)
        return x if self.norm is None else self.norm(x)


class TransformerDecoder(Module):
    """`num_layers` copies of a decoder layer that see memory, then an optional norm; shaped like tgt."""

    checkpoint = False

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None):
        self.layers = ModuleList(copy.deepcopy(decoder_layer) for _ in range(num_layers))
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: ArrayLike,
        memory: ArrayLike,
        tgt_mask: ArrayLike | None = None,
        memory_mask: ArrayLike | None = None,
        tgt_key_padding_mask: ArrayLike | None = None,
        memory_key_padding_mask: ArrayLike | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        x: Any = tgt
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
        for layer in self.layers:
            given = x, memory, *masks, tgt_is_causal, memory_is_causal
            x = checkpoint(layer, *given) if self.checkpoint else layer(*given)
        return x if self.norm is None else self.norm(x)


class Transformer(Module):
    """Encoder and decoder stacks with a final norm each; embeddings and output layer are the caller's.

    src (S, N, E) and tgt (T, N, E), or (N, S, E) and (N, T, E) with `batch_first`; the output is shaped like
    tgt. `custom_encoder` and `custom_decoder` take the places of the stacks.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        dtype = dtype_for(self, device, dtype)

        def stack(kind, layer, count: int):
            sizes = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps)
            one = layer(*sizes, batch_first, norm_first, bias, dtype=dtype)
            return kind(one, count, LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype))

        encoder, decoder = custom_encoder, custom_decoder
        if encoder is None:
            encoder = stack(TransformerEncoder, TransformerEncoderLayer, num_encoder_layers)
        if decoder is None:
            decoder = stack(TransformerDecoder, TransformerDecoderLayer, num_decoder_layers)
        self.encoder, self.decoder = encoder, decoder
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first
        for parameter in self.parameters():  # the copies of a layer start out different
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: ArrayLike,
        tgt: ArrayLike,
        src_mask: ArrayLike | None = None,
        tgt_mask: ArrayLike | None = None,
        memory_mask: ArrayLike | None = None,
        src_key_padding_mask: ArrayLike | None = None,
        tgt_key_padding_mask: ArrayLike | None = None,
        memory_key_padding_mask: ArrayLike | None = None,
        src_is_causal: bool = False,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
        return self.decoder(tgt, memory, *masks, tgt_is_causal, memory_is_causal)

    @staticmethod
    def generate_square_subsequent_mask(
        sz: int, device: Any = None, dtype: DTypeLike | None = None
    ) -> np.ndarray:
        """(sz, sz) float mask: 0 up to the diagonal, -inf above it."""
        check_device("generate_square_subsequent_mask", device)
        return np.where(np.tri(sz, dtype=np.bool_), 0.0, -np.inf).astype(
            np.float32 if dtype is None else dtype
        )
