"""Layers: parameters plus one call of a fused op."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.trace import as_array
from . import functional as F
from . import init
from .module import Module, Parameter


def tensor_for(module: Module, x, dtype: np.dtype) -> Tensor:
    """`x` as a Tensor, refused with the layer's name if its float dtype is another than the layer's."""
    x = F.as_tensor(x)
    if x.data.dtype is not dtype and x.dtype != dtype:  # `is` is faster, and usually enough
        raise TypeError(
            f"{module.label()}: input is {x.dtype}, its parameters are {dtype}; "
            f"use x.astype(np.{dtype}){' or module.double()' if x.dtype == np.float64 else ''}"
        )
    return x


class Linear(Module):
    """x @ weight.T + bias over the last axis: (..., in_features) to (..., out_features)."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, dtype=np.float32):
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

    def forward(self, x) -> Tensor:
        x = tensor_for(self, x, self.weight.dtype)
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            raise ValueError(
                f"{self.label()}: input has {x.shape[-1] if x.ndim else 'no'} features on its last axis, "
                f"expected {self.in_features} (input {x.shape}, weight {self.weight.shape})"
            )
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        bias = "" if self.bias is not None else ", bias=False"
        return f"in_features={self.in_features}, out_features={self.out_features}{bias}"


class Embedding(Module):
    """A table of `num_embeddings` rows; integer ids of any shape give rows of `embedding_dim`."""

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, *, dtype=np.float32
    ):
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx {padding_idx} is outside the {num_embeddings} rows")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.weight = Parameter(np.empty((num_embeddings, embedding_dim), dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Standard normal; zeros at padding_idx."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def forward(self, ids) -> Tensor:
        ids = as_array(ids)
        if ids.dtype.kind not in "iu":
            raise TypeError(f"{self.label()}: ids must be integers, not {ids.dtype}")
        bad = (ids < 0) | (ids >= self.num_embeddings)
        if bad.any():
            first = tuple(int(i[0]) for i in np.nonzero(np.atleast_1d(bad)))
            raise IndexError(
                f"{self.label()}: id {np.atleast_1d(ids)[first]} at {first} is outside the vocabulary of "
                f"{self.num_embeddings} (0 to {self.num_embeddings - 1})"
            )
        return F.embedding(ids, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class Dropout(Module):
    """While training, zeros with probability p and the rest divided by 1 - p."""

    def __init__(self, p: float = 0.5):
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p must be from 0 to 1, not {p}")
        self.p = p

    def forward(self, x) -> Tensor:
        return F.dropout(x, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class LayerNorm(Module):
    """Zero mean and unit variance over the last axes, then weight and bias."""

    def __init__(
        self,
        normalized_shape,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype=np.float32,
    ):
        self.normalized_shape = shape = F.as_shape(normalized_shape)
        self.eps: Any = eps  # may be None in RMSNorm
        self.weight = Parameter(np.ones(shape, dtype)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(shape, dtype)) if elementwise_affine and bias else None

    def reset_parameters(self) -> None:
        """Ones and zeros."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, x) -> Tensor:
        x = self._checked(x)
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def _checked(self, x) -> Tensor:
        x = F.as_tensor(x) if self.weight is None else tensor_for(self, x, self.weight.dtype)
        shape = self.normalized_shape
        if x.shape[-len(shape) :] != shape:
            raise ValueError(
                f"{self.label()}: input of shape {x.shape} does not end in normalized_shape {shape}"
            )
        return x

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}"


class RMSNorm(LayerNorm):
    """x / sqrt(mean(x^2) + eps) over the last axes, then weight; `eps=None`: the dtype's precision."""

    def __init__(
        self, normalized_shape, eps: float | None = None, elementwise_affine: bool = True, *, dtype=np.float32
    ):
        super().__init__(normalized_shape, 0.0, elementwise_affine, bias=False, dtype=dtype)
        self.eps = eps

    def forward(self, x) -> Tensor:
        return F.rms_norm(self._checked(x), self.normalized_shape, self.weight, self.eps)


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


class CrossEntropyLoss(Module):
    """-log softmax(input)[target]; see functional.cross_entropy."""

    def __init__(self, *, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0):
        self.ignore_index = ignore_index
        self.reduction = reduction
        self.label_smoothing = label_smoothing

    def forward(self, input, target) -> Tensor:
        return F.cross_entropy(
            input,
            target,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class MSELoss(Module):
    """(input - target)^2, averaged, summed or as it is."""

    def __init__(self, *, reduction: str = "mean"):
        self.reduction = reduction

    def forward(self, input, target) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)
