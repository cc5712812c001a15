"""Nonlinearities between layers."""

from __future__ import annotations

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from ..module import Module


class GELU(Module):
    """x * Phi(x), elementwise, Phi the normal distribution function.

    `approximate="tanh"` is faster and within 1e-3 of it; see functional.gelu.
    """

    def __init__(self, approximate: str = "none"):
        self.approximate = approximate

    def forward(self, x: ArrayLike) -> Tensor:
        return F.gelu(x, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class ReLU(Module):
    """max(x, 0), elementwise, with gradient 0 at 0."""

    def forward(self, x: ArrayLike) -> Tensor:
        return F.relu(x)


class SiLU(Module):
    """x * sigmoid(x), elementwise."""

    def forward(self, x: ArrayLike) -> Tensor:
        return F.silu(x)


class Tanh(Module):
    """The hyperbolic tangent of x, elementwise."""

    def forward(self, x: ArrayLike) -> Tensor:
        return F.tanh(x)


class Sigmoid(Module):
    """1 / (1 + exp(-x)), elementwise."""

    def forward(self, x: ArrayLike) -> Tensor:
        return F.sigmoid(x)


class Softmax(Module):
    """exp(x) / sum(exp(x)) along `dim`, in the shape of x."""

    def __init__(self, dim: int = -1):
        self.dim = dim

    def forward(self, x: ArrayLike) -> Tensor:
        return F.softmax(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
