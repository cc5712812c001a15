"""Rectifiers: as they are above 0, and something else below."""

from __future__ import annotations

from typing import Any

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike
from .. import functional as F
from .. import init
from ..devices import dtype_for
from ..module import Module, Parameter
from .linear import tensor_for

__all__ = ["CELU", "ELU", "SELU", "LeakyReLU", "PReLU", "RReLU", "ReLU"]


class CELU(Module):
    """input where it is > 0, else alpha * (exp(input / alpha) - 1), elementwise.

    With `inplace`, input becomes it. forward raises ValueError for an alpha of 0.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False):
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: ArrayLike) -> Tensor:
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}{', inplace=True' if self.inplace else ''}"


class ELU(Module):
    """input where it is > 0, else alpha * (exp(input) - 1), elementwise.

    With `inplace`, input becomes it.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False):
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: ArrayLike) -> Tensor:
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}{', inplace=True' if self.inplace else ''}"


class LeakyReLU(Module):
    """input where it is > 0, else negative_slope * input, elementwise.

    With `inplace`, input becomes it.
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False):
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: ArrayLike) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}{', inplace=True' if self.inplace else ''}"


class PReLU(Module):
    """input where it is > 0, else weight * input, with a `weight` that is learned, at first `init`.

    weight is (num_parameters,): one number, or one for each channel of input (N, C, ...). ValueError where
    input has another number of channels, TypeError where it has another dtype.
    """

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        dtype = dtype_for(self, device, dtype)
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter.empty(num_parameters, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """All of them `init`."""
        init.constant_(self.weight, self.init)

    def forward(self, input: ArrayLike) -> Tensor:
        return F.prelu(tensor_for(self, input, self.weight.dtype), self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """LeakyReLU with slopes drawn between `lower` and `upper` for each element of input, elementwise.

    In evaluation the slope is their mean. With `inplace`, input becomes the result. forward raises ValueError
    where lower is above upper.
    """

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False):
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: ArrayLike) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}{', inplace=True' if self.inplace else ''}"


class ReLU(Module):
    """max(input, 0), elementwise, with gradient 0 at 0; with `inplace`, input becomes it."""

    def __init__(self, inplace: bool = False):
        self.inplace = inplace

    def forward(self, input: ArrayLike) -> Tensor:
        return F.relu(input, self.inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class SELU(Module):
    """1.0507 * elu(input, 1.67326), elementwise; with `inplace`, input becomes it."""

    def __init__(self, inplace: bool = False):
        self.inplace = inplace

    def forward(self, input: ArrayLike) -> Tensor:
        return F.selu(input, self.inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""
