"""Samples from the dataset, made a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .collate import Unlike, default_collate
from .datasets import IterableDataset
from .rows import Rows


class End:
    """What stands for a batch where an IterableDataset has no more samples."""


@dataclass
class Recipe:
    """How batches are made: all that a worker has to know."""

    dataset: Any
    collate_fn: Callable[[Any], Any]
    batched: bool  # else a sample is what a batch is
    batch_size: int | None
    drop_last: bool

    @property
    def iterable(self) -> bool:
        """Whether samples come one after the other."""
        return isinstance(self.dataset, IterableDataset)

    @property
    def keeps_place(self) -> bool:
        """Whether the dataset itself says where it is, and goes on from there."""
        return (
            self.iterable and hasattr(self.dataset, "state_dict") and hasattr(self.dataset, "load_state_dict")
        )

    def fetcher(self) -> ByIndex | InTurn:
        """What makes the batches of one epoch."""
        return InTurn(self) if self.iterable else ByIndex(self)


class ByIndex:
    """Batches of samples that are asked for by index."""

    def __init__(self, recipe: Recipe):
        self.recipe = recipe
        self.whole = recipe.collate_fn is default_collate

    def __call__(self, keys: Any) -> Any:
        recipe = self.recipe
        if not recipe.batched:
            return recipe.collate_fn(self._samples(recipe.dataset, [keys])[0])
        together = getattr(recipe.dataset, "__getitems__", None)
        samples = self._together(together, keys) if together else self._samples(recipe.dataset, keys)
        if isinstance(samples, Rows) and not self.whole:
            samples = list(samples)
        return collated(recipe.collate_fn, samples, keys)

    @staticmethod
    def _samples(dataset: Any, keys: Sequence[Any]) -> list:
        samples = []
        key = None
        try:
            for key in keys:
                samples.append(dataset[key])
        except StopIteration as error:  # which would end the epoch, without a word
            raise RuntimeError(f"dataset[{key!r}] raised StopIteration") from error
        except Exception as error:
            note(error, f"This was dataset[{key!r}], sample {len(samples)} of {len(keys)} of a batch.")
            raise
        return samples

    @staticmethod
    def _together(together: Callable, keys: Sequence[Any]) -> Sequence[Any]:
        try:
            samples = together(keys)
        except StopIteration as error:
            raise RuntimeError("the dataset's __getitems__ raised StopIteration") from error
        except Exception as error:
            note(error, f"This was dataset.__getitems__({_short(keys)}).")
            raise
        if len(samples) != len(keys):
            raise ValueError(
                f"the dataset's __getitems__ gave {len(samples)} samples for {len(keys)} indices"
            )
        return samples


class InTurn:
    """Batches of the samples that an IterableDataset gives, one after the other."""

    def __init__(self, recipe: Recipe):
        self.recipe = recipe
        self.samples: Iterator[Any] | None = None
        self.ended = False

    def __call__(self, keys: Any) -> Any:
        samples = self.next_samples()
        if samples is None:
            return End
        if not self.recipe.batched:
            return self.recipe.collate_fn(samples[0])
        return collated(self.recipe.collate_fn, samples, None)

    def next_samples(self) -> list | None:
        """Those of the next batch; None at the end."""
        if self.samples is None:
            self.samples = iter(self.recipe.dataset)
        size = self.recipe.batch_size if self.recipe.batched else 1
        samples = [] if self.ended else list(islice(self.samples, size))
        short = len(samples) < (size or 1)
        self.ended = self.ended or short
        return None if not samples or (short and self.recipe.drop_last) else samples


def collated(collate_fn: Callable[[Any], Any], samples: Sequence[Any], keys: Sequence[Any] | None) -> Any:
    """The batch of these samples, which are dataset[key] for the keys."""
    try:
        return collate_fn(samples)
    except Unlike as error:
        if keys is None:
            raise
        first, other = (keys[i] for i in error.pair)
        raise RuntimeError(f"{error} (they are dataset[{first!r}] and dataset[{other!r}])") from None
    except StopIteration as error:
        raise RuntimeError("collate_fn raised StopIteration") from error


def note(error: BaseException, text: str) -> None:
    """Add a line to an exception that is shown with it (by Python from 3.11 on)."""
    if hasattr(error, "add_note"):
        error.add_note(text)
    else:
        error.__notes__ = [*getattr(error, "__notes__", ()), text]


def _short(keys: Sequence[Any]) -> str:
    told = [repr(key) for key in keys[:8]] + ["..."] * (len(keys) > 8)
    return f"[{', '.join(told)}]"
