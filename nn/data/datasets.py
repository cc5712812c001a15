"""What samples are asked of: by index, or one after the other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

import numpy as np

from ...autograd import Tensor
from .rows import Rows

__all__ = ["ChainDataset", "ConcatDataset", "Dataset", "IterableDataset", "TensorDataset"]

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """Samples by index: a subclass has `__getitem__(index)`, and `__len__()` unless a sampler knows better.

    It may have `__getitems__(indices)` too, which gives a list of the samples of a batch at once. Anything
    with these methods will do for a DataLoader, a list for instance. `a + b` is ConcatDataset([a, b]).
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__, which gives a sample")

    def __add__(self, other: Any) -> Any:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co], Iterable[T_co]):
    """Samples one after the other: a subclass has `__iter__`, and `__len__` if it is known.

    Each worker of a DataLoader iterates over a copy of its own; `get_worker_info()` says in `__iter__` which
    part is its. With `state_dict()` and `load_state_dict(state)` it can go on where it stopped; without, a
    loader that resumes in the middle of an epoch passes over the samples that were seen. `a + b` is
    ChainDataset([a, b]).
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__, which gives the samples")

    def __add__(self, other: Any) -> Any:
        return ChainDataset([self, other])


class ConcatDataset(Dataset):
    """The samples of all `datasets`, one dataset after the other.

    `cumulative_sizes` says where each ends. ValueError without datasets, TypeError for an IterableDataset.
    """

    def __init__(self, datasets: Iterable[Any]):
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset needs at least one dataset")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise TypeError("ConcatDataset has no IterableDatasets, which have no index; use ChainDataset")
        self.cumulative_sizes = list(accumulate(len(d) for d in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        n = len(self)
        if not -n <= index < n:
            raise IndexError(f"ConcatDataset: index {index} is out of range for {n} samples")
        index = index + n if index < 0 else index
        which = bisect_right(self.cumulative_sizes, index)
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]


class ChainDataset(IterableDataset):
    """The samples of several IterableDatasets, `datasets`, one dataset after the other.

    TypeError when it is iterated over and meets a dataset of another kind.
    """

    def __init__(self, datasets: Iterable[Any]):
        self.datasets = datasets

    def _parts(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                kind = type(dataset).__name__
                raise TypeError(f"ChainDataset chains IterableDatasets, not {kind}; use ConcatDataset")
            yield dataset

    def __iter__(self) -> Iterator[Any]:
        for dataset in self._parts():
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self._parts())


class TensorDataset(Dataset[tuple]):
    """Sample i is the tuple of row i of each of `tensors`, Tensors or ndarrays of equally many rows (n, ...).

    A loader takes the rows of a batch from each at once. ValueError where the numbers of rows differ or there
    is no Tensor, TypeError for anything else.
    """

    def __init__(self, *tensors: Any):
        for tensor in tensors:
            if not isinstance(tensor, (Tensor, np.ndarray)):
                raise TypeError(
                    f"TensorDataset takes Tensors and ndarrays, not {type(tensor).__name__}; use np.asarray"
                )
        if not tensors or any(t.ndim == 0 or len(t) != len(tensors[0]) for t in tensors):
            shapes = ", ".join([str(t.shape) for t in tensors]) or "none"
            raise ValueError(f"TensorDataset: all tensors must have the same number of rows, got {shapes}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple:
        return tuple([tensor[index] for tensor in self.tensors])

    def __getitems__(self, indices: Sequence[int]) -> Sequence[tuple]:
        overridden = type(self).__getitem__ is not TensorDataset.__getitem__
        if overridden or not all(_is_plain(t) for t in self.tensors):
            return [self[i] for i in indices]
        return Rows(self.tensors, indices)

    def __len__(self) -> int:
        return len(self.tensors[0])


def _is_plain(tensor: Any) -> bool:
    """Whether its rows can be cut out as those of an array, without a graph."""
    if isinstance(tensor, Tensor):
        return not tensor.requires_grad
    return tensor.dtype.kind in "fiub"
