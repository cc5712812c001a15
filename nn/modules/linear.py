"""Products with weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike
from .. import functional as F
from .. import init
from ..devices import dtype_for
from ..module import Module, Parameter

__all__ = ["Linear"]


def tensor_for(module: Module, x: ArrayLike, dtype: np.dtype) -> Tensor:
    """`x` as a Tensor, refused with the layer's name if its float dtype is another than the layer's."""
    x = x if isinstance(x, Tensor) else Tensor(x)
    if x.data.dtype is not dtype and x.dtype != dtype:  # `is` is faster, and usually enough
        raise TypeError(
            f"{module.label()}: input is {x.dtype}, its parameters are {dtype}; "
            f"use x.astype(np.{dtype}){' or module.double()' if x.dtype == np.float64 else ''}"
        )
    return x


class Linear(Module):
    """input @ weight.T + bias over the last axis: input (..., in_features) to (..., out_features).

    weight is (out_features, in_features), bias (out_features,). ValueError where the last axis of input does
    not fit, TypeError where it has another dtype.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        dtype = dtype_for(self, device, dtype)
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(np.empty((out_features, in_features), dtype))
        self.bias = Parameter(np.empty(out_features, dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform within 1 / sqrt(in_features), as PyTorch does."""
        bound = 1 / self.in_features**0.5 if self.in_features else 0
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: ArrayLike) -> Tensor:
        x = tensor_for(self, input, self.weight.dtype)
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            raise ValueError(
                f"{self.label()}: input has {x.shape[-1] if x.ndim else 'no'} features on its last axis, "
                f"expected {self.in_features} (input {x.shape}, weight {self.weight.shape})"
            )
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        bias = "" if self.bias is not None else ", bias=False"
        return f"in_features={self.in_features}, out_features={self.out_features}{bias}"
