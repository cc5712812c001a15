"""Random orders: shuffled, with replacement, weighted, and one share of several processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from typing import Any

import numpy as np

from .randomness import check_generator, draw_seed
from .samplers import Sampler

__all__ = ["DistributedSampler", "RandomSampler", "SubsetRandomSampler", "WeightedRandomSampler"]

PIECE = 4096  # indices that become Python numbers at once: a million would take 40 MB and 20 ms


def one_by_one(indices: np.ndarray) -> Iterator[int]:
    """The numbers of an array as Python ints."""
    for start in range(0, len(indices), PIECE):
        yield from indices[start : start + PIECE].tolist()


def _new_numbers(generator: np.random.Generator | None) -> np.random.Generator:
    """For one epoch, from a seed drawn now: what is drawn later depends on nobody else."""
    return np.random.Generator(np.random.SFC64(draw_seed(generator)))


def _check_count(num_samples: Any, way_out: str = "") -> None:
    if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
        raise ValueError(f"num_samples should be a positive integer, not {num_samples!r}{way_out}")


class RandomSampler(Sampler[int]):
    """The indices of `data_source` in random order, or `num_samples` drawn with `replacement`.

    Without replacement, more than there are samples is several shuffled rounds. Each epoch draws a seed from
    `generator`, a generator of NumPy's, or else the package's. ValueError unless `num_samples` is positive,
    which it is not for an empty `data_source`; TypeError for a generator or `replacement` of another kind.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: np.random.Generator | None = None,
    ):
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement is True or False, not {replacement!r}")
        check_generator("RandomSampler", generator)
        self.data_source, self.replacement, self.generator = data_source, replacement, generator
        self._num_samples = num_samples
        empty = num_samples is None and self.num_samples == 0
        _check_count(self.num_samples, ": an empty dataset cannot be shuffled" if empty else "")

    @property
    def num_samples(self) -> int:
        """How many indices an epoch has; by default the length of the data source, whatever that is now."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        return self._drawn(_new_numbers(self.generator), len(self.data_source), self.num_samples)

    def _drawn(self, numbers: np.random.Generator, n: int, wanted: int) -> Iterator[int]:
        while wanted > 0 and n > 0:
            if self.replacement:
                indices = numbers.integers(n, size=min(wanted, PIECE))
            else:
                indices = numbers.permutation(n)[:wanted]
            wanted -= len(indices)
            yield from one_by_one(indices)

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """`indices` in random order, from a seed that `generator` or the package's gives in each epoch.

    TypeError for a generator of another kind.
    """

    def __init__(self, indices: Sequence[int], generator: np.random.Generator | None = None):
        check_generator("SubsetRandomSampler", generator)
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        order = _new_numbers(self.generator).permutation(len(self.indices))
        return (self.indices[i] for i in one_by_one(order))

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """`num_samples` indices of `weights`, each drawn with a probability that is proportional to its weight.

    Without `replacement` none is drawn twice. `weights` (n,) need not sum to 1. ValueError for weights that
    are negative, not finite, all zero, or of which too few are above zero to draw without replacement, and
    unless `num_samples` is positive and `replacement` a bool; TypeError for what are no numbers, and a
    generator of another kind.
    """

    def __init__(
        self,
        weights: Any,
        num_samples: int,
        replacement: bool = True,
        generator: np.random.Generator | None = None,
    ):
        _check_count(num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement is True or False, not {replacement!r}")
        check_generator("WeightedRandomSampler", generator)
        try:
            array = np.array(weights, np.float64)
        except (TypeError, ValueError) as error:
            raise TypeError(f"WeightedRandomSampler: weights are numbers, got {weights!r:.60}") from error
        if array.ndim != 1:
            raise ValueError(
                f"WeightedRandomSampler: weights are one number a sample, not shaped {array.shape}"
            )
        wrong = ~(np.isfinite(array) & (array >= 0))
        if wrong.any():
            i = int(wrong.argmax())
            raise ValueError(f"WeightedRandomSampler: weights must be finite and >= 0, got {array[i]} at {i}")
        needed, positive = 1 if replacement else num_samples, int((array > 0).sum())
        if positive < needed:
            raise ValueError(
                f"WeightedRandomSampler: {positive} of {array.size} weights are above zero, too few to draw "
                f"{num_samples} samples with replacement={replacement}"
            )
        self.weights, self.num_samples = array, num_samples
        self.replacement, self.generator = replacement, generator

    def __iter__(self) -> Iterator[int]:
        numbers, wanted = _new_numbers(self.generator), self.num_samples
        weights = self.weights / self.weights.max()  # whose sum is finite
        if self.replacement:
            return one_by_one(numbers.choice(weights.size, wanted, p=weights / weights.sum()))
        # The first events of processes with these rates come in the order of draws without replacement
        # (Efraimidis and Spirakis, Weighted random sampling with a reservoir, 2006).
        with np.errstate(divide="ignore", over="ignore"):
            times = numbers.standard_exponential(weights.size) / weights
        return one_by_one(np.argsort(times)[:wanted])

    def __len__(self) -> int:
        return self.num_samples


class DistributedSampler(Sampler[int]):
    """The share of process `rank` among `num_replicas`: every num_replicas-th index of the dataset's order.

    With `shuffle` the order follows from `seed` and the epoch, which `set_epoch` tells, so that all processes
    have the same. The shares are equally long: the first indices are repeated, or with `drop_last` the last
    are left out. ValueError for a rank out of range, RuntimeError where one of the two numbers is missing.
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ):
        if num_replicas is None or rank is None:
            raise RuntimeError(
                "DistributedSampler: give num_replicas and rank; there is no process group here"
            )
        if not 0 <= rank < num_replicas:
            raise ValueError(
                f"DistributedSampler: rank {rank} is not between 0 and num_replicas - 1 = {num_replicas - 1}"
            )
        self.dataset, self.num_replicas, self.rank = dataset, num_replicas, rank
        self.shuffle, self.seed, self.drop_last, self.epoch = shuffle, seed, drop_last, 0
        n = len(dataset)
        self.num_samples = n // num_replicas if drop_last else -(-n // num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        order = np.random.default_rng(self.seed + self.epoch).permutation(n) if self.shuffle else np.arange(n)
        return one_by_one(np.resize(order, self.total_size)[self.rank :: self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Tell the number of the epoch, so that each has another order."""
        self.epoch = epoch
