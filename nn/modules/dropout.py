"""Dropout."""

from __future__ import annotations

from ...autograd import Tensor
from .. import functional as F
from ..module import Module


class Dropout(Module):
    """While training, zeros with probability p and the rest divided by 1 - p."""

    def __init__(self, p: float = 0.5):
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p must be from 0 to 1, not {p}")
        self.p = p

    def forward(self, x) -> Tensor:
        return F.dropout(x, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"
