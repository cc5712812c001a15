"""Batch normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor
from ...autograd.arrays import HALF, ArrayLike, DTypeLike
from .. import init
from ..devices import dtype_for
from ..functional._inputs import as_tensor
from ..functional.batchnorm import normalized
from ..module import Module, Parameter
from ..synced import Gather, Mixing, Synced, gathering
from .elsewhere import elsewhere
from .linear import tensor_for

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"]


class _NormBase(Module):
    """What batch and instance normalisation have: weight and bias, and running statistics."""

    NDIMS: tuple[int, ...] = ()  # how many axes an input may have

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ):
        dtype = dtype_for(self, device, dtype)
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.weight = Parameter(np.ones(num_features, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_features, dtype)) if affine and bias else None
        tracked = track_running_stats
        self.register_buffer("running_mean", np.zeros(num_features, dtype) if tracked else None)
        self.register_buffer("running_var", np.ones(num_features, dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", np.zeros((), np.int64) if tracked else None)

    running_mean: Any  # arrays (num_features,), or None
    running_var: Any
    num_batches_tracked: Any

    def reset_running_stats(self) -> None:
        """Mean 0, variance 1, after no batches."""
        if self.track_running_stats:
            for buffer, value in (
                (self.running_mean, 0),
                (self.running_var, 1),
                (self.num_batches_tracked, 0),
            ):
                buffer[...] = value

    def reset_parameters(self) -> None:
        """Ones and zeros, and reset_running_stats()."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in self.NDIMS:
            wanted = " or ".join([f"{n}-D" for n in self.NDIMS])
            raise ValueError(
                f"{self.label()}: input of shape {input.shape} is {input.ndim}-D, expected {wanted}"
            )

    def _checked(self, input: ArrayLike) -> Tensor:
        """The input as a Tensor that fits; float16 may be normalised by float32."""
        x = as_tensor(input)
        own = self.running_mean if self.weight is None else self.weight
        if own is not None and not (x.dtype == HALF and own.dtype == np.float32):
            x = tensor_for(self, x, own.dtype)
        self._check_input_dim(x)
        return x

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_NormBase, Mixing):
    """Batch normalisation of any number of axes."""

    def mixes(self) -> bool:
        return self.training or (self.running_mean is None and self.running_var is None)

    def forward(self, input: ArrayLike) -> Tensor:
        return self._normalized(input, None)

    def _normalized(self, input: ArrayLike, gather: Gather | None) -> Tensor:
        x = self._checked(input)
        tracks = self.track_running_stats or not self.training
        mean, var = (self.running_mean, self.running_var) if tracks else (None, None)
        return normalized(
            "batch_norm",
            x,
            mean,
            var,
            self.weight,
            self.bias,
            self.mixes(),
            self.momentum,
            self.eps,
            self.num_batches_tracked if self.training and self.track_running_stats else None,
            gather,
        )


class BatchNorm1d(_BatchNorm):
    """(input - mean) / sqrt(var + eps) * weight + bias for each channel; input (N, C) or (N, C, L).

    While training mean and var are those over the batch, and running_mean and running_var follow by
    (1 - momentum) * running + momentum * new, with the unbiased variance; momentum=None is the mean over all
    batches. In evaluation they are running_mean and running_var, or still the batch's without
    `track_running_stats`. The result is shaped as input. nn.replay makes these changes too; nn.parallel wants
    a SyncBatchNorm. Ioffe and Szegedy 2015, arXiv:1502.03167. ValueError for another number of axes or
    channels, and for a single value a channel in training; TypeError for another dtype.
    """

    NDIMS = (2, 3)


class BatchNorm2d(_BatchNorm):
    """BatchNorm1d of input (N, C, H, W), over N, H and W; its ValueError and TypeError."""

    NDIMS = (4,)


class BatchNorm3d(_BatchNorm):
    """BatchNorm1d of input (N, C, D, H, W), over N, D, H and W; its ValueError and TypeError."""

    NDIMS = (5,)


class SyncBatchNorm(_BatchNorm, Synced):
    """BatchNorm1d of input (N, C, ...), with statistics over the shares of all replicas of nn.parallel.

    So replicas compute what one process would with the whole batch; elsewhere it is a BatchNorm. Each share
    may be a single value a channel. ValueError and TypeError as of BatchNorm1d, and ValueError for a
    process_group: all replicas take part.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ):
        if process_group is not None:
            raise ValueError("SyncBatchNorm: process_group=None is all replicas, and all there is")
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = None

    def most_gathered(self) -> int:
        return 3 * self.num_features  # counts, means, variances

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2 or not input.shape[1]:
            raise ValueError(f"{self.label()}: input of shape {input.shape} is to be (N, C, ...), C above 0")

    def forward(self, input: ArrayLike) -> Tensor:
        return self._normalized(input, gathering.get() if self.training else None)

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """`module` with a SyncBatchNorm in place of each BatchNorm in it, of the same parameters and buffers.

        The module itself is changed and returned, unless it is a BatchNorm: then what takes its place. Before
        or after an optimizer was made. ValueError for a process_group.
        """
        made: dict[int, Module] = {}  # a layer that stands in two places stays one

        def converted(each: Module) -> Module:
            if id(each) in made:
                return made[id(each)]
            made[id(each)] = new = cls._like(each, process_group) if isinstance(each, _BatchNorm) else each
            for name, child in list(each.named_children()):
                new.add_module(name, converted(child))
            return new

        return converted(module)

    @classmethod
    def _like(cls, norm: _BatchNorm, process_group: Any) -> SyncBatchNorm:
        options = norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats
        new = cls(*options, process_group, bias=norm.bias is not None)
        for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked", "training"):
            setattr(new, name, getattr(norm, name))
        return new


__getattr__ = elsewhere(__name__)
