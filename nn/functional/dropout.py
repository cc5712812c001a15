"""Dropout, by masks that are drawn outside of the op."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike, opaque
from .. import random
from ._inputs import as_float, check_share, in_place, where

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]


def dropout_plain(x, keep, p):
    scale = 1 / (1 - p) if p < 1 else 0

    def backward(g):
        return (np.where(keep, g, 0) * scale,)

    return np.where(keep, x, 0) * scale, backward


@op(inputs=1, plain=dropout_plain, flops=2)
def _dropout(x, keep, p):
    """x / (1 - p) where the boolean array `keep` is true, 0 elsewhere, even of inf and nan."""
    scale = 1 / (1 - p) if p < 1 else 0

    def backward(g):
        dx = np.empty_like(g)
        _keep(dx, g, keep, scale)
        return (dx,)

    y = np.empty_like(x)
    _keep(y, x, keep, scale)
    return y, backward


BITS = {np.dtype(kind).itemsize: kind for kind in (np.int16, np.int32, np.int64)}


@opaque
def _keep(out, x, keep, scale):
    """By a product of bits with 0 or 1: four times as fast as np.where, and 0 times inf is 0."""
    bits = BITS[x.itemsize]
    np.multiply(x.view(bits), keep, out=out.view(bits))
    out *= scale


def dropout(input: ArrayLike, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`input` with zeros in place of elements with probability p, the rest divided by 1 - p, elementwise.

    As it is unless `training`. With `inplace`, input becomes the result. p counts in steps of 1/65536.
    Srivastava et al. 2014. ValueError where p is outside of [0, 1].
    """
    return _dropped("dropout", input, p, training, inplace, lambda shape: shape)


def _dropped(
    name: str, input, p: float, training: bool, inplace: bool, shape_of: Callable, alpha: float | None = None
) -> Tensor:
    """Dropout by a mask of shape `shape_of(shape of input)`; with `alpha` by `_keep_variance`."""
    if type(p) is not float or not 0 <= p <= 1:
        check_share(where(name), p)
    x = as_float(input)
    if not training or p == 0:
        return x
    shape = shape_of(x.shape)
    keep = np.zeros(shape, np.bool_) if p == 1 else random.keep_mask(shape, p)
    y = _dropout(x, keep, p)
    if alpha is not None and p < 1:
        y = _keep_variance(y, keep, p, alpha)
    return in_place(input, y, inplace)


def _keep_variance(y: Tensor, keep, p: float, alpha: float) -> Tensor:
    """a x + b, with x = alpha where nothing is kept, of mean 0 and variance 1 if the input has these.

    y is x / (1 - p), or 0 where nothing is kept.
    """
    a = 1 / math.sqrt((1 - p) * (1 + p * alpha**2))
    kept, lost = -a * alpha * p, a * alpha * (1 - p)
    shift = np.where(keep, kept, lost).astype(y.dtype)
    return y * (a * (1 - p)) + shift


SELU_FLOOR = -1.7580993408473766  # what SELU tends to for inputs far below 0, -alpha times scale


def alpha_dropout(input: ArrayLike, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout after SELU: elements become its lowest value with probability p; mean and variance are kept.

    That is, elementwise a x + b for x of `input`, x = -1.758 where it is dropped, and 0 for p = 1. As it is
    unless `training`. With `inplace`, input becomes the result. Klambauer et al. 2017, arXiv:1706.02515.
    ValueError where p is outside of [0, 1].
    """
    return _dropped("alpha_dropout", input, p, training, inplace, lambda shape: shape, SELU_FLOOR)


def feature_alpha_dropout(
    input: ArrayLike, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """alpha_dropout of whole channels; input (N, C, ...), shaped so is the result.

    ValueError where p is outside of [0, 1], and for an input without channels.
    """
    shape_of = _each_channel("feature_alpha_dropout", range(2, 65))
    return _dropped("feature_alpha_dropout", input, p, training, inplace, shape_of, SELU_FLOOR)


def _each_channel(name: str, ndims: Sequence[int], alone: int = 0) -> Callable:
    """The shape of a mask with an element for each channel; `alone` is the number of axes without a batch."""

    def shape_of(shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) not in ndims:
            wanted = " or ".join(map(str, ndims)) if len(ndims) < 4 else f"{ndims[0]} or more"
            raise ValueError(
                f"{where(name)}: input of shape {shape} has {len(shape)} axes, expected {wanted}: "
                "whole channels are dropped; dropout() drops single elements"
            )
        axes = 1 if len(shape) == alone else 2
        return shape[:axes] + (1,) * (len(shape) - axes)

    return shape_of


def dropout1d(input: ArrayLike, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """dropout of whole channels; input (N, C, L) or (C, L), shaped so is the result.

    ValueError where p is outside of [0, 1], and for another number of axes. Tompson et al. 2015,
    arXiv:1411.4280.
    """
    shape_of = _each_channel("dropout1d", (2, 3), alone=2)
    shape_of(np.shape(input))  # in evaluation too, as PyTorch does
    return _dropped("dropout1d", input, p, training, inplace, shape_of)


def dropout2d(input: ArrayLike, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """dropout of whole channels; input (N, C, H, W), shaped so is the result.

    As in PyTorch three axes are (N, C, L), not an item without a batch, and (N, C) is accepted. ValueError
    where p is outside of [0, 1], and for less than two axes.
    """
    return _dropped("dropout2d", input, p, training, inplace, _each_channel("dropout2d", range(2, 65)))


def dropout3d(input: ArrayLike, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """dropout of whole channels; input (N, C, D, H, W) or (C, D, H, W), shaped so is the result.

    ValueError where p is outside of [0, 1], and for another number of axes.
    """
    shape_of = _each_channel("dropout3d", (4, 5), alone=4)
    shape_of(np.shape(input))
    return _dropped("dropout3d", input, p, training, inplace, shape_of)
