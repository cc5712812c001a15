"""Rows of a table."""

from __future__ import annotations

import numpy as np

from ...autograd import Tensor, op
from ...autograd.adding import added_at
from ...autograd.arrays import ArrayLike, as_array
from ._inputs import are_within, unsupported

__all__ = ["embedding"]


@op(inputs=1, flops=0)
def _embedding(weight, ids, padding_idx=None):
    ids = as_array(ids)
    shape = weight.shape
    if ids.dtype.kind not in "iu":
        raise TypeError(f"ids must be integers, not {ids.dtype}")
    if not are_within(ids, shape[0]):
        at = tuple(np.argwhere((ids < 0) | (ids >= shape[0]))[0].tolist())
        raise IndexError(f"id {ids[at]} at position {at} is outside the vocabulary of {shape[0]} (from 0)")

    def backward(g):
        dw = added_at(g, ids, shape)
        if padding_idx is not None:
            dw[padding_idx] = 0
        return (dw,)

    return weight[ids], backward


def embedding(
    input: ArrayLike,
    weight: ArrayLike,
    padding_idx: int | None = None,
    max_norm: None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """weight[input]: rows of the (vocabulary, width) table for integer ids of any shape (...).

    The result is (..., width). Row `padding_idx` gets no gradient. TypeError for ids that are no integers,
    and for `max_norm`, `scale_grad_by_freq` and `sparse`, which are there for PyTorch's order alone;
    IndexError for an id outside.
    """
    unsupported("embedding", max_norm=max_norm, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)
    return _embedding(weight, input, padding_idx)
