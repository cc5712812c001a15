"""Normalisation over the last axes, over groups of channels, and by neighbouring channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike
from .. import functional as F
from .. import init
from ..devices import dtype_for
from ..functional._inputs import as_float, as_tensor
from ..functional.normalization import as_shape
from ..functional.response import across_channels
from ..module import Module, Parameter
from .linear import tensor_for

__all__ = ["CrossMapLRN2d", "GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]


class _NormOfLastAxes(Module):
    """What LayerNorm and RMSNorm have in common: a weight, perhaps a bias, of `normalized_shape`."""

    def __init__(self, shape: int | Sequence[int], eps: float | None, weight: bool, bias: bool, dtype: Any):
        self.normalized_shape = as_shape(shape)
        self.eps = eps
        self.elementwise_affine = weight
        self.weight = Parameter(np.ones(self.normalized_shape, dtype)) if weight else None
        self.bias = Parameter(np.zeros(self.normalized_shape, dtype)) if weight and bias else None

    def reset_parameters(self) -> None:
        """Ones and zeros."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _checked(self, x: ArrayLike) -> Tensor:
        x = as_tensor(x) if self.weight is None else tensor_for(self, x, self.weight.dtype)
        shape = self.normalized_shape
        if x.shape[-len(shape) :] != shape:
            raise ValueError(
                f"{self.label()}: input of shape {x.shape} does not end in normalized_shape {shape}"
            )
        return x

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class LayerNorm(_NormOfLastAxes):
    """(input - mean) / sqrt(var + eps) * weight + bias over the last axes, which are of `normalized_shape`.

    Ba et al. 2016, arXiv:1607.06450. The result is shaped as input. ValueError where input does not end in
    that shape, TypeError where it has another dtype.
    """

    eps: float

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(normalized_shape, eps, elementwise_affine, bias, dtype_for(self, device, dtype))

    def forward(self, input: ArrayLike) -> Tensor:
        x = self._checked(input)
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, bias={self.bias is not None}"


class RMSNorm(_NormOfLastAxes):
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
        super().__init__(normalized_shape, eps, elementwise_affine, False, dtype_for(self, device, dtype))

    def forward(self, input: ArrayLike) -> Tensor:
        return F.rms_norm(self._checked(input), self.normalized_shape, self.weight, self.eps)


class GroupNorm(Module):
    """(input - mean) / sqrt(var + eps) * weight + bias for each item's groups of channels.

    input (N, num_channels, ...), of which each num_channels / num_groups channels that follow each other are
    a group; the result is shaped as input. Wu and He 2018, arXiv:1803.08494. ValueError for channels that
    cannot be put in groups of the same size, and as of F.group_norm; TypeError where input has another dtype.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ):
        dtype = dtype_for(self, device, dtype)
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: num_channels={num_channels} cannot be put in num_groups={num_groups} of the "
                "same size"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self.weight = Parameter(np.ones(num_channels, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_channels, dtype)) if affine and bias else None

    def reset_parameters(self) -> None:
        """Ones and zeros."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: ArrayLike) -> Tensor:
        x = as_tensor(input) if self.weight is None else tensor_for(self, input, self.weight.dtype)
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class _ResponseNorm(Module):
    """The numbers of both normalisations across channels."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class LocalResponseNorm(_ResponseNorm):
    """input / (k + alpha * mean(squares))^beta, over `size` channels around each; input (N, C, L, ...).

    The result is shaped as input. Krizhevsky et al. 2012. ValueError as of F.local_response_norm.
    """

    def forward(self, input: ArrayLike) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)


class CrossMapLRN2d(_ResponseNorm):
    """LocalResponseNorm of input (N, C, H, W) as Lua's Torch had it, with PyTorch's numbers.

    Counted are (size - 1) // 2 channels on both sides, so for an even size one less than `size`, by which the
    sum is divided all the same; and the first channel for every other one, as PyTorch forgets to take it out
    again. The gradient is that of this result, PyTorch's is not. ValueError for another number of axes.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1):
        super().__init__(size, alpha, beta, k)

    def forward(self, input: ArrayLike) -> Tensor:
        x = as_float(input)
        if x.ndim != 4:
            raise ValueError(f"{self.label()}: input of shape {x.shape} is to be (N, C, H, W)")
        side = (self.size - 1) // 2
        return across_channels(
            "CrossMapLRN2d", x, self.size, side, side, self.alpha, self.beta, self.k, first=True
        )
