"""Losses by margins: of pairs, of triplets, and of several labels. Errors are those of their functions."""

from __future__ import annotations

from collections.abc import Callable

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from .loss import Loss, WeightedLoss

__all__ = [
    "CosineEmbeddingLoss",
    "HingeEmbeddingLoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "SoftMarginLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]


class CosineEmbeddingLoss(Loss):
    """1 - cos(input1, input2) where target is 1, max(cos - margin, 0) where it is -1.

    Shapes and errors are those of functional.cosine_embedding_loss.
    """

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: ArrayLike, input2: ArrayLike, target: ArrayLike) -> Tensor:
        return F.cosine_embedding_loss(input1, input2, target, self.margin, reduction=self.reduction)


class HingeEmbeddingLoss(Loss):
    """input where target is 1, max(margin - input, 0) where it is -1, elementwise."""

    def __init__(
        self,
        margin: float = 1.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class MarginRankingLoss(Loss):
    """max(-target (input1 - input2) + margin, 0), elementwise.

    target is 1 where input1 should be larger, else -1.
    """

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: ArrayLike, input2: ArrayLike, target: ArrayLike) -> Tensor:
        return F.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


class SoftMarginLoss(Loss):
    """log(1 + exp(-target input)), elementwise, with targets 1 and -1."""

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class MultiMarginLoss(WeightedLoss):
    """The sum of max(margin - input[target] + input[i], 0)^p / C over the other classes i.

    input (N, C), target (N,); `weight` (C,), by which the loss of each class is multiplied, is a buffer.
    ValueError unless p is 1 or 2; see functional.multi_margin_loss.
    """

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: ArrayLike | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ):
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: p is 1 or 2, not {p!r}")
        self.p = p
        self.margin = margin

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        options = self.p, self.margin, self.weight
        return F.multi_margin_loss(input, target, *options, reduction=self.reduction)


class MultiLabelMarginLoss(Loss):
    """The sum of max(1 - input[j] + input[i], 0) / C over labels j and other classes i; both (N, C).

    The labels of a row are the integers of target before the first -1; see functional.multilabel_margin_loss.
    """

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(WeightedLoss):
    """The mean over classes of the binary cross entropy of input (N, C) with target (N, C).

    `weight`, by which the loss of each class is multiplied, is a buffer; see
    functional.multilabel_soft_margin_loss.
    """

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)


class TripletMarginLoss(Loss):
    """max(margin + d(anchor, positive) - d(anchor, negative), 0), d the p-norm of a difference plus eps.

    All are (N, D) or (D,). ValueError for a margin that is not positive; see functional.triplet_margin_loss.
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ):
        super().__init__(size_average, reduce, reduction)
        if not margin > 0:
            raise ValueError(f"TripletMarginLoss: margin must be greater than 0, not {margin}")
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: ArrayLike, positive: ArrayLike, negative: ArrayLike) -> Tensor:
        options = self.margin, self.p, self.eps, self.swap
        return F.triplet_margin_loss(anchor, positive, negative, *options, reduction=self.reduction)


class TripletMarginWithDistanceLoss(Loss):
    """TripletMarginLoss of anchor, positive and negative (N, D) with a distance of your own.

    ValueError for a margin that is not positive; see functional.triplet_margin_with_distance_loss.
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ):
        super().__init__(reduction=reduction)
        if not margin > 0:
            raise ValueError(f"TripletMarginWithDistanceLoss: margin must be greater than 0, not {margin}")
        self.distance_function = F.pairwise_distance if distance_function is None else distance_function
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: ArrayLike, positive: ArrayLike, negative: ArrayLike) -> Tensor:
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
