"""In which order samples are taken, and which of them are a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from itertools import islice
from typing import Any, Generic, TypeVar

__all__ = ["BatchSampler", "Sampler", "SequentialSampler"]

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """The order of an epoch: a subclass has `__iter__`, which gives indices of a dataset, and `__len__`.

    Any iterable will do for a DataLoader. With `state_dict()` and `load_state_dict(state)` it is asked for
    its state before each epoch, so that a loader can resume.
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__, which gives the indices")


class SequentialSampler(Sampler[int]):
    """0, 1, ... up to the length of `data_source`."""

    def __init__(self, data_source: Sized):
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class BatchSampler(Sampler[list]):
    """Lists of `batch_size` indices from `sampler`, any iterable; `drop_last` leaves out a shorter last one.

    ValueError unless `batch_size` is a positive int and `drop_last` a bool.
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool):
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(f"batch_size is a positive int (or None, for a DataLoader), not {batch_size!r}")
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last is True or False, not {drop_last!r}")
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self) -> Iterator[list]:
        return self._batches(iter(self.sampler))  # a sampler draws now, not at the first batch

    def _batches(self, indices: Iterator[Any]) -> Iterator[list]:
        while batch := list(islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        n: int = len(self.sampler)  # type: ignore[arg-type]
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
