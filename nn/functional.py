"""Layers as functions, under PyTorch's names and arguments."""

from __future__ import annotations

import math

import numpy as np

from .. import autograd as ag
from ..autograd import Tensor
from . import random


def as_tensor(x) -> Tensor:
    """`x` itself if it is a Tensor, else a constant Tensor."""
    return x if isinstance(x, Tensor) else Tensor(x)


def linear(input, weight, bias=None) -> Tensor:
    """input @ weight.T + bias over the last axis; weight is (out, in)."""
    return ag.linear(input, weight, bias)


def relu(input) -> Tensor:
    """max(x, 0)"""
    return ag.relu(input)


def silu(input) -> Tensor:
    """x * sigmoid(x)"""
    return ag.silu(input)


def tanh(input) -> Tensor:
    return ag.tanh(input)


def sigmoid(input) -> Tensor:
    """1 / (1 + exp(-x))"""
    return ag.sigmoid(input)


def gelu(input, approximate: str = "none") -> Tensor:
    """x * Phi(x); `approximate="tanh"` is faster and agrees to about 1e-3."""
    return ag.gelu(input, approximate)


def softmax(input, dim: int = -1) -> Tensor:
    return ag.softmax(input, dim)


def log_softmax(input, dim: int = -1) -> Tensor:
    return ag.log_softmax(input, dim)


def dropout(input, p: float = 0.5, training: bool = True) -> Tensor:
    """Zeros with probability p (in steps of 1/65536), the rest divided by 1 - p; all of it in evaluation."""
    input = as_tensor(input)
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p must be from 0 to 1, not {p}")
    if not training or p == 0:
        return input
    if p == 1:
        return input * 0
    return ag.dropout(input, random.keep_mask(input.shape, p), p)


def embedding(input, weight, padding_idx: int | None = None) -> Tensor:
    """weight[input]: rows of the (vocabulary, width) table for integer ids of any shape."""
    return ag.embedding(weight, input, padding_idx)


def layer_norm(input, normalized_shape, weight=None, bias=None, eps: float = 1e-5) -> Tensor:
    """Normalise over the last `len(normalized_shape)` axes."""
    flat = _flatten_last("layer_norm", input, normalized_shape)
    y = ag.layer_norm(flat, _ravel(weight), _ravel(bias), eps)
    return y if flat is input else y.reshape(input.shape)


def rms_norm(input, normalized_shape, weight=None, eps: float | None = None) -> Tensor:
    """Divide by the root mean square over the last `len(normalized_shape)` axes."""
    flat = _flatten_last("rms_norm", input, normalized_shape)
    y = ag.rms_norm(flat, _ravel(weight), eps)
    return y if flat is input else y.reshape(input.shape)


def as_shape(normalized_shape) -> tuple[int, ...]:
    """An integer or several as a tuple."""
    if type(normalized_shape) is tuple:
        return normalized_shape
    return tuple(np.atleast_1d(normalized_shape).tolist())


def _flatten_last(name: str, input, normalized_shape):
    """The input with the normalised axes made one."""
    shape = as_shape(normalized_shape)
    if input.shape[-len(shape) :] != shape:
        raise ValueError(f"{name}: input of shape {input.shape} does not end in normalized_shape {shape}")
    return input if len(shape) == 1 else input.reshape(*input.shape[: -len(shape)], math.prod(shape))


def _ravel(weight):
    return weight if weight is None or weight.ndim == 1 else weight.reshape(-1)


def cross_entropy(
    input, target, *, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0
) -> Tensor:
    """-log softmax(input)[target]; input (N, C), (C,) or (N, C, d1, ...), target integers without the C.

    The mean is over the targets that are not `ignore_index`. With `label_smoothing` e the target distribution
    is 1 - e on the target and e / C everywhere.
    """
    input = as_tensor(input)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must be from 0 to 1, not {label_smoothing}")
    if input.ndim > 2:
        axes = (0, *range(2, input.ndim), 1)
        if np.shape(target) != tuple(input.shape[a] for a in axes[:-1]):
            raise ValueError(
                f"cross_entropy: target of shape {np.shape(target)} for input of shape {input.shape}; "
                "classes are on axis 1, as in PyTorch: if they are on the last, reshape to "
                f"(-1, {input.shape[-1]}) and (-1,)"
            )
        input = ag.transpose(input, axes)
    return ag.cross_entropy(input, target, ignore_index, label_smoothing, reduction)


def mse_loss(input, target, *, reduction: str = "mean") -> Tensor:
    """(input - target)^2, averaged over all elements, summed, or as it is."""
    if np.shape(input) != np.shape(target):
        raise ValueError(f"mse_loss: input of shape {np.shape(input)}, target of shape {np.shape(target)}")
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"mse_loss: reduction is 'mean', 'sum' or 'none', not {reduction!r}")
    squared = ag.square(ag.subtract(input, target))
    return squared if reduction == "none" else getattr(squared, reduction)()


def scaled_dot_product_attention(
    query,
    key,
    value,
    attn_mask=None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
) -> Tensor:
    """softmax(query key^T * scale + mask) value over (..., L, D), (..., S, D) and (..., S, E).

    `attn_mask`: boolean, true where a query may look (in nn.MultiheadAttention: where it may not), or float,
    added to the scores. A query that may see nothing gets zeros. `scale` is 1 / sqrt(D) unless given.
    """
    if attn_mask is not None:
        attn_mask = as_mask("scaled_dot_product_attention: attn_mask", attn_mask, query.dtype)
    keep = None
    if dropout_p != 0:
        batch = np.broadcast_shapes(query.shape[:-2], key.shape[:-2])
        keep = random.keep_mask((*batch, query.shape[-2], key.shape[-2]), dropout_p)
    return ag.scaled_dot_product_attention(query, key, value, attn_mask, keep, dropout_p, is_causal, scale)


def multi_head_attention(
    projections: list, num_heads: int, attn_mask=None, dropout_p: float = 0.0, is_causal: bool = False
) -> Tensor:
    """`scaled_dot_product_attention` of `num_heads` heads side by side: (N, L, E) from projected inputs.

    `projections` are query, key and value (N, length, E), as three Tensors or with neighbours joined along
    the last axis in one or two. `attn_mask` broadcasts to (N, num_heads, L, S).
    """
    query, memory = projections[0], projections[-1]
    if attn_mask is not None:
        attn_mask = as_mask("multi_head_attention: attn_mask", attn_mask, query.dtype)
    keep = None
    if dropout_p != 0:
        keep = random.keep_mask((query.shape[0], num_heads, query.shape[1], memory.shape[1]), dropout_p)
    return ag.multi_head_attention(projections, attn_mask, keep, num_heads, dropout_p, is_causal)


def as_mask(name: str, mask, dtype) -> Tensor:
    """A boolean mask, or one to be added, which gets the float `dtype` of what it is added to."""
    mask = as_tensor(mask)
    if mask.dtype.kind not in "bf":
        raise TypeError(f"{name} must be bool or float, not {mask.dtype}")
    return mask if mask.dtype.kind == "b" else mask.astype(dtype)
