"""Losses of very many classes, together with the layers that make their logits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike, as_array
from .. import functional as F
from ..container import ModuleList
from ..container import Sequential as Chain
from ..module import Module
from .linear import Linear, tensor_for
from .loss import Loss, as_buffer

__all__ = ["AdaptiveLogSoftmaxWithLoss", "LinearCrossEntropyLoss", "LinearCrossEntropyOptions"]


@dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """How many rows of logits functional.linear_cross_entropy makes at a time, so as to need less memory.

    `batch_chunk_size` is their number. Or `chunking_method` says "aspect_ratio", that they take about as much
    memory as the input, "aspect_ratio:N", an N-th of it, or "auto", as much as the weight. The others are
    there for PyTorch's order alone: sums of float16 run in float32, and a second backward needs no
    permission. ValueError for what is none of these.
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: DTypeLike | None = None

    def __post_init__(self):
        if self.acc_policy not in ("auto", "accurate", "balanced", "compact"):
            raise ValueError(f"LinearCrossEntropyOptions: there is no acc_policy={self.acc_policy!r}")
        name, colon, n = (self.chunking_method or "auto").partition(":")
        right = (
            name == "auto" and not colon or name == "aspect_ratio" and (not colon or n.isdigit() and int(n))
        )
        if not right:
            raise ValueError(
                f"LinearCrossEntropyOptions: there is no chunking_method={self.chunking_method!r}"
            )
        size = self.batch_chunk_size
        if size is not None and (not isinstance(size, int) or size < 1):
            raise ValueError(
                f"LinearCrossEntropyOptions: batch_chunk_size is a number from 1 on, not {size!r}"
            )


