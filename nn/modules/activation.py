"""Nonlinearities that are smooth."""

from __future__ import annotations

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from ..module import Module
from .elsewhere import elsewhere

__all__ = [
    "GELU",
    "GLU",
    "LogSigmoid",
    "Mish",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Softsign",
    "Tanh",
    "Tanhshrink",
]


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


class GLU(Module):
    """a * sigmoid(b) of the halves a and b of input along `dim`: (..., 2 C, ...) to (..., C, ...).

    ValueError where they are no halves, IndexError for an axis that input does not have.
    """

    def __init__(self, dim: int = -1):
        self.dim = dim

    def forward(self, input: ArrayLike) -> Tensor:
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSigmoid(Module):
    """log(1 / (1 + exp(-input))), elementwise."""

    def forward(self, input: ArrayLike) -> Tensor:
        return F.logsigmoid(input)


class Mish(Module):
    """input * tanh(softplus(input)), elementwise; with `inplace`, input becomes it."""

    def __init__(self, inplace: bool = False):
        self.inplace = inplace

    def forward(self, input: ArrayLike) -> Tensor:
        return F.mish(input, self.inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class SiLU(Module):
    """input * sigmoid(input), elementwise; with `inplace`, input becomes it."""

    def __init__(self, inplace: bool = False):
        self.inplace = inplace

    def forward(self, input: ArrayLike) -> Tensor:
        return F.silu(input, self.inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class Sigmoid(Module):
    """1 / (1 + exp(-input)), elementwise."""

    def forward(self, input: ArrayLike) -> Tensor:
        return F.sigmoid(input)


class Softplus(Module):
    """log(1 + exp(beta * input)) / beta, elementwise, and input where beta * input > threshold."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0):
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: ArrayLike) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Softsign(Module):
    """input / (1 + |input|), elementwise."""

    def forward(self, input: ArrayLike) -> Tensor:
        return F.softsign(input)


class Tanh(Module):
    """The hyperbolic tangent of input, elementwise."""

    def forward(self, input: ArrayLike) -> Tensor:
        return F.tanh(input)


class Tanhshrink(Module):
    """input - tanh(input), elementwise."""

    def forward(self, input: ArrayLike) -> Tensor:
        return F.tanhshrink(input)


__getattr__ = elsewhere(__name__)
