"""Rows of a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike, as_array
from .. import functional as F
from .. import init
from ..devices import dtype_for
from ..functional._inputs import are_within, as_tensor, unsupported
from ..module import Module, Parameter

__all__ = ["Embedding"]


class Embedding(Module):
    """A table of `num_embeddings` rows: an input of integer ids (...) gives (..., embedding_dim).

    Row `padding_idx` starts as zeros and gets no gradient; ValueError for one outside of the table, or for a
    `_weight` of another shape. TypeError for `max_norm`, `scale_grad_by_freq` and `sparse`, which are there
    for PyTorch's order alone, and in a call for ids that are no integers, IndexError for one outside.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: ArrayLike | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        unsupported("Embedding", max_norm=max_norm, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx {padding_idx} is outside the {num_embeddings} rows")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        shape = num_embeddings, embedding_dim
        self.weight = Parameter(np.empty(shape, dtype_for(self, device, dtype)), not _freeze)
        if _weight is None:
            self.reset_parameters()
            return
        if np.shape(_weight) != shape:
            raise ValueError(f"Embedding: _weight of shape {np.shape(_weight)}, expected {shape}")
        self.weight.data[...] = as_tensor(_weight).data

    def reset_parameters(self) -> None:
        """Standard normal; zeros at padding_idx."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def forward(self, input: ArrayLike) -> Tensor:
        ids = as_array(input)
        if ids.dtype.kind not in "iu":
            raise TypeError(f"{self.label()}: ids must be integers, not {ids.dtype}")
        if not are_within(ids, self.num_embeddings):
            bad = (ids < 0) | (ids >= self.num_embeddings)
            first = tuple(int(i[0]) for i in np.nonzero(np.atleast_1d(bad)))
            raise IndexError(
                f"{self.label()}: id {np.atleast_1d(ids)[first]} at {first} is outside the vocabulary of "
                f"{self.num_embeddings} (0 to {self.num_embeddings - 1})"
            )
        return F.embedding(ids, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
