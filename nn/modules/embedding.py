"""Rows of a table, one by one or in bags."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike
from .. import functional as F
from .. import init
from ..devices import dtype_for
from ..functional._inputs import as_tensor
from ..functional._tables import check_norm, row_of
from ..module import Module, Parameter

__all__ = ["Embedding", "EmbeddingBag"]


class _Table(Module):
    """The weight of both."""

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None
    max_norm: float | None
    norm_type: float
    scale_grad_by_freq: bool
    sparse: bool
    weight: Parameter

    def _start(self, padding_idx, given, frozen, device, dtype) -> None:
        name, shape = type(self).__name__, (self.num_embeddings, self.embedding_dim)
        self.padding_idx = row_of(name, padding_idx, self.num_embeddings)
        check_norm(name, self.max_norm, self.norm_type)
        if given is not None and np.shape(given) != shape:
            raise ValueError(f"{name}: _weight of shape {np.shape(given)}, expected {shape}")
        if dtype is None and getattr(given, "dtype", np.dtype(int)).kind == "f":
            dtype = given.dtype
        self.weight = Parameter.empty(shape, dtype_for(self, device, dtype), not frozen)
        if given is None:
            self.reset_parameters()
        else:
            self.weight.data[...] = as_tensor(given).data

    def reset_parameters(self) -> None:
        """Standard normal; zeros at padding_idx."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0


class Embedding(_Table):
    """A table of `num_embeddings` rows: an input of integer ids (...) gives (..., embedding_dim).

    Row `padding_idx` starts as zeros and gets no gradient. For `max_norm`, `norm_type`, `scale_grad_by_freq`
    and `sparse` see functional.embedding. A given `_weight` is copied, and has its dtype unless `dtype` says
    another. ValueError for a padding_idx outside of the table, a norm that is none, or a `_weight` of another
    shape; in a call TypeError for ids that are no integers, IndexError for one outside.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: ArrayLike | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        self._start(padding_idx, _weight, _freeze, device, dtype)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: ArrayLike,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """A layer with a copy of the table `embeddings`, which stays as it is unless `freeze=False`.

        ValueError for one that is not (num_embeddings, embedding_dim), and as for a layer made without.
        """
        rows, width = _shape_of(cls, embeddings)
        options = padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse
        return cls(rows, width, *options, _weight=embeddings, _freeze=freeze)

    def forward(self, input: ArrayLike) -> Tensor:
        return F.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        return _shown(self, "padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse")


class EmbeddingBag(_Table):
    """A table of `num_embeddings` rows: bags of integer ids, input (bags, n), give (bags, embedding_dim).

    The sum, mean or max (`mode`) of the rows of each bag. An input of (n,) comes with `offsets`, where each
    bag begins; `per_sample_weights`, in the shape of input, multiply the rows of a sum. Ids that are
    `padding_idx`, whose row starts as zeros, are left out. For all options see functional.embedding_bag. A
    given `_weight` is copied, and has its dtype unless `dtype` says another. ValueError for a padding_idx
    outside of the table, a norm that is none, or a `_weight` of another shape; in a call also for shapes and
    offsets that do not fit, TypeError for ids that are no integers, IndexError for one outside.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: ArrayLike | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        self.mode, self.include_last_offset = mode, include_last_offset
        self._start(padding_idx, _weight, False, device, dtype)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: ArrayLike,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:
        """A layer with a copy of the table `embeddings`, which stays as it is unless `freeze=False`.

        ValueError for one that is not (num_embeddings, embedding_dim), and as for a layer made without.
        """
        rows, width = _shape_of(cls, embeddings)
        options = max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings, include_last_offset
        layer = cls(rows, width, *options, padding_idx)
        layer.weight.requires_grad = not freeze
        return layer

    def forward(
        self,
        input: ArrayLike,
        offsets: ArrayLike | None = None,
        per_sample_weights: ArrayLike | None = None,
    ) -> Tensor:
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        return _shown(self, "max_norm", "norm_type", "scale_grad_by_freq", "mode", "padding_idx")


_USUAL = {"padding_idx": None, "max_norm": None, "norm_type": 2, "scale_grad_by_freq": False, "sparse": False}


def _shown(table: _Table, *names: str) -> str:
    """The sizes, and the options that are not the usual ones."""
    options = [(name, getattr(table, name)) for name in names]
    unusual = [f"{name}={value!r}" for name, value in options if value != _USUAL.get(name, "")]
    return ", ".join([str(table.num_embeddings), str(table.embedding_dim), *unusual])


def _shape_of(kind: type, embeddings: ArrayLike) -> tuple[int, ...]:
    shape = np.shape(embeddings)
    if len(shape) != 2:
        raise ValueError(f"{kind.__name__}.from_pretrained: embeddings are a table, not of shape {shape}")
    return shape
