"""Rows of numbers as probabilities, and their logarithms."""

from __future__ import annotations

import warnings

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike, drawn
from .. import random
from ._inputs import as_float, as_tensor, where

__all__ = ["gumbel_softmax", "log_softmax", "softmax", "softmin"]


def softmax(input: ArrayLike, dim: int = -1, *, dtype: DTypeLike | None = None) -> Tensor:
    """exp(input) / sum(exp(input)) along `dim`, in the shape of input, which is cast to `dtype` before.

    ValueError for `dim=None`, of which PyTorch makes a guess.
    """
    return ag.special.softmax(_of_dim("softmax", input, dim, dtype), dim)


def log_softmax(input: ArrayLike, dim: int = -1, *, dtype: DTypeLike | None = None) -> Tensor:
    """input - log(sum(exp(input))) along `dim`, in the shape of input, which is cast to `dtype` before.

    ValueError for `dim=None`, of which PyTorch makes a guess.
    """
    return ag.special.log_softmax(_of_dim("log_softmax", input, dim, dtype), dim)


def softmin(input: ArrayLike, dim: int = -1, *, dtype: DTypeLike | None = None) -> Tensor:
    """softmax(-input) along `dim`, in the shape of input, which is cast to `dtype` before.

    ValueError for `dim=None`, of which PyTorch makes a guess.
    """
    return ag.special.softmax(-_of_dim("softmin", input, dim, dtype), dim)


def _of_dim(name: str, input, dim, dtype) -> Tensor:
    if dim is None:
        raise ValueError(f"{where(name)}: say along which axis, dim=-1 for the last")
    return as_float(input) if dtype is None else as_tensor(input).astype(dtype)


def gumbel_softmax(
    logits: ArrayLike, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """softmax((logits + noise) / tau) along `dim`, a sample from softmax(logits), of its shape.

    The noise is Gumbel's. The smaller tau, the closer to one-hot; with `hard` the result is one-hot and its
    gradient that of the soft one. Jang et al. 2016, arXiv:1611.01144. `eps` has no effect, as in PyTorch,
    which warns of it. ValueError unless tau > 0.
    """
    if eps != 1e-10:
        warnings.warn("gumbel_softmax: eps= has no effect", DeprecationWarning, stacklevel=2)
    if not tau > 0:
        raise ValueError(f"{where('gumbel_softmax')}: tau must be above 0, not {tau}")
    x = as_float(logits)
    soft = softmax((x + drawn(_gumbel, x.shape).astype(x.dtype)) / float(tau), dim)
    if not hard:
        return soft
    best = ag.expand_dims(ag.argmax(soft, dim), dim)
    places = [1] * soft.ndim
    places[dim] = -1
    return (np.arange(soft.shape[dim]).reshape(places) == best).astype(x.dtype) + (soft - soft.detach())


def _gumbel(shape: tuple[int, ...]) -> np.ndarray:
    return -np.log(np.maximum(random.generator().standard_exponential(shape), 1e-300))  # not of 0
