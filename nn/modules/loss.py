"""Losses."""

from __future__ import annotations

from ...autograd import Tensor
from .. import functional as F
from ..module import Module


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
