"""Masks of nn.MultiheadAttention: put together, and what they hide kept from poisoning the rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor
from ._inputs import as_tensor
from .attention import as_mask


def merged(heads: Any, attn_mask, key_padding_mask, inputs: list[Tensor], size: int) -> Tensor | None:
    """PyTorch's two masks as one for scores (N, H, L, S), S = size: true where seen, or float, to add."""
    if attn_mask is None and key_padding_mask is None:
        return None
    (n, length, _), h = inputs[0].shape, heads.num_heads
    given = []
    if attn_mask is not None:
        shapes = [(length, size), (n * h, length, size)]
        mask = _checked(heads, "attn_mask", attn_mask, inputs[0].dtype, shapes)
        given.append(mask if mask.ndim == 2 else mask.reshape(n, h, length, size))
    if key_padding_mask is not None:
        shapes = [(n, size), (size,)] if n == 1 else [(n, size)]
        mask = _checked(heads, "key_padding_mask", key_padding_mask, inputs[0].dtype, shapes)
        given.append(mask.reshape(n, 1, 1, size))
    seen = None
    for mask in given:
        seen = restricted(seen, ~mask.data) if mask.dtype == bool else _sum_of(seen, mask)
    return seen


def _checked(heads, name: str, mask, dtype, shapes: list[tuple[int, ...]]) -> Tensor:
    mask = as_mask(f"{heads.name()}: {name}", mask, dtype)
    if mask.shape not in shapes:
        expected = " or ".join(map(str, shapes))
        raise ValueError(f"{heads.name()}: {name} of shape {mask.shape}, expected {expected}")
    return mask


def restricted(mask: Tensor | None, seen: np.ndarray) -> Tensor:
    """A mask that also hides what the boolean array `seen` does not have."""
    if mask is None or mask.dtype == bool:
        return Tensor(seen if mask is None else mask.data & seen)
    return mask + np.where(seen, 0.0, -np.inf).astype(mask.dtype)


def _sum_of(mask: Tensor | None, added: Tensor) -> Tensor:
    """A mask with a float one added to it."""
    return added if mask is None else restricted(added, mask.data) if mask.dtype == bool else mask + added


def with_hidden(scores: Tensor, mask) -> Tensor:
    """Scores with the float `mask`, where those that it hides may be nan or inf."""
    mask = as_tensor(mask)
    return np.where(mask.data == -np.inf, 0, scores) + mask


def is_finite(x: Tensor) -> bool:
    """Whether there is no nan or inf in x, nor a sum too large: silent, and faster than np.isfinite."""
    return bool(np.isfinite(np.einsum("nle->", x.data)))


def without_padding(inputs: list[Tensor], mask) -> list[Tensor]:
    """Zeros in place of keys and values that nobody sees, where some are nan or inf.

    Their gradients are 0, and 0 times nan would spoil those of the weights that project them.
    """
    q, k, v = inputs
    if is_finite(k) and (v is k or is_finite(v)):
        return inputs
    seen = (mask.data if mask.dtype == bool else mask.data != -np.inf).any(axis=(1, 2))  # (N or 1, S)
    clean: Any = np.where(seen[..., None], k, 0)
    other: Any = clean if v is k else np.where(seen[..., None], v, 0)
    return [q, clean, other]
