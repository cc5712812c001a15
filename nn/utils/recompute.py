"""Layers in a row, of which backward computes anew what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...autograd import checkpoint

__all__ = ["checkpoint_sequential"]


def checkpoint_sequential(
    functions: Iterable[Callable], segments: int, input: Any, use_reentrant: bool | None = None
) -> Any:
    """The layers `functions`, an nn.Sequential or a list, one after the other, in so many `segments`.

    Each segment but the last is an autograd.checkpoint; about sqrt(n) of them for n layers take the least
    memory. PyTorch's, from torch.utils.checkpoint; `use_reentrant` changes nothing. ValueError unless there
    are as many layers as segments at least, and one segment.
    """
    layers = list(functions)
    if not 1 <= segments <= len(layers):
        raise ValueError(
            f"checkpoint_sequential: {len(layers)} layers cannot be cut into {segments} segments"
        )

    def segment(start: int, stop: int | None, x: Any) -> Any:
        for layer in layers[start:stop]:
            x = layer(x)
        return x

    size = len(layers) // segments
    last = size * (segments - 1)
    for start in range(0, last, size):
        input = checkpoint(segment, start, start + size, input)
    return segment(last, None, input)
