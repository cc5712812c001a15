"""Losses that are negative logarithms of probabilities: of yes or no, of counts, of measurements."""

from __future__ import annotations

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from .loss import Loss, WeightedLoss, as_buffer

__all__ = ["BCELoss", "BCEWithLogitsLoss", "GaussianNLLLoss", "KLDivLoss", "PoissonNLLLoss"]


class BCELoss(WeightedLoss):
    """-(target log(input) + (1 - target) log(1 - input)), input and target from 0 to 1 and of one shape.

    The mean, or as `reduction` says; `weight`, which is multiplied with each loss, is a buffer. Errors are
    those of functional.binary_cross_entropy.
    """

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(Loss):
    """BCELoss of sigmoid(input), accurate for inputs of any size; input and target of one shape.

    The mean, or as `reduction` says; `weight` and `pos_weight`, that of targets of 1, are buffers. Errors are
    those of functional.binary_cross_entropy_with_logits.
    """

    def __init__(
        self,
        weight: ArrayLike | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: ArrayLike | None = None,
    ):
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", as_buffer(weight))
        self.register_buffer("pos_weight", as_buffer(pos_weight))

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class KLDivLoss(Loss):
    """target (log(target) - input): input (N, ...), logarithms, and target, probabilities, of one shape.

    Or logarithms as target with `log_target`. `reduction` may be "batchmean" too, the sum over N, which is
    the divergence. Warnings and errors are those of functional.kl_div.
    """

    words = ("batchmean",)

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ):
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class PoissonNLLLoss(Loss):
    """exp(input) - target input, of counts and of logarithms of the expected ones (the input), of one shape.

    The mean, or as `reduction` says. `log_input`, `full` and `eps` are those of functional.poisson_nll_loss.
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | None = None,
        eps: float = 1e-8,
        reduce: bool | None = None,
        reduction: str = "mean",
    ):
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.poisson_nll_loss(
            log_input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction
        )


class GaussianNLLLoss(Loss):
    """(log(var) + (input - target)^2 / var) / 2 of means and measurements of one shape, with their variances.

    The mean, or as `reduction` says. `full`, `eps` and the shapes of var are those of
    functional.gaussian_nll_loss.
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean"):
        super().__init__(None, None, reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: ArrayLike, target: ArrayLike, var: ArrayLike) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)
