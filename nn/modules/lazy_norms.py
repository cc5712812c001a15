"""Batch and instance normalisation that learn from their first input how many channels it has."""

from __future__ import annotations

from typing import Any

from .batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from .instancenorm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from .lazy import LazyNormMixin

__all__ = ["LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d"]
__all__ += ["LazyInstanceNorm1d", "LazyInstanceNorm2d", "LazyInstanceNorm3d"]


class LazyBatchNorm1d(LazyNormMixin, BatchNorm1d):
    """BatchNorm1d whose num_features are the channels of its first input, (N, C) or (N, C, L)."""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(LazyNormMixin, BatchNorm2d):
    """BatchNorm2d whose num_features are the channels of its first input, (N, C, H, W)."""

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(LazyNormMixin, BatchNorm3d):
    """BatchNorm3d whose num_features are the channels of its first input, (N, C, D, H, W)."""

    cls_to_become = BatchNorm3d


class _LazyInstanceNorm(LazyNormMixin):
    NDIMS: Any

    def _channels(self, input) -> int:
        if input.ndim == self.NDIMS[0]:  # one item, without the batch's axis
            return input.shape[0]
        return super()._channels(input)


class LazyInstanceNorm1d(_LazyInstanceNorm, InstanceNorm1d):
    """InstanceNorm1d whose num_features are the channels of its first input, (N, C, L) or (C, L)."""

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyInstanceNorm, InstanceNorm2d):
    """InstanceNorm2d whose num_features are the channels of its first input, (N, C, H, W) or (C, H, W)."""

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyInstanceNorm, InstanceNorm3d):
    """InstanceNorm3d whose num_features are those of its first input, (N, C, D, H, W) or (C, D, H, W)."""

    cls_to_become = InstanceNorm3d
