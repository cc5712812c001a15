"""Rows of a table."""

from __future__ import annotations

import numpy as np

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike, as_array
from .. import functional as F
from .. import init
from ..module import Module, Parameter


class Embedding(Module):
    """A table of `num_embeddings` rows: integer ids of shape (...) give (..., embedding_dim).

    Row `padding_idx` starts as zeros and gets no gradient; ValueError for one outside of the table. A call
    raises TypeError for ids that are no integers, IndexError for one outside.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        dtype: DTypeLike = np.float32,
    ):
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx {padding_idx} is outside the {num_embeddings} rows")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.weight = Parameter(np.empty((num_embeddings, embedding_dim), dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Standard normal; zeros at padding_idx."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def forward(self, ids: ArrayLike) -> Tensor:
        ids = as_array(ids)
        if ids.dtype.kind not in "iu":
            raise TypeError(f"{self.label()}: ids must be integers, not {ids.dtype}")
        bad = (ids < 0) | (ids >= self.num_embeddings)
        if bad.any():
            first = tuple(int(i[0]) for i in np.nonzero(np.atleast_1d(bad)))
            raise IndexError(
                f"{self.label()}: id {np.atleast_1d(ids)[first]} at {first} is outside the vocabulary of "
                f"{self.num_embeddings} (0 to {self.num_embeddings - 1})"
            )
        return F.embedding(ids, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
