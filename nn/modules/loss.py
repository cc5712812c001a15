"""Losses."""

from __future__ import annotations

import numpy as np

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from ..functional._inputs import reduction_of
from ..functional.loss import check_weight
from ..module import Module

__all__ = ["CrossEntropyLoss", "MSELoss"]


class Loss(Module):
    """temporary"""

    def __init__(self, size_average=None, reduce=None, reduction="mean"):
        self.reduction = reduction_of(type(self).__name__, size_average, reduce, reduction)


def as_buffer(weight):
    if isinstance(weight, Tensor):
        return weight.data
    return weight if weight is None or hasattr(weight, "dtype") else np.asarray(weight, np.float32)


class CrossEntropyLoss(Module):
    """-log softmax(input)[target]: input (N, C), (C,) or (N, C, d1, ...), integer target without the C.

    Its mean, or as `reduction` says; arguments and errors, also TypeError for `weight`, are those of
    functional.cross_entropy.
    """

    def __init__(
        self,
        weight: None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ):
        check_weight("CrossEntropyLoss", weight)
        reduction = reduction_of("CrossEntropyLoss", size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.reduction = reduction
        self.label_smoothing = label_smoothing

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.cross_entropy(
            input,
            target,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class MSELoss(Module):
    """(input - target)^2 of two arrays of one shape: the mean, or as `reduction` says.

    Errors are those of functional.mse_loss.
    """

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"):
        reduction = reduction_of("MSELoss", size_average, reduce, reduction)
        self.reduction = reduction

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)
