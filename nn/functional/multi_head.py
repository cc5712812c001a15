"""Multi-head attention with its projections and masks (arXiv:1706.03762, 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from . import _masks as masks
from ._inputs import as_tensor, where
from .attention import multi_head_attention
from .dropout import dropout
from .linear import linear
from .softmaxes import softmax

__all__ = ["multi_head_attention_forward"]


class Heads(NamedTuple):
    """What a multi-head attention is made of, but for its inputs and its last projection."""

    name: Callable[[], str]  # for errors
    embed_dim: int
    num_heads: int
    weights: Sequence[Tensor]  # of query, key and value; or one, of the three joined
    bias: Tensor | None  # of the three joined
    bias_k: Tensor | None = None  # a key and a value (1, 1, E) that everybody sees
    bias_v: Tensor | None = None
    add_zero_attn: bool = False


def multi_head_attention_forward(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: ArrayLike | None,
    in_proj_bias: ArrayLike | None,
    bias_k: ArrayLike | None,
    bias_v: ArrayLike | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: ArrayLike,
    out_proj_bias: ArrayLike | None,
    training: bool = True,
    key_padding_mask: ArrayLike | None = None,
    need_weights: bool = True,
    attn_mask: ArrayLike | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: ArrayLike | None = None,
    k_proj_weight: ArrayLike | None = None,
    v_proj_weight: ArrayLike | None = None,
    static_k: ArrayLike | None = None,
    static_v: ArrayLike | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """What nn.MultiheadAttention computes, of its inputs and parameters.

    query is (L, N, E), key and value (S, N, E), or all are without N. in_proj_weight (3 E, E) and
    in_proj_bias (3 E,) are those of query, key and value joined; with `use_separate_proj_weight` the former
    is None, and q_proj_weight (E, E), k_proj_weight (E, kdim) and v_proj_weight (E, vdim) stand in its place.
    bias_k and bias_v (1, 1, E), together or not at all, are a key and a value behind the others.
    out_proj_weight is (E, E), out_proj_bias (E,). static_k and static_v (N * num_heads, S, E / num_heads)
    take the place of projected keys and values. Masks, results and differences from PyTorch are those of
    nn.MultiheadAttention. ValueError where shapes do not fit, or what is needed is None; TypeError for other
    float dtypes than the weights', or for masks of integers.
    """

    def name():
        return where("multi_head_attention_forward")

    if num_heads < 1 or embed_dim_to_check % num_heads:
        raise ValueError(
            f"{name()}: embed_dim_to_check {embed_dim_to_check} is no multiple of num_heads {num_heads}"
        )
    given = [q_proj_weight, k_proj_weight, v_proj_weight] if use_separate_proj_weight else [in_proj_weight]
    weights = _checked(name, given, embed_dim_to_check)
    if (bias_k is None) != (bias_v is None):
        raise ValueError(f"{name()}: bias_k and bias_v are given together or not at all")
    bias, k, v = (None if b is None else as_tensor(b) for b in (in_proj_bias, bias_k, bias_v))
    out, more = as_tensor(out_proj_weight), None if out_proj_bias is None else as_tensor(out_proj_bias)
    width, last = embed_dim_to_check, out.shape[0] if out.ndim else 0
    biases = {"in_proj_bias": (bias, 3 * width), "bias_k": (k, width), "bias_v": (v, width)}
    _check_last(name, width, out, **biases, out_proj_bias=(more, last))
    heads = Heads(name, embed_dim_to_check, num_heads, weights, bias, k, v, add_zero_attn)
    widths = [w.shape[-1] for w in weights] if len(weights) == 3 else [embed_dim_to_check] * 3
    inputs = batch_first_inputs(heads, [query, key, value], widths, weights[0].dtype, False)
    p = dropout_p if training else 0.0
    options = key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal, p
    y, seen = attended(heads, inputs, *options, static_k, static_v)
    unbatched = np.ndim(query) == 2
    y = linear(y[0] if unbatched else y.swapaxes(0, 1), out, more)
    return y, seen[0] if seen is not None and unbatched else seen


def _checked(name: Callable[[], str], given: list[Any], width: int) -> list[Tensor]:
    """The weights as Tensors, one that is joined or three."""
    separate = len(given) == 3
    names = ("q_proj_weight", "k_proj_weight", "v_proj_weight") if separate else ("in_proj_weight",)
    if any(w is None for w in given):
        wanted = f"use_separate_proj_weight={separate} needs {', '.join(names)}"
        raise ValueError(f"{name()}: {wanted}, of which there are None")
    weights = [as_tensor(w) for w in given]
    for one, weight in zip(names, weights, strict=True):
        rows = width if separate else 3 * width
        columns = ".." if one[0] in "kv" else width
        if weight.ndim != 2 or weight.shape[0] != rows or columns not in ("..", weight.shape[1]):
            raise ValueError(f"{name()}: {one} of shape {weight.shape}, expected ({rows}, {columns})")
    return weights


def _check_last(name: Callable[[], str], width: int, out: Tensor, **biases: tuple[Any, int]) -> None:
    """Raise ValueError for biases and a last weight that do not fit, before anything is drawn."""
    if out.ndim != 2 or out.shape[1] != width:
        raise ValueError(f"{name()}: out_proj_weight of shape {out.shape}, expected ({width}, {width})")
    for argument, (bias, size) in biases.items():
        if bias is not None and (bias.size != size or bias.shape[-1:] != (size,)):
            raise ValueError(f"{name()}: {argument} of shape {bias.shape}, expected ({size},)")


def batch_first_inputs(
    heads: Heads, given: list[Any], widths: list[int], dtype: np.dtype, batch_first: bool
) -> list[Tensor]:
    """Query, key and value, batch first and checked: the same object where they are given as one."""
    if given[0] is given[1] is given[2] and widths[0] == widths[1] == widths[2]:  # most often
        return [_input(heads, "query", given[0], widths[0], dtype, batch_first)] * 3
    made: list[Tensor] = []
    for i, (name, x, width) in enumerate(zip(("query", "key", "value"), given, widths, strict=True)):
        same = [made[j] for j in range(i) if given[j] is x and widths[j] == width]
        made.append(same[0] if same else _input(heads, name, x, width, dtype, batch_first))
    q, k, v = made
    if len({np.ndim(x) for x in given}) > 1:
        shapes = f"query {np.shape(given[0])}, key {np.shape(given[1])} and value {np.shape(given[2])}"
        raise ValueError(f"{heads.name()}: {shapes}, expected all with a batch or all without")
    if k.shape[:2] != v.shape[:2] or q.shape[0] != k.shape[0]:
        shapes = f"query {np.shape(given[0])}, key {np.shape(given[1])} and value {np.shape(given[2])}"
        raise ValueError(f"{heads.name()}: {shapes} differ in batch or length (batch_first={batch_first})")
    return made


def _input(heads: Heads, name: str, x: Any, width: int, dtype: np.dtype, batch_first: bool) -> Tensor:
    x = x if isinstance(x, Tensor) else Tensor(x)
    if x.data.dtype is not dtype and x.dtype != dtype:  # `is` is faster, and usually enough
        raise TypeError(
            f"{heads.name()}: input is {x.dtype}, its parameters are {dtype}; "
            f"use x.astype(np.{dtype}){' or module.double()' if x.dtype == np.float64 else ''}"
        )
    if x.ndim not in (2, 3) or x.shape[-1] != width:
        expected = f"(.., .., {width}) or (.., {width})"
        raise ValueError(f"{heads.name()}: {name} of shape {x.shape}, expected {expected}")
    return ag.expand_dims(x, 0) if x.ndim == 2 else x if batch_first else x.swapaxes(0, 1)


def attended(
    heads: Heads,
    inputs: list[Tensor],
    key_padding_mask: Any,
    need_weights: bool,
    attn_mask: Any,
    average_attn_weights: bool,
    is_causal: bool,
    p: float,
    static_k: Any = None,
    static_v: Any = None,
) -> tuple[Tensor, Tensor | None]:
    """(N, L, E) before the last projection, and the weights (N, L, S) or (N, H, L, S) if they are needed."""
    size = inputs[1].shape[1] if static_k is None else np.shape(static_k)[1]
    mask = masks.merged(heads, attn_mask, key_padding_mask, inputs, size)
    if key_padding_mask is not None and static_k is None and static_v is None:
        inputs = masks.without_padding(inputs, mask)
    parts = _project(heads, inputs)
    if static_k is not None or static_v is not None:
        parts = _with_static(heads, parts, static_k, static_v)
    if heads.bias_k is not None or heads.add_zero_attn:
        parts, mask = _with_more_keys(heads, parts, mask, is_causal)
        is_causal = False
    if not need_weights:
        return multi_head_attention(parts, heads.num_heads, mask, p, is_causal), None
    y, weights = _weighted(heads, parts, mask, p, is_causal)
    return y, weights.mean(axis=1) if average_attn_weights else weights


def _project(heads: Heads, inputs: list[Tensor]) -> list[Tensor]:
    """The inputs through their thirds of in_proj, those of one input joined: (N, length, E or more)."""
    q, k, v = inputs
    weights, width = heads.weights, heads.embed_dim
    if len(weights) == 3:
        cuts = [width, 2 * width]
    elif q is k and k is v:
        return [linear(q, weights[0], heads.bias)]
    else:
        cuts = [width] if k is v else [width, 2 * width]
        weights = ag.split(weights[0], cuts)
    biases = [None] * 3 if heads.bias is None else ag.split(heads.bias, cuts)
    return [linear(x, w, b) for x, w, b in zip(inputs, weights, biases, strict=False)]


def _thirds(heads: Heads, parts: list[Tensor]) -> list[Tensor]:
    """Query, key and value (N, length, E) each, of parts that may be joined."""
    return [t for x in parts for t in ag.split(x, x.shape[-1] // heads.embed_dim, -1)]


def _with_static(heads: Heads, parts: list[Tensor], static_k: Any, static_v: Any) -> list[Tensor]:
    """Keys and values that are given by heads (N * H, S, E / H) in place of projected ones."""
    q, k, v = _thirds(heads, parts)
    if heads.bias_k is not None:
        raise ValueError(f"{heads.name()}: bias_k and bias_v cannot be added to static_k or static_v")
    n, h, width = q.shape[0], heads.num_heads, heads.embed_dim // heads.num_heads
    made = [q]
    for name, x, projected in (("static_k", static_k, k), ("static_v", static_v, v)):
        x = None if x is None else as_tensor(x)
        if x is not None and (x.ndim != 3 or x.shape[0] != n * h or x.shape[2] != width):
            raise ValueError(f"{heads.name()}: {name} of shape {x.shape}, expected ({n * h}, .., {width})")
        made.append(
            projected
            if x is None
            else x.reshape(n, h, x.shape[1], width).swapaxes(1, 2).reshape(n, x.shape[1], h * width)
        )
    if made[1].shape != made[2].shape:
        raise ValueError(f"{heads.name()}: keys {made[1].shape} and values {made[2].shape} differ in length")
    return made


def _with_more_keys(heads: Heads, parts: list[Tensor], mask, is_causal: bool) -> tuple[list[Tensor], Any]:
    """Keys and values with those of add_bias_kv and add_zero_attn behind them, which every query sees."""
    q, k, v = _thirds(heads, parts)
    (n, length, width), size = q.shape, k.shape[1]
    if is_causal:
        mask = masks.restricted(mask, np.tri(length, size, dtype=np.bool_))
    more: list[tuple[Any, Any]] = [] if heads.bias_k is None else [(heads.bias_k, heads.bias_v)]
    if heads.add_zero_attn:
        more.append((np.zeros((1, 1, width), q.dtype), np.zeros((1, 1, width), q.dtype)))
    for a, b in more:
        k = ag.concatenate([k, np.broadcast_to(a, (n, 1, width))], axis=1)
        v = ag.concatenate([v, np.broadcast_to(b, (n, 1, width))], axis=1)
    if mask is not None:
        seen = np.ones((*mask.shape[:-1], len(more)), np.bool_)
        mask = ag.concatenate([mask, seen if mask.dtype == bool else np.zeros(seen.shape, mask.dtype)], -1)
    return [q, k, v], mask


def _weighted(heads: Heads, parts: list[Tensor], mask, p: float, is_causal: bool) -> tuple[Tensor, Tensor]:
    """The same in single ops: (N, L, E), and the weights (N, H, L, S)."""
    thirds = _thirds(heads, parts)
    width = heads.embed_dim // heads.num_heads  # -1 cannot be told of nothing
    q, k, v = (x.reshape(*x.shape[:2], heads.num_heads, width).swapaxes(1, 2) for x in thirds)
    hides = mask is not None or is_causal
    clean = not hides or all(map(masks.is_finite, thirds))
    whole = None if clean else multi_head_attention(parts, heads.num_heads, mask, p, is_causal)
    with np.errstate(invalid=None if clean else "ignore"):
        scores = (q / q.shape[-1] ** 0.5) @ k.mT
    if is_causal:
        mask = masks.restricted(mask, np.tri(*scores.shape[-2:], dtype=np.bool_))
    if mask is not None:
        if mask.dtype == bool:
            mask = np.where(mask.data, 0.0, -np.inf).astype(q.dtype)
        scores = scores + mask if clean else masks.with_hidden(scores, mask)
    blind = np.isneginf(scores.data).all(axis=-1, keepdims=True)  # queries that may see nothing
    weights = softmax(np.where(blind, 0, scores)) * ~blind if blind.any() else softmax(scores)
    if whole is not None:
        return whole, weights
    y = (dropout(weights, p) @ v).swapaxes(1, 2)
    return y.reshape(*y.shape[:2], heads.embed_dim), weights
