"""Rows of numbers as probabilities, and their logarithms."""

from __future__ import annotations

import numpy as np

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from ..module import Module

__all__ = ["LogSoftmax", "Softmax", "Softmax2d", "Softmin"]


class LogSoftmax(Module):
    """input - log(sum(exp(input))) along `dim`, in the shape of input."""

    def __init__(self, dim: int = -1):
        self.dim = dim

    def forward(self, input: ArrayLike) -> Tensor:
        return F.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(Module):
    """exp(input) / sum(exp(input)) along `dim`, in the shape of input."""

    def __init__(self, dim: int = -1):
        self.dim = dim

    def forward(self, input: ArrayLike) -> Tensor:
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax2d(Module):
    """softmax over the channels of input (N, C, H, W) or (C, H, W).

    ValueError for another rank.
    """

    def forward(self, input: ArrayLike) -> Tensor:
        if np.ndim(input) not in (3, 4):
            shape = np.shape(input)
            raise ValueError(f"{self.label()}: input of shape {shape}, expected (N, C, H, W) or (C, H, W)")
        return F.softmax(input, -3)


class Softmin(Module):
    """softmax(-input) along `dim`, in the shape of input."""

    def __init__(self, dim: int = -1):
        self.dim = dim

    def forward(self, input: ArrayLike) -> Tensor:
        return F.softmin(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
