"""Rows of a table."""

from __future__ import annotations

import numpy as np

from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike, as_array, opaque
from ._inputs import are_within, unsupported


def embedding_plain(weight, ids, padding_idx=None):
    shape = weight.shape

    def backward(g):
        dw = np.zeros_like(g, shape=shape)
        np.add.at(dw, ids, g)
        if padding_idx is not None:
            dw[padding_idx] = 0
        return (dw,)

    return weight[ids], backward


@op(inputs=1, plain=embedding_plain, flops=0)
def _embedding(weight, ids, padding_idx=None):
    ids = as_array(ids)
    shape = weight.shape
    if ids.dtype.kind not in "iu":
        raise TypeError(f"ids must be integers, not {ids.dtype}")
    if not are_within(ids, shape[0]):
        at = tuple(np.argwhere((ids < 0) | (ids >= shape[0]))[0].tolist())
        raise IndexError(f"id {ids[at]} at position {at} is outside the vocabulary of {shape[0]} (from 0)")

    def backward(g):  # rows of one id are brought together and summed: np.add.at is several times slower
        dw = np.empty_like(g, shape=shape)
        _sum_rows(dw, ids, g)
        if padding_idx is not None:
            dw[padding_idx] = 0
        return (dw,)

    return weight[ids], backward


FEW = 128  # so many ids at most, and a product with their one-hot vectors takes less time than sorting them


@opaque
def _sum_rows(dw, ids, g):
    """Put into each row of dw the sum of the rows of g that have its id."""
    ids = ids.ravel()
    g = g.reshape(ids.size, *dw.shape[1:])
    if g.dtype == np.float16:  # sums of many would lose what is small
        wide = np.empty(dw.shape, np.float32)
        _sum_rows(wide, ids, g.astype(np.float32))
        dw[...] = wide
        return
    if len(dw) <= FEW and dw.ndim == 2:
        one_hot = np.zeros((ids.size, len(dw)), g.dtype)
        one_hot[np.arange(ids.size), ids] = 1
        with np.errstate(over="ignore", invalid="ignore"):
            np.matmul(one_hot.T, g, out=dw)
            if np.isfinite(np.vdot(dw, dw)):  # else 0 * inf may have put nan where it does not belong
                return
    dw[...] = 0
    if g.size:
        order = ids.argsort(kind="stable")
        ids = ids[order]
        starts = np.flatnonzero(np.diff(ids, prepend=-1))
        dw[ids[starts]] = np.add.reduceat(g[order], starts, axis=0)


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
