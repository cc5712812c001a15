"""Normalisation over the last axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike
from .. import functional as F
from .. import init
from ..devices import dtype_for
from ..functional._inputs import as_tensor
from ..functional.normalization import as_shape
from ..module import Module, Parameter
from .linear import tensor_for

__all__ = ["LayerNorm", "RMSNorm"]


class LayerNorm(Module):
    """(input - mean) / sqrt(var + eps) * weight + bias over the last axes, which are of `normalized_shape`.

    Ba et al. 2016, arXiv:1607.06450. The result is shaped as input. ValueError where input does not end in
    that shape, TypeError where it has another dtype.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        dtype = dtype_for(self, device, dtype)
        self.normalized_shape = shape = as_shape(normalized_shape)
        self.eps: Any = eps  # may be None in RMSNorm
        self.weight = Parameter(np.ones(shape, dtype)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(shape, dtype)) if elementwise_affine and bias else None

    def reset_parameters(self) -> None:
        """Ones and zeros."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: ArrayLike) -> Tensor:
        x = self._checked(input)
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def _checked(self, x: ArrayLike) -> Tensor:
        x = as_tensor(x) if self.weight is None else tensor_for(self, x, self.weight.dtype)
        shape = self.normalized_shape
        if x.shape[-len(shape) :] != shape:
            raise ValueError(
                f"{self.label()}: input of shape {x.shape} does not end in normalized_shape {shape}"
            )
        return x

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}"


class RMSNorm(LayerNorm):
    """input / sqrt(mean(input^2) + eps) * weight over the last axes, which are of `normalized_shape`.

    Zhang and Sennrich 2019, arXiv:1910.07467. `eps=None`: the dtype's precision. The result is shaped as
    input. ValueError and TypeError as in LayerNorm.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(normalized_shape, 0.0, elementwise_affine, False, device, dtype)
        self.eps = eps

    def forward(self, input: ArrayLike) -> Tensor:
        return F.rms_norm(self._checked(input), self.normalized_shape, self.weight, self.eps)
