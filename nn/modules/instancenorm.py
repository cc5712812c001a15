"""Normalisation of each channel of each item."""

from __future__ import annotations

import warnings
from typing import Any

from ... import autograd as ag
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike
from .. import functional as F
from ..synced import Following
from .batchnorm import _NormBase
from .elsewhere import elsewhere

__all__ = ["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"]


class _InstanceNorm(_NormBase, Following):
    """Instance normalisation of any number of axes."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def follows(self) -> bool:
        return self.training and self.track_running_stats

    def forward(self, input: ArrayLike) -> Tensor:
        x = self._checked(input)
        single = x.ndim == self.NDIMS[0]  # one item, without the batch's axis
        axis = 0 if single else 1
        if x.shape[axis] != self.num_features:
            message = (
                f"{self.label()}: input of shape {x.shape} has {x.shape[axis]} channels on axis {axis}, "
                f"expected num_features={self.num_features}"
            )
            if self.affine or self.track_running_stats:
                raise ValueError(message)
            warnings.warn(f"{message}; without affine=True nothing depends on it", stacklevel=3)
        y = F.instance_norm(
            ag.expand_dims(x, 0) if single else x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        return y[0] if single else y


class InstanceNorm1d(_InstanceNorm):
    """(input - mean) / sqrt(var + eps) for each item and channel; input (N, C, L) or (C, L).

    With `affine`, times weight, plus bias. With `track_running_stats` running_mean and running_var follow the
    means over the batch while training, and are what is used in evaluation. The result is shaped as input.
    Ulyanov et al. 2016, arXiv:1607.08022. ValueError for another number of axes or channels (a UserWarning
    where nothing depends on their number), and for a single value to normalise; TypeError for another dtype.
    """

    NDIMS = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """InstanceNorm1d of input (N, C, H, W) or (C, H, W); its ValueError and TypeError."""

    NDIMS = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """InstanceNorm1d of input (N, C, D, H, W) or (C, D, H, W); its ValueError and TypeError."""

    NDIMS = (4, 5)


__getattr__ = elsewhere(__name__)
