"""DataLoader: batches of a dataset, made ahead by workers, in an order that can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any

import numpy as np

from .collate import default_collate, default_convert
from .epoch import Epoch, OwnEpoch, WorkersEpoch
from .fetching import Recipe
from .options import THREAD, check_dataset, check_numbers, check_order, context_of
from .progress import Progress, Sources
from .random_samplers import RandomSampler
from .samplers import BatchSampler, Sampler, SequentialSampler

__all__ = ["DataLoader"]

FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


class Endless(Sampler[None]):
    """None again and again: an IterableDataset is not asked by index."""

    def __iter__(self) -> Iterator[None]:
        return repeat(None)


class DataLoader:
    """Batches of the samples of `dataset`: iterating over it is an epoch.

        for x, y in nn.data.DataLoader(nn.data.TensorDataset(xs, ys), batch_size=64, shuffle=True):
            ...

    Arguments, order and defaults are torch.utils.data.DataLoader's. `dataset`: what has samples by index (a
    Dataset, a list), or an IterableDataset. `batch_size` samples are put together by `collate_fn`, by default
    `default_collate`, which stacks each field into a Tensor; None gives single samples. The order is that of
    the dataset, or random with `shuffle`, or that of `sampler` (indices) or `batch_sampler` (lists of them).
    `drop_last` leaves out a shorter last batch. `pin_memory` and `pin_memory_device` do nothing.

    `num_workers` > 0: batches are made ahead, `prefetch_factor` (2) by each worker, and given in order, or
    with in_order=False as they come. `multiprocessing_context`: workers are forked processes where the system
    can fork safely (Linux), or started by "spawn", "forkserver" or a context; "thread" makes them threads,
    for what waits for files or computes in NumPy. A process has one BLAS thread (with threadpoolctl), and
    sends large arrays through shared memory. `worker_init_fn(id)` is called in each worker first. Workers
    live for an epoch, or with `persistent_workers` as long as the loader: changes of the dataset do not reach
    them then, except that they are started anew if its length has changed. An exception comes out here with
    the worker's traceback, and a worker that dies or takes more than `timeout` seconds is a RuntimeError.
    Processes are forked while no other thread of Python computes, waiting for that if need be; but a lock of
    the dataset's own that a thread holds then (a queue's, a Generator's) stays locked in them: there use
    "spawn" or "thread".

    Random numbers: each epoch draws one seed from `generator`, a generator of NumPy's, else the package's
    (nn.manual_seed). The order follows from it, and so does what the package's generator (nn.random) gives
    while a batch is made: the same for any number of workers, 0 too. In worker processes `random` and
    `np.random` are seeded for each batch in the same way, so that an epoch is the same for any number of them
    but 0, where these two are the program's own; threads share them, and who gets which number is chance.

    `state_dict` and `load_state_dict` resume in the middle of an epoch. TypeError and ValueError for
    arguments that are of the wrong kind or exclude each other.
    """

    _ready = False

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: np.random.Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ):
        check_numbers(num_workers, timeout, prefetch_factor, persistent_workers)
        check_order(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last, generator)
        check_dataset(dataset, sampler is not None or batch_sampler is not None)
        self.multiprocessing_context = context_of(multiprocessing_context, num_workers)
        self.dataset, self.num_workers, self.in_order = dataset, num_workers, in_order
        self.pin_memory, self.pin_memory_device = pin_memory, pin_memory_device
        self.timeout, self.worker_init_fn, self.generator = timeout, worker_init_fn, generator
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers else prefetch_factor
        self.persistent_workers = persistent_workers
        recipe = Recipe(dataset, default_convert, False, batch_size, drop_last)
        if sampler is None and recipe.iterable:
            sampler = Endless()
        elif sampler is None and shuffle:
            sampler = RandomSampler(dataset, generator=generator)
        elif sampler is None:
            sampler = SequentialSampler(dataset)
        if batch_sampler is not None:
            batch_size = None
        elif batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size, self.drop_last = batch_size, drop_last
        self.sampler, self.batch_sampler = sampler, batch_sampler
        default = default_convert if batch_sampler is None else default_collate
        self.collate_fn = default if collate_fn is None else collate_fn
        self._told: int | None = None  # the length of an IterableDataset, if somebody asked
        self._progress: Progress | None = None  # of the epoch under way
        self._resumed: dict[str, Any] | None = None  # a state that the next epoch begins in
        self._crew: Any = None
        self._crew_length: int | None = None
        self._ready = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._ready and name in FIXED:
            raise ValueError(f"DataLoader: {name} cannot be changed; make a new loader")
        super().__setattr__(name, value)

    @property
    def _order(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __len__(self) -> int:
        recipe = self._recipe()
        if not recipe.iterable:
            return len(self._order)
        self._told = len(self.dataset)
        return self._batches(self._told)

    def _batches(self, samples: int) -> int:
        size = self.batch_size or 1
        return samples // size if self.drop_last else -(-samples // size)

    def _recipe(self) -> Recipe:
        batched = self.batch_sampler is not None
        return Recipe(self.dataset, self.collate_fn, batched, self.batch_size, self.drop_last)

    def _sources(self) -> Sources:
        return Sources(self.generator, self.sampler, self.batch_sampler)

    def __iter__(self) -> Epoch:
        resumed, self._resumed = self._resumed, None
        middle = resumed if resumed is not None and resumed["progress"] is not None else None
        if resumed is not None and middle is None:
            self._sources().write(resumed["now"])
        recipe, told = self._recipe(), self._told
        length = self._batches(told) if told is not None else None if recipe.iterable else _len(self._order)
        spare = max(0, self.num_workers - 1)
        # each worker may have a shorter last batch, or drop one
        expected = None if told is None or length is None or middle else (length - spare, length + spare)
        about = (recipe, self._order, self._sources(), self.generator, middle, expected, length)
        epoch: Epoch
        if self.num_workers == 0:
            epoch = OwnEpoch(*about)
        else:
            crew, prefetch = self._workers(recipe), self.prefetch_factor or 1
            how = (crew, prefetch, self.timeout, self.in_order, crew is self._crew)
            epoch = WorkersEpoch(*about, *how)
        self._progress = epoch.progress
        return epoch

    def _workers(self, recipe: Recipe) -> Any:
        """New ones, or those that are there and have nothing to do."""
        length = _len(self.dataset)
        crew = self._crew
        if crew is not None and crew.alive:
            epoch = None if crew.at_work is None else crew.at_work()
            if epoch is not None and not epoch.over:
                return self._new_crew(recipe)  # another iterator has them
            if self._crew_length == length:
                return crew
            crew.close()
        crew = self._new_crew(recipe)
        if self.persistent_workers:
            self._crew, self._crew_length = crew, length
        return crew

    def _new_crew(self, recipe: Recipe) -> Any:
        if self.multiprocessing_context == THREAD:
            from .threads import ThreadCrew

            return ThreadCrew(recipe, self.worker_init_fn, self.num_workers)
        from multiprocessing import current_process

        from .processes import ProcessCrew

        if current_process().daemon:
            raise RuntimeError(
                "DataLoader: this process is a worker itself and cannot start others; use num_workers=0 "
                "here, or multiprocessing_context='thread'"
            )
        return ProcessCrew(recipe, self.worker_init_fn, self.num_workers, self.multiprocessing_context)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_crew": None}

    # ------------------------------------------------------------------ resuming

    def state_dict(self) -> dict[str, Any]:
        """Where the loader is, in a form that JSON holds: nn.save(path, ..., loader=loader.state_dict()).

        Taken in the middle of an epoch, the next epoch of a loader that loads it has the remaining batches of
        this one; those that workers have made ahead and that were not given out are among them. Samplers that
        have a `state_dict`, and an IterableDataset that has one, are asked for theirs. What the package's
        generator will give is not in it: nn.save keeps that itself. RuntimeError for an IterableDataset with
        in_order=False, whose order is chance.
        """
        if self._resumed is not None:
            return self._resumed
        recipe, progress = self._recipe(), self._progress
        if recipe.iterable and self.num_workers > 1 and not self.in_order:
            raise RuntimeError(
                "DataLoader: the order of an IterableDataset with in_order=False cannot be resumed"
            )
        if progress is not None and progress.over:
            progress = None
        if progress is not None and recipe.keeps_place and self.num_workers == 0:
            progress.states = {0: self.dataset.state_dict()}
        return {
            "progress": None if progress is None else progress.to_json(),
            "now": self._sources().read(),
            **self._form(recipe),
        }

    def _form(self, recipe: Recipe) -> dict[str, Any]:
        """What has to be the same where a state is loaded."""
        workers = max(1, self.num_workers) if recipe.iterable else None
        length = None if recipe.iterable else _len(self.sampler)
        return {"batch_size": self.batch_size, "length": length, "workers": workers}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Begin the next epoch in a `state` that `state_dict` gave, of a loader made in the same way.

        The number of workers may be another, but for an IterableDataset. No samples are loaded of the batches
        that had been given out, except that an IterableDataset without a `state_dict` is iterated over.
        ValueError for what is no such state, or is of another dataset's length, batch size or samplers.
        """
        if not isinstance(state, dict):
            raise ValueError(f"DataLoader: this state cannot be loaded: it is no dict, but {state!r:.60}")
        try:
            for name, own in self._form(self._recipe()).items():
                if state[name] != own:
                    raise ValueError(f"{name} was {state[name]}, and is {own} here")
            self._sources().check(state["now"])
            if state["progress"] is not None:
                Progress.from_json(state["progress"])
                self._sources().check(state["progress"]["sources"])
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(f"DataLoader: this state cannot be loaded: {error!s}") from error
        self._resumed = state


def _len(value: Any) -> int | None:
    """Its length; None where it has none."""
    try:
        return len(value)
    except (TypeError, NotImplementedError):
        return None
