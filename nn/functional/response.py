"""Normalisation by what neighbouring channels respond."""

from __future__ import annotations

from operator import index

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor
from ...autograd.arrays import HALF, ArrayLike
from ._inputs import as_float, where

__all__ = ["local_response_norm"]


def local_response_norm(
    input: ArrayLike, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """input / (k + alpha * mean(squares))^beta, over `size` channels around each; input (N, C, L, ...).

    The mean is over channels c - size // 2 to c + (size - 1) // 2, zeros where there are none. The result is
    shaped as input. Krizhevsky et al. 2012. ValueError for fewer than three axes or size below 1.
    """
    x = as_float(input)
    if x.ndim < 3:
        raise ValueError(f"{where('local_response_norm')}: input of shape {x.shape} is to be (N, C, L, ...)")
    return across_channels("local_response_norm", x, size, size // 2, (size - 1) // 2, alpha, beta, k)


def across_channels(
    name: str,
    x: Tensor,
    size: int,
    before: int,
    after: int,
    alpha: float,
    beta: float,
    k: float,
    first: bool = False,
) -> Tensor:
    """x / (k + alpha / size * sum(squares))^beta over the channels from `before` in front of each to `after`
    behind it, and with `first` over the first one in any case."""
    if index(size) < 1:
        raise ValueError(f"{where(name)}: size is a number of channels, not {size}")
    if x.dtype == HALF:
        return across_channels(name, x.astype(np.float32), size, before, after, alpha, beta, k, first).astype(
            HALF
        )
    squares = x * x
    c = x.shape[1]
    sums = squares
    for step in range(1, min(c, max(before, after) + 1)):  # each channel's squares go to those within reach
        if step <= before:
            sums = sums + ag.pad(squares[:, : c - step], _on_axis_1(x.ndim, step, 0))
        if step <= after:
            sums = sums + ag.pad(squares[:, step:], _on_axis_1(x.ndim, 0, step))
    if first:
        far = np.arange(c).reshape(-1, *(1,) * (x.ndim - 2)) > before
        sums = sums + ag.where(far, squares[:, :1], 0)
    return x * (sums * (alpha / size) + k) ** -beta


def _on_axis_1(ndim: int, before: int, after: int) -> list[tuple[int, int]]:
    return [(before, after) if axis == 1 else (0, 0) for axis in range(ndim)]
