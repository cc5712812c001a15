"""Nonlinearities between layers."""

from __future__ import annotations

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from ..module import Module

__all__ = ["GELU", "ReLU", "SiLU", "Sigmoid", "Softmax", "Tanh"]


class GELU(Module):
    """x * Phi(x) for each x of input, elementwise, Phi the normal distribution function.

    `approximate="tanh"` is faster and within 1e-3 of it; see functional.gelu.
    """

    def __init__(self, approximate: str = "none"):
        self.approximate = approximate

    def forward(self, input: ArrayLike) -> Tensor:
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class ReLU(Module):
    """max(input, 0), elementwise, with gradient 0 at 0; with `inplace`, input becomes it."""

    def __init__(self, inplace: bool = False):
        self.inplace = inplace

    def forward(self, input: ArrayLike) -> Tensor:
        return F.relu(input, self.inplace)


class SiLU(Module):
    """input * sigmoid(input), elementwise; with `inplace`, input becomes it."""

    def __init__(self, inplace: bool = False):
        self.inplace = inplace

    def forward(self, input: ArrayLike) -> Tensor:
        return F.silu(input, self.inplace)


class Tanh(Module):
    """The hyperbolic tangent of input, elementwise."""

    def forward(self, input: ArrayLike) -> Tensor:
        return F.tanh(input)


class Sigmoid(Module):
    """1 / (1 + exp(-input)), elementwise."""

    def forward(self, input: ArrayLike) -> Tensor:
        return F.sigmoid(input)


class Softmax(Module):
    """exp(input) / sum(exp(input)) along `dim`, in the shape of input."""

    def __init__(self, dim: int = -1):
        self.dim = dim

    def forward(self, input: ArrayLike) -> Tensor:
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
