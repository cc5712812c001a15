"""Dropout."""

from __future__ import annotations

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from ..module import Module


class Dropout(Module):
    """While training, x elementwise 0 with probability p and else divided by 1 - p; in evaluation, x.

    Srivastava et al. 2014. ValueError unless 0 <= p <= 1.
    """

    def __init__(self, p: float = 0.5):
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p must be from 0 to 1, not {p}")
        self.p = p

    def forward(self, x: ArrayLike) -> Tensor:
        return F.dropout(x, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"
