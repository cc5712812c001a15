"""Losses by margins: of pairs, of triplets, and of several labels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, as_array
from ._inputs import are_within, as_float, reduced, reduction_of, where
from ._losses import broadcast_or_refuse
from .distance import pairwise_distance

__all__ = [
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


def _positive(x) -> Tensor:
    """max(x, 0) with gradient 1 at 0, as PyTorch's clamp has it."""
    return ag.where(x.data >= 0, x, np.where(np.isnan(x.data), x.data, 0))


def _above(x) -> Tensor:
    """max(x, 0) with gradient 0 at 0."""
    return ag.where(x.data > 0, x, np.where(np.isnan(x.data), x.data, 0))


def _softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)), for every x."""
    return ag.logaddexp(x, np.zeros_like(x.data))


def _signs(target: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Where the target is 1, and where it is -1."""
    return target.data == 1, target.data == -1


def cosine_embedding_loss(
    input1: ArrayLike,
    input2: ArrayLike,
    target: ArrayLike,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos(input1, input2) where target is 1, max(cos - margin, 0) where it is -1.

    input1 and input2 are (N, D) with target (N,), or (D,) with a number. The mean, sum, or with
    reduction="none" what target is shaped as. ValueError for shapes that do not fit.
    """
    name = "cosine_embedding_loss"
    reduction = reduction_of(name, size_average, reduce, reduction)
    a, b, t = as_float(input1, input2), as_float(input2, input1), as_float(target, input1)
    if t.ndim > 1 or a.ndim != t.ndim + 1 or b.ndim != a.ndim:
        shapes = f"input1 {a.shape}, input2 {b.shape}, target {t.shape}"
        raise ValueError(f"{where(name)}: {shapes}, expected (N, D), (N, D), (N,) or (D,), (D,), ()")
    broadcast_or_refuse(name, input1=a, input2=b, target=ag.expand_dims(t, -1))
    alike, apart = _signs(t)
    wide = [x.astype(np.float32) if x.data.dtype.char == "e" else x for x in (a, b)]
    dot, *squares = ((x * y).sum(axis=-1) for x, y in ((wide[0], wide[1]), (wide[0],) * 2, (wide[1],) * 2))
    cosine = dot / ag.sqrt((squares[0] + 1e-12) * (squares[1] + 1e-12))
    losses = ag.where(alike, 1 - cosine, 0) + ag.where(apart, _positive(cosine - margin), 0)
    return reduced(losses, reduction).astype(np.result_type(a.dtype, b.dtype))


def hinge_embedding_loss(
    input: ArrayLike,
    target: ArrayLike,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """input where target is 1, max(margin - input, 0) where it is -1, elementwise.

    Shapes broadcast; ValueError where they do not.
    """
    reduction = reduction_of("hinge_embedding_loss", size_average, reduce, reduction)
    x, t = as_float(input), as_float(target, input)
    broadcast_or_refuse("hinge_embedding_loss", input=x, target=t)
    alike, apart = _signs(t)
    return reduced(ag.where(~alike, _positive(margin - x), 0) + ag.where(~apart, x, 0), reduction)


def margin_ranking_loss(
    input1: ArrayLike,
    input2: ArrayLike,
    target: ArrayLike,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(-target (input1 - input2) + margin, 0), elementwise.

    target is 1 where input1 should be larger, else -1. The shapes broadcast and have one number of axes;
    ValueError where they do not fit.
    """
    name = "margin_ranking_loss"
    reduction = reduction_of(name, size_average, reduce, reduction)
    a, b, t = as_float(input1, input2), as_float(input2, input1), as_float(target, input1)
    if not a.ndim == b.ndim == t.ndim:
        shapes = f"input1 {a.shape}, input2 {b.shape}, target {t.shape}"
        raise ValueError(f"{where(name)}: {shapes} differ in their number of axes")
    broadcast_or_refuse(name, input1=a, input2=b, target=t)
    return reduced(_positive(-t * (a - b) + margin), reduction)


def soft_margin_loss(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + exp(-target input)), elementwise, with targets 1 and -1; shapes broadcast.

    ValueError where they do not.
    """
    reduction = reduction_of("soft_margin_loss", size_average, reduce, reduction)
    x, t = as_float(input), as_float(target, input)
    broadcast_or_refuse("soft_margin_loss", input=x, target=t)
    return reduced(_softplus(-t * x), reduction)


# ------------------------------------------------------------------ several classes


def multi_margin_loss(
    input: ArrayLike,
    target: ArrayLike,
    p: int = 1,
    margin: float = 1.0,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The sum of max(margin - input[target] + input[i], 0)^p / C over the other classes i.

    It is multiplied by weight[target]. input (N, C) with integer target (N,), or (C,) with a number; `p` is 1
    or 2; weight (C,). ValueError for shapes or options that do not fit, TypeError for targets that are no
    integers, IndexError for those outside of the classes.
    """
    name = "multi_margin_loss"
    reduction = reduction_of(name, size_average, reduce, reduction)
    x, ids = as_float(input), _integers(name, target)
    x = x if x.ndim else x.reshape(1)
    if x.ndim > 2 or (ids.shape != x.shape[:-1] and (x.ndim, ids.shape) != (1, (1,))):
        expected = "expected (N, C), (N,) or (C,), ()"
        raise ValueError(f"{where(name)}: input {x.shape}, target {ids.shape}, {expected}")
    if p not in (1, 2):
        raise ValueError(f"{where(name)}: p is 1 or 2, not {p!r}")
    if not x.shape[-1]:
        raise ValueError(f"{where(name)}: input of shape {x.shape} has no classes")
    ids = ids.reshape(x.shape[:-1])
    _check_classes(name, ids, x.shape[-1])
    here = ids[..., None]
    gaps = _above(margin - ag.take_along_axis(x, here, -1) + x)
    gaps = ag.where(np.arange(x.shape[-1]) == here, 0, gaps if p == 1 else gaps * gaps)
    if weight is not None:
        weight = _class_weight(name, weight, x)
        gaps = gaps * weight[here]
    return reduced(gaps.sum(axis=-1) / x.shape[-1], reduction)


def _integers(name: str, target) -> np.ndarray:
    ids = as_array(target.data if isinstance(target, Tensor) else target)
    if ids.dtype.kind not in "iu":
        raise TypeError(f"{where(name)}: target must be integers, not {ids.dtype}")
    return ids


def _check_classes(name: str, ids: np.ndarray, classes: int) -> None:
    if are_within(ids, classes):
        return
    at = tuple(np.argwhere((ids < 0) | (ids >= classes))[0].tolist())
    raise IndexError(f"{where(name)}: target {ids[at]} at position {at} is outside 0..{classes - 1}")


def _class_weight(name: str, weight, x: Tensor) -> Tensor:
    weight = as_float(weight, x)
    if weight.shape != x.shape[-1:]:
        raise ValueError(f"{where(name)}: weight of shape {weight.shape} for {x.shape[-1]} classes")
    return weight if weight.dtype == x.dtype else weight.astype(x.dtype)


def multilabel_margin_loss(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Sum over labels j and other classes i of max(1 - input[j] + input[i], 0) / C.

    input and target are (N, C) or (C,); the labels of a row are the integers of target before the first -1.
    ValueError where the shapes differ, TypeError for targets that are no integers, IndexError for those
    outside of the classes.
    """
    name = "multilabel_margin_loss"
    reduction = reduction_of(name, size_average, reduce, reduction)
    x, ids = as_float(input), _integers(name, target)
    if x.ndim > 2 or ids.shape != x.shape:
        raise ValueError(f"{where(name)}: input {x.shape}, target {ids.shape}, expected both (N, C) or (C,)")
    if not x.ndim:
        x, ids = x.reshape(1), ids.reshape(1)
    if not x.shape[-1]:
        raise ValueError(f"{where(name)}: input of shape {x.shape} has no classes")
    counted = np.logical_and.accumulate(ids >= 0, axis=-1)
    labels = np.where(counted, ids, 0)
    _check_classes(name, labels, x.shape[-1])
    is_label = ((labels[..., None] == np.arange(x.shape[-1])) & counted[..., None]).any(axis=-2)
    gaps = 1 - ag.take_along_axis(x, labels, -1)[..., None] + ag.expand_dims(x, -2)  # (..., j, i)
    losses = ag.where(counted[..., None] & ~is_label[..., None, :], _above(gaps), 0)
    return reduced(losses.sum(axis=(-2, -1)) / x.shape[-1], reduction)


def multilabel_soft_margin_loss(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes of -weight (target log s(input) + (1 - target) log s(-input)), s the sigmoid.

    input and target are (N, C) or (C,), targets 0 or 1, or between; weight broadcasts. ValueError for shapes
    that do not fit.
    """
    name = "multilabel_soft_margin_loss"
    reduction = reduction_of(name, size_average, reduce, reduction)
    x, t = as_float(input), as_float(target, input)
    if x.shape != t.shape:
        raise ValueError(f"{where(name)}: input of shape {x.shape}, target of shape {t.shape}, not the same")
    losses = t * _softplus(-x) + (1 - t) * _softplus(x)
    if not losses.ndim:
        raise ValueError(f"{where(name)}: input of shape () has no classes, expected (N, C) or (C,)")
    if weight is not None:
        weight = as_float(weight, x)
        broadcast_or_refuse(name, input=losses, weight=weight)
        losses = losses * weight.astype(x.dtype)
    return reduced(losses.mean(axis=-1), reduction)


# ------------------------------------------------------------------ triplets


def triplet_margin_loss(
    anchor: ArrayLike,
    positive: ArrayLike,
    negative: ArrayLike,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(margin + d(anchor, positive) - d(anchor, negative), 0), d the p-norm of a difference plus `eps`.

    All are (N, D) or (D,), or broadcast. With `swap` the smaller of d(anchor, negative) and d(positive,
    negative) counts (Balntas et al. 2016). ValueError for shapes that do not fit, and for a margin that is
    not positive.
    """
    reduction = reduction_of("triplet_margin_loss", size_average, reduce, reduction)
    three = _three("triplet_margin_loss", anchor, positive, negative)

    def distance(x1, x2):
        return pairwise_distance(x1, x2, p, eps)

    return _of_triplets("triplet_margin_loss", three, distance, margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor: ArrayLike,
    positive: ArrayLike,
    negative: ArrayLike,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """triplet_margin_loss with a distance of your own, of two arrays shaped as (N, D).

    anchor, positive and negative are (N, D) or (D,). The distance is pairwise_distance if it is None.
    ValueError for shapes that do not fit, and for a margin that is not positive.
    """
    name = "triplet_margin_with_distance_loss"
    reduction = reduction_of(name, None, None, reduction)
    three = _three(name, anchor, positive, negative)
    return _of_triplets(name, three, distance_function or pairwise_distance, margin, swap, reduction)


def _three(name, anchor, positive, negative):
    a = as_float(anchor)
    p, n = as_float(positive, a), as_float(negative, a)
    if not a.ndim == p.ndim == n.ndim:
        shapes = f"anchor {a.shape}, positive {p.shape}, negative {n.shape}"
        raise ValueError(f"{where(name)}: {shapes} differ in their number of axes")
    broadcast_or_refuse(name, anchor=a, positive=p, negative=n)
    return a, p, n


def _of_triplets(name, three, distance, margin, swap, reduction):
    anchor, positive, negative = three
    if not margin > 0:
        raise ValueError(f"{where(name)}: margin must be greater than 0, not {margin}")
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = ag.minimum(far, distance(positive, negative))
    return reduced(_positive(margin + near - far), reduction)
