"""What a worker does: makes the batches that it is told to, the same code for processes and threads."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

from .. import random
from ..parallel import streams
from .failure import Failure
from .fetching import InTurn, Recipe
from .randomness import batch_seed

__all__ = ["get_worker_info"]


@dataclass(frozen=True)
class WorkerInfo:
    """A worker of a DataLoader: its number `id` of `num_workers`, its `dataset`, and a `seed` of its own."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: ContextVar[WorkerInfo | None] = ContextVar("worker info", default=None)


def get_worker_info() -> WorkerInfo | None:
    """In a worker of a DataLoader what it is (id, num_workers, seed, dataset); elsewhere None."""
    return _info.get()


class Task(NamedTuple):
    """A batch to be made."""

    epoch: int
    which: int  # batch, by its number in the epoch
    seed: int  # of the epoch
    keys: Any  # of its samples
    before: Any = None  # of a resumed IterableDataset: its state, or the indices of the batches it has given


class Reply(NamedTuple):
    """What has become of a task."""

    epoch: int
    which: int
    batch: Any  # or End
    failure: Failure | None = None
    state: Any = None  # of a dataset that keeps its place, after this batch


class Worker:
    """Worker `number` of several that make batches by `recipe`.

    `shares`: whether other workers draw from np.random and random of the same process.
    """

    def __init__(
        self,
        recipe: Recipe,
        init: Callable[[int], Any] | None,
        number: int,
        workers: int,
        shares: bool = False,
    ):
        self.recipe, self.init, self.number, self.workers = recipe, init, number, workers
        self.streams = [] if shares else streams.shared_streams()
        self.name = f"{'thread' if shares else 'process'} {number}"
        self.epoch: int | None = None

    def reply(self, task: Task) -> Reply:
        """Make the batch."""
        try:
            if task.epoch != self.epoch:
                self._begin(task)
            self._seed(task.seed, task.which)
            batch = self.fetch(task.keys)
            state = self.recipe.dataset.state_dict() if self.recipe.keeps_place else None
            return Reply(task.epoch, task.which, batch, None, state)
        except BaseException as error:  # SystemExit too: the caller is waiting
            return Reply(task.epoch, task.which, None, Failure(error, self.name))

    def _begin(self, task: Task) -> None:
        seed = (task.seed + self.number) % 2**64
        _info.set(WorkerInfo(self.number, self.workers, seed, self.recipe.dataset))
        self._seed(task.seed, task.which)
        if self.init is not None:
            self.init(self.number)
            self.init = None
        self.fetch = self.recipe.fetcher()
        self.epoch = task.epoch
        if task.before is not None and self.recipe.keeps_place:
            self.recipe.dataset.load_state_dict(task.before)
        elif task.before is not None and isinstance(self.fetch, InTurn):
            for index in task.before:  # what they drew is drawn again
                self._seed(task.seed, index)
                self.fetch.next_samples()

    def _seed(self, seed: int, index: int) -> None:
        """The random numbers of a batch depend on it alone, not on who makes it: 5 us."""
        random.use_own_numbers(batch_seed(seed, index))
        streams.seed(self.streams, seed, index)


def serve(channel: Any, worker: Worker) -> None:
    """Make the batches that are asked for, until nobody is left who asks."""
    while True:
        task = channel.receive()
        if task is None:
            return
        reply = worker.reply(task)
        try:
            message = channel.pack(reply)
        except Exception as error:
            text = f"the batch cannot be sent from the worker ({error}); let collate_fn give arrays"
            failed = TypeError(text)
            failed.__cause__ = error
            message = channel.pack(Reply(task.epoch, task.which, None, Failure(failed, worker.name)))
        del reply, task
        channel.send(message)
        del message
