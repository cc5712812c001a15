"""What losses have in common, and those of classes."""

from __future__ import annotations

import numpy as np

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from ..functional._inputs import reduction_of
from ..module import Module
from .elsewhere import elsewhere

__all__ = ["CrossEntropyLoss", "NLLLoss"]


class Loss(Module):
    """A function of input and target, with how its numbers become one: `reduction`.

    "mean", "sum", or "none"; `size_average` and `reduce` are older words for it.
    """

    words: tuple[str, ...] = ()  # further ones that a loss takes

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"):
        if reduction not in self.words or size_average is not None or reduce is not None:
            reduction = reduction_of(type(self).__name__, size_average, reduce, reduction, self._depth())
        self.reduction = reduction

    def _depth(self) -> int:
        """How many calls above reduction_of somebody has made this loss."""
        kinds = type(self).__mro__
        return 3 + sum("__init__" in vars(kind) for kind in kinds[: kinds.index(Loss)])


def as_buffer(weight: ArrayLike | None) -> np.ndarray | None:
    """Weights as an array to register: lists as float32, as parameters are."""
    if weight is None or isinstance(weight, Tensor):
        return weight if weight is None else weight.data
    return np.asarray(weight, None if hasattr(weight, "dtype") else np.float32)


class WeightedLoss(Loss):
    """A Loss with a `weight` by which its parts are multiplied, a buffer."""

    def __init__(
        self,
        weight: ArrayLike | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ):
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", as_buffer(weight))


class CrossEntropyLoss(WeightedLoss):
    """-log softmax(input)[target]: input (N, C), (C,) or (N, C, d1, ...), integer target without the C.

    Or probabilities as target, in the shape of input. Its mean, or as `reduction` says; `weight` (C,), by
    which the loss of each class is multiplied, is a buffer. Arguments and errors are those of
    functional.cross_entropy.
    """

    def __init__(
        self,
        weight: ArrayLike | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ):
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.cross_entropy(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(WeightedLoss):
    """-input[target]: input (N, C), (C,) or (N, C, d1, ...), logarithms; integer target without the C.

    Its mean, or as `reduction` says; `weight` (C,), by which the loss of each class is multiplied, is a
    buffer. Arguments and errors are those of functional.nll_loss.
    """

    def __init__(
        self,
        weight: ArrayLike | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ):
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.nll_loss(
            input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction
        )


__getattr__ = elsewhere(__name__)
