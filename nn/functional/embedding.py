"""Rows of a table."""

from __future__ import annotations

import numpy as np

from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike, as_array
from ._inputs import as_tensor
from ._tables import check_norm, check_within, gradient_of_table, hold_rows, ids_of, is_leaf, row_of

__all__ = ["embedding"]


@op(inputs=1, flops=0)
def _embedding(weight, ids, padding_idx=None, by_frequency=False, sparse=False):
    ids, shape = as_array(ids), weight.shape

    def backward(g):
        return (gradient_of_table(g, ids, shape, padding_idx, by_frequency, sparse),)

    return np.take(weight, ids, 0), backward


def embedding(
    input: ArrayLike,
    weight: ArrayLike,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """weight[input]: rows of the (vocabulary, width) table for integer ids of any shape (...).

    The result is (..., width). Row `padding_idx`, which may count from the end, gets no gradient. With
    `max_norm` the rows that are asked for are first scaled down in place to a norm, of `norm_type`, of
    max_norm at most. `scale_grad_by_freq` divides the gradient of a row by how often it is asked for. With
    `sparse`, `.grad` of a leaf is a SparseRows, which SGD and Adam take. TypeError for ids that are no
    integers, IndexError for one outside, ValueError for a padding_idx outside or a norm that is none.
    """
    ids = ids_of("embedding", "ids", input)
    weight = as_tensor(weight)
    if not weight.ndim:
        raise ValueError("embedding: weight is a table, not one number")
    check_within("embedding", ids, weight.shape[0])
    padding_idx = row_of("embedding", padding_idx, weight.shape[0])
    if max_norm is not None:
        check_norm("embedding", max_norm, norm_type)
        hold_rows("embedding", weight, ids, max_norm, norm_type)
    if padding_idx is None and not scale_grad_by_freq and not sparse:
        return _embedding(weight, ids)
    return _embedding(weight, ids, padding_idx, bool(scale_grad_by_freq), sparse and is_leaf(weight))
