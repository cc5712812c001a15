"""Losses of numbers that are to come close to others."""

from __future__ import annotations

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from .loss import Loss

__all__ = ["HuberLoss", "L1Loss", "MSELoss", "SmoothL1Loss"]


class MSELoss(Loss):
    """(input - target)^2 of input and target of one shape: the mean, or as `reduction` says.

    Errors and warnings are those of functional.mse_loss.
    """

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(Loss):
    """|input - target| of input and target of one shape: the mean, or as `reduction` says.

    Errors and warnings are those of functional.l1_loss.
    """

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(Loss):
    """d^2 / (2 beta) where |d| < beta, else |d| - beta / 2, of d = input - target, both of one shape.

    The mean, or as `reduction` says. Errors and warnings are those of functional.smooth_l1_loss.
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ):
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(Loss):
    """d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), of d = input - target, both of one shape.

    The mean, or as `reduction` says. Errors and warnings are those of functional.huber_loss; TypeError for a
    delta that is no number.
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0):
        if not isinstance(delta, (float, int)):
            raise TypeError(f"HuberLoss: delta is a number, not {delta!r}")
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)
