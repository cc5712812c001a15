"""Connectionist temporal classification."""

from __future__ import annotations

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from .loss import Loss

__all__ = ["CTCLoss"]


class CTCLoss(Loss):
    """-log of the probability of texts `targets` in log_probs (T, N, C) or (T, C).

    input_lengths and target_lengths are (N,), or numbers; see functional.ctc_loss.
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False):
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(
        self, log_probs: ArrayLike, targets: ArrayLike, input_lengths: ArrayLike, target_lengths: ArrayLike
    ) -> Tensor:
        lengths = input_lengths, target_lengths
        return F.ctc_loss(log_probs, targets, *lengths, self.blank, self.reduction, self.zero_infinity)
