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
from .elsewhere import elsewhere

__all__ = ["Bilinear", "Linear"]


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
        self.weight = Parameter.empty((out_features, in_features), dtype)
        self.bias = Parameter.empty(out_features, dtype) if bias else None
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


class Bilinear(Module):
    """input1 @ weight[o] @ input2 + bias[o] over the last axes: (..., in1) and (..., in2) to (..., out).

    in1 is in1_features, and so on; weight is (out_features, in1_features, in2_features), bias
    (out_features,). ValueError for in1_features below 1, and where an input does not fit; TypeError where one
    has another dtype.
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        dtype = dtype_for(self, device, dtype)
        if in1_features <= 0:
            raise ValueError(f"Bilinear: in1_features must be above 0, not {in1_features}")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = Parameter.empty((out_features, in1_features, in2_features), dtype)
        self.bias = Parameter.empty(out_features, dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform within 1 / sqrt(in1_features), as PyTorch does."""
        bound = 1 / self.in1_features**0.5
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: ArrayLike, input2: ArrayLike) -> Tensor:
        dtype = self.weight.dtype
        return F.bilinear(
            tensor_for(self, input1, dtype), tensor_for(self, input2, dtype), self.weight, self.bias
        )

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )


__getattr__ = elsewhere(__name__)
