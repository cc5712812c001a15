"""Dropout."""

from __future__ import annotations

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from ..module import Module

__all__ = ["Dropout"]


class Dropout(Module):
    """While training, input elementwise 0 with probability p, else divided by 1 - p; in evaluation, input.

    With `inplace`, input becomes the result while training. Srivastava et al. 2014. ValueError unless
    0 <= p <= 1.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False):
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p must be from 0 to 1, not {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: ArrayLike) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}"