class LinearCrossEntropyLoss(Loss):
    """CrossEntropyLoss of the logits of a layer, `linear`: input (N, in_features), target (N,) of integers.

    Or input (in_features,) and one target. With `out_features` (d1, ...) the logits are (N, num_classes, d1,
    ...), for which one axis of linear.weight holds them all. `weight` (num_classes,) is a buffer; ValueError
    for one of another shape, or a label_smoothing that is not from 0 to 1. All else is as in
    functional.linear_cross_entropy.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
        reduction: str = "mean",
        weight: ArrayLike | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: LinearCrossEntropyOptions | None = None,
    ):
        if weight is not None and np.shape(weight) != (num_classes,):
            shape = np.shape(weight)
            raise ValueError(f"LinearCrossEntropyLoss: weight of shape {shape}, expected ({num_classes},)")
        if not 0 <= label_smoothing <= 1:
            raise ValueError(
                f"LinearCrossEntropyLoss: label_smoothing must be from 0 to 1, not {label_smoothing}"
            )
        super().__init__(None, None, reduction)
        self.register_buffer("weight", as_buffer(weight))
        self.num_classes = num_classes
        self.out_features = tuple(out_features)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.linear = Linear(in_features, num_classes * math.prod(self.out_features), bias, device, dtype)
        self.options = options

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        linear, more = self.linear, (self.num_classes, *self.out_features)
        return F.linear_cross_entropy(
            tensor_for(self, input, linear.weight.dtype),
            linear.weight.reshape(*more, linear.in_features),
            target,
            linear_bias=None if linear.bias is None else linear.bias.reshape(more),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={self.linear.bias is not None}, "
            f"reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )


class AdaptiveOutput(NamedTuple):
    """What AdaptiveLogSoftmaxWithLoss gives: log p of each target, and the mean of -log p."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """log p(target_) for classes in the order of their frequency, and its loss: input_ (N, in_features).

    Grave et al. 2017, arXiv:1609.04309. The first `cutoffs[0]` classes have their logits in the `head`, as
    has each cluster of the others, from one cutoff to the next, whose own logits `tail` makes by way of
    in_features / div_value^i numbers. Gives (output (N,), loss) for target_ (N,), or for one input_
    (in_features,) and a target_ without an axis (output (), loss). ValueError for cutoffs or shapes that do
    not fit, TypeError for targets that are no integers, IndexError for a target outside of the classes.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        cutoffs = list(cutoffs)
        rising = all(a < b for a, b in zip([0, *cutoffs], [*cutoffs, n_classes], strict=True))
        if not cutoffs or not rising or any(int(c) != c for c in cutoffs):
            raise ValueError(
                f"AdaptiveLogSoftmaxWithLoss: cutoffs are integers that rise, from 1 to {n_classes - 1}, "
                f"not {cutoffs}"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [int(c) for c in cutoffs] + [n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            inner, classes = int(in_features // div_value ** (i + 1)), self.cutoffs[i + 1] - self.cutoffs[i]
            down = Linear(in_features, inner, False, device, dtype)
            self.tail.append(Chain(down, Linear(inner, classes, False, device, dtype)))

    def reset_parameters(self) -> None:
        """As each Linear layer does, the head first."""
        self.head.reset_parameters()
        for layer in self.modules():
            if isinstance(layer, Linear):
                layer.reset_parameters()

    def forward(self, input_: ArrayLike, target_: ArrayLike) -> AdaptiveOutput:
        x, target = self._fitting(input_, target_)
        one = target.ndim == 0
        if one:
            x, target = x[None], target[None]
        cluster = np.searchsorted(self.cutoffs, target, side="right")  # 0 is the shortlist
        place = np.where(cluster == 0, target, self.shortlist_size + cluster - 1)
        output = _at(F.log_softmax(self.head(x), 1), place)
        for i, tail in enumerate(self.tail):
            rows = np.flatnonzero(cluster == i + 1)
            if rows.size:
                inner = _at(F.log_softmax(tail(x[rows]), 1), target[rows] - self.cutoffs[i])
                output = ag.scatter_add(output, 0, rows, inner)
        loss = -output.mean() if output.size else output.sum() * np.nan
        return AdaptiveOutput(output[0] if one else output, loss)

    def _fitting(self, input, target) -> tuple[Tensor, np.ndarray]:
        x = tensor_for(self, input, self.head.weight.dtype)
        target = target.data if isinstance(target, Tensor) else as_array(target)
        if target.dtype.kind not in "iu":
            raise TypeError(f"{self.label()}: targets must be integers, not {target.dtype}")
        if target.ndim > 1 or x.shape[:-1] != target.shape or x.ndim < 1:
            raise ValueError(
                f"{self.label()}: input of shape {x.shape}, target of shape {target.shape}, expected "
                f"(N, {self.in_features}) and (N,), or ({self.in_features},) and ()"
            )
        outside = (target < 0) | (target >= self.n_classes)
        if outside.any():
            raise IndexError(
                f"{self.label()}: target {target[outside][0]} is outside 0..{self.n_classes - 1}"
            )
        return x, target

    def log_prob(self, input: ArrayLike) -> Tensor:
        """log p of all classes: input (N, in_features) to (N, n_classes)."""
        head = F.log_softmax(self.head(input), 1)
        parts = [head[:, : self.shortlist_size]]
        for i, tail in enumerate(self.tail):
            at = self.shortlist_size + i
            parts.append(F.log_softmax(tail(input), 1) + head[:, at : at + 1])
        return ag.concatenate(parts, 1)

    def predict(self, input: ArrayLike) -> Tensor:
        """The most likely class of each row: input (N, in_features) to integers (N,).

        Clusters are looked into only where the head finds one the most likely.
        """
        x = tensor_for(self, input, self.head.weight.dtype)
        best = ag.argmax(self.head(x), 1).data
        rows = np.flatnonzero(best >= self.shortlist_size)
        if rows.size:
            best = best.copy()
            best[rows] = ag.argmax(self.log_prob(x[rows]), 1).data
        return Tensor(best)


def _at(log_p: Tensor, classes: np.ndarray) -> Tensor:
    """The number of one class for each row."""
    return ag.take_along_axis(log_p, classes[:, None], 1)[:, 0]
