"""Nonlinearities of straight pieces."""

from __future__ import annotations

import warnings

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from ..module import Module

__all__ = ["Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "ReLU6", "Softshrink", "Threshold"]


class Hardshrink(Module):
    """input where |input| > lambd, else 0, elementwise."""

    def __init__(self, lambd: float = 0.5):
        self.lambd = lambd

    def forward(self, input: ArrayLike) -> Tensor:
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Hardsigmoid(Module):
    """min(max(input + 3, 0), 6) / 6, elementwise; with `inplace`, input becomes it."""

    def __init__(self, inplace: bool = False):
        self.inplace = inplace

    def forward(self, input: ArrayLike) -> Tensor:
        return F.hardsigmoid(input, self.inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class Hardswish(Module):
    """input * hardsigmoid(input), elementwise; with `inplace`, input becomes it."""

    def __init__(self, inplace: bool = False):
        self.inplace = inplace

    def forward(self, input: ArrayLike) -> Tensor:
        return F.hardswish(input, self.inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class Hardtanh(Module):
    """input between min_val and max_val, elementwise; with `inplace`, input becomes it.

    min_value and max_value are older names of the first two, with a FutureWarning. ValueError unless min_val
    is below max_val.
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ):
        for old, value in (("min_value", min_value), ("max_value", max_value)):
            if value is not None:
                message = f"Hardtanh: {old}= is old; {old[:-2]}= says the same"
                warnings.warn(message, FutureWarning, stacklevel=2)
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if not self.min_val < self.max_val:
            raise ValueError(f"Hardtanh: min_val ({self.min_val}) must be below max_val ({self.max_val})")

    def forward(self, input: ArrayLike) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        inplace = ", inplace=True" if self.inplace else ""
        return f"min_val={self.min_val}, max_val={self.max_val}{inplace}"


class ReLU6(Hardtanh):
    """min(max(input, 0), 6), elementwise; with `inplace`, input becomes it."""

    def __init__(self, inplace: bool = False):
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class Softshrink(Module):
    """input moved towards 0 by `lambd`, at most to 0, elementwise.

    forward raises ValueError for a negative lambd.
    """

    def __init__(self, lambd: float = 0.5):
        self.lambd = lambd

    def forward(self, input: ArrayLike) -> Tensor:
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Threshold(Module):
    """input where it is above `threshold`, else `value`, elementwise; with `inplace`, input becomes it."""

    def __init__(self, threshold: float, value: float, inplace: bool = False):
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: ArrayLike) -> Tensor:
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}{', inplace=True' if self.inplace else ''}"
