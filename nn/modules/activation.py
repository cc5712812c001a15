"""Nonlinearities between layers."""

from __future__ import annotations

from ...autograd import Tensor
from .. import functional as F
from ..module import Module


class GELU(Module):
    """x * Phi(x), Phi the normal distribution function."""

    def __init__(self, approximate: str = "none"):
        self.approximate = approximate

    def forward(self, x) -> Tensor:
        return F.gelu(x, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class ReLU(Module):
    """max(x, 0)"""

    def forward(self, x) -> Tensor:
        return F.relu(x)


class SiLU(Module):
    """x * sigmoid(x)"""

    def forward(self, x) -> Tensor:
        return F.silu(x)


class Tanh(Module):
    """tanh(x)"""

    def forward(self, x) -> Tensor:
        return F.tanh(x)


class Sigmoid(Module):
    """1 / (1 + exp(-x))"""

    def forward(self, x) -> Tensor:
        return F.sigmoid(x)


class Softmax(Module):
    """exp(x) / sum(exp(x)) along `dim`"""

    def __init__(self, dim: int = -1):
        self.dim = dim

    def forward(self, x) -> Tensor:
        return F.softmax(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
