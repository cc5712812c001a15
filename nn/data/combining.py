"""Datasets made of others: parts and stacks."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from .datasets import Dataset
from .randomness import check_generator, numbers_of

__all__ = ["StackDataset", "Subset", "random_split"]


def samples_of(dataset: Any, indices: Sequence[Any]) -> Sequence[Any]:
    """Its samples of a batch: by `__getitems__`, if it has that, else one by one.

    ValueError where `__getitems__` gives another number of them.
    """
    together = getattr(dataset, "__getitems__", None)
    if together is None:
        return [dataset[i] for i in indices]
    samples = together(indices)
    if len(samples) != len(indices):
        kind = type(dataset).__name__
        raise ValueError(f"{kind}.__getitems__ gave {len(samples)} samples for {len(indices)} indices")
    return samples


class Subset(Dataset):
    """The samples of `dataset` at `indices`, in their order."""

    def __init__(self, dataset: Any, indices: Sequence[int]):
        self.dataset, self.indices = dataset, indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: Sequence[int]) -> Sequence[Any]:
        if type(self).__getitem__ is not Subset.__getitem__:  # a subclass has its own idea of a sample
            return [self[i] for i in indices]
        return samples_of(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)


class StackDataset(Dataset):
    """Samples put together from those of several datasets of equal length.

    StackDataset(a, b)[i] is (a[i], b[i]), StackDataset(x=a, y=b)[i] is {"x": a[i], "y": b[i]}. ValueError for
    lengths that differ, for both forms at once, and for none.
    """

    datasets: Any

    def __init__(self, *args: Any, **kwargs: Any):
        if bool(args) == bool(kwargs):
            raise ValueError("StackDataset takes datasets, at least one, either by position or by name")
        self.datasets = args or kwargs
        lengths = [len(dataset) for dataset in args or kwargs.values()]
        if min(lengths) != max(lengths):
            raise ValueError(f"StackDataset: all datasets must be equally long, got lengths {lengths}")

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple([dataset[index] for dataset in self.datasets])

    def __getitems__(self, indices: Sequence[int]) -> Sequence[Any]:
        if type(self).__getitem__ is not StackDataset.__getitem__:
            return [self[i] for i in indices]
        if isinstance(self.datasets, dict):
            columns = [samples_of(dataset, indices) for dataset in self.datasets.values()]
            return [dict(zip(self.datasets, row, strict=True)) for row in zip(*columns, strict=True)]
        return list(zip(*[samples_of(dataset, indices) for dataset in self.datasets], strict=True))

    def __len__(self) -> int:
        return len(
            next(iter(self.datasets.values())) if isinstance(self.datasets, dict) else self.datasets[0]
        )


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: np.random.Generator | None = None
) -> list[Subset]:
    """Subsets of `dataset` of these lengths, which share no sample, drawn by `generator` or the package's.

    Fractions that sum to 1 are rounded down to samples, and those left over go to the first subsets, one to
    each. ValueError where the lengths do not sum to the dataset's or are negative, TypeError for a generator
    of another kind.
    """
    check_generator("random_split", generator)
    n, given = len(dataset), list(lengths)
    if any(not x >= 0 for x in given):
        raise ValueError(f"random_split: lengths must not be negative, got {given}")
    total = sum(given)
    if math.isclose(total, 1) and total <= 1:
        counts = [math.floor(n * fraction) for fraction in given]
        for i in range(n - sum(counts)):
            counts[i % len(counts)] += 1
        for i, count in enumerate(counts):
            if count == 0:
                warnings.warn(f"random_split: part {i} of {given} is empty", stacklevel=2)
    else:
        if total != n or any(x != int(x) for x in given):
            raise ValueError(
                f"random_split: lengths {given} sum to {total}, not to the {n} samples of the dataset (or to "
                "1, if they are fractions)"
            )
        counts = [int(x) for x in given]
    order = numbers_of(generator).permutation(n).tolist()
    return [Subset(dataset, order[end - m : end]) for end, m in zip(accumulate(counts), counts, strict=True)]
