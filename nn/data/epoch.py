"""One pass over the data, in this process or with workers: what `iter(loader)` gives."""

from __future__ import annotations

import os
import warnings
import weakref
from collections import deque
from collections.abc import Iterator
from itertools import repeat
from typing import Any

from ..random import Stream, drawn_from
from .crew import Crew, Late
from .fetching import End, InTurn, Recipe
from .progress import Progress, Sources
from .randomness import batch_seed, draw_seed, order_seed
from .serving import Reply, Task


class Epoch:
    """The batches of an epoch, made in this process when they are asked for.

    `order`: the keys of each batch, an iterable. `resumed`: what a loader's state_dict said in the middle of
    an epoch, else None. `expected`: how many batches somebody was told to expect of an IterableDataset, at
    least and at most.
    """

    over = False
    count = 0  # of batches given

    def __init__(
        self,
        recipe: Recipe,
        order: Any,
        sources: Sources,
        generator: Any,
        resumed: dict[str, Any] | None,
        expected: tuple[int, int] | None,
        length: int | None,
    ):
        self.recipe, self.expected, self.length = recipe, expected, length
        if resumed is None:
            self.progress = Progress(draw_seed(generator), sources.read())
        else:
            self.progress = Progress.from_json(resumed["progress"])
            sources.write(self.progress.sources)
        self.index = self.progress.index  # of the next batch to be made
        self._order = Stream(order_seed(self.progress.seed))
        with drawn_from(self._order):
            self._keys: Iterator[Any] = repeat(None) if recipe.iterable else iter(order)
        if resumed is not None:
            self._pass_over(sources, resumed["now"])

    def _pass_over(self, sources: Sources, now: list[Any]) -> None:
        """Keys of the batches that were given; no samples."""
        before = sources.read()
        if not self.recipe.iterable:
            for _ in range(self.index):
                self._next_keys()
        if sources.read() == before:  # they are drawn from at the start of an epoch alone
            sources.write(now, only_generators=True)

    def _next_keys(self) -> Any:
        """Of the next batch; End after the last."""
        with drawn_from(self._order):
            return next(self._keys, End)

    def _finish(self) -> None:
        """There are no more batches."""
        self.over = self.progress.over = True
        if self.expected is not None and self.count < self.expected[0]:
            self._warn(f"only {self.count} batches came")

    def _counted(self) -> None:
        self.count += 1
        if self.expected is not None and self.count == self.expected[1] + 1:
            self._warn(f"{self.count} batches have come, and more may")

    def _warn(self, what: str) -> None:
        warnings.warn(
            f"DataLoader: by len() of its IterableDataset there should be {self.length} batches, but {what}. "
            "With several workers each has a copy of the dataset: see get_worker_info for giving each a part",
            stacklevel=4,
        )

    def __iter__(self) -> Epoch:
        return self

    def __len__(self) -> int:
        if self.length is None:
            raise TypeError("the length of this epoch is not known")
        return self.length

    def __next__(self) -> Any:
        raise NotImplementedError


class OwnEpoch(Epoch):
    """Its batches are made here."""

    def __init__(self, *args: Any):
        super().__init__(*args)
        self._fetch = self.recipe.fetcher()
        if self.recipe.keeps_place and 0 in self.progress.states:
            self.recipe.dataset.load_state_dict(self.progress.states[0])
        elif isinstance(self._fetch, InTurn):
            for index in range(self.index):  # what they drew is drawn again
                with drawn_from(Stream(batch_seed(self.progress.seed, index))):
                    self._fetch.next_samples()

    def __next__(self) -> Any:
        keys = End if self.over else self._next_keys()
        if keys is not End:
            index, self.index = self.index, self.index + 1
            if index in self.progress.later:
                return self.__next__()
            self.progress.given(index)  # if it fails too: who goes on then goes on behind it
            with drawn_from(Stream(batch_seed(self.progress.seed, index))):
                batch = self._fetch(keys)
            if batch is not End:
                self._counted()
                return batch
        if not self.over:
            self._finish()
        raise StopIteration


class WorkersEpoch(Epoch):
    """Its batches are made by workers, `prefetch` ahead by each."""

    _order_error: Exception | None = None

    def __init__(self, *args: Any):
        *about, crew, self._prefetch, self._timeout, self._in_order, self._lasts = args
        super().__init__(*about)
        self._crew: Crew = crew
        crew.epochs += 1
        crew.at_work = weakref.ref(self)
        self._number = crew.epochs
        self._pending: dict[int, int] = {}  # who makes the batches that are not given yet
        self._load = [0] * len(crew.hands)
        self._turns = deque(range(len(crew.hands)))
        self._before: list[Any] = [None] * len(crew.hands)  # what a worker has to know of batches given
        self._known_ends = dict(self.progress.ends)
        if self.recipe.iterable and self.index:  # the same turns once more, without any work
            self.index = 0
            self._before = [self.progress.states.get(n, []) for n in range(len(crew.hands))]
        try:
            self._fill()
        except BaseException:  # a worker has died since the last epoch: the next one has others
            crew.close()
            raise

    def _fill(self) -> None:
        """Give out tasks, in turns, as far ahead as allowed."""
        while self._turns:
            number = self._turns[0]
            hand = self._crew.hands[number]
            if self._load[number] >= self._prefetch or not hand.is_free():
                return
            try:
                keys = self._next_keys()
            except Exception as error:  # of the sampler: told when its batch is due
                self._order_error, keys = error, End
            if keys is End:
                self._turns.clear()
                return
            index, self.index = self.index, self.index + 1
            if self.progress.was_given(index) and not self.recipe.iterable:
                continue
            self._turns.rotate(-1)
            self._load[number] += 1
            self._pending[index] = number
            if not self.progress.was_given(index):
                before, self._before[number] = self._before[number], None
                hand.give(Task(self._number, index, self.progress.seed, keys, before))
            elif not self.recipe.keeps_place and index < self._known_ends.get(number, self.progress.index):
                self._before[number].append(index)

    def __next__(self) -> Any:
        while not self.over:
            if os.getpid() != self._crew.caller:
                raise RuntimeError(
                    "DataLoader: this iterator was made before the process was forked; make one here"
                )
            try:
                reply = self._next_reply()
                if reply is None:
                    break
                number = self._done(reply.which)
                self._fill()  # now, so that nobody waits while this batch is used
            except Late:
                raise
            except BaseException:  # a worker died, or Ctrl-C in the middle of a message
                self.over = True
                self._crew.close()
                raise
            self.progress.given(reply.which)
            if reply.failure is not None:
                raise reply.failure.exception()
            if reply.batch is End:
                self._ended(number, reply.which)
                continue
            if reply.state is not None:
                self.progress.states[number] = reply.state
            self._counted()
            return reply.batch
        if not self.over:
            self._finish()
            if self._order_error is not None:
                raise self._order_error
        raise StopIteration

    def _next_reply(self) -> Reply | None:
        """The next to be given; None if none will come."""
        while True:
            self._fill()
            if not self._pending:
                return None
            index, number = next(iter(self._pending.items()))
            if self.progress.was_given(index):
                self._done(index)
                if index >= self._known_ends.get(number, self.progress.index):
                    self._ended(number, index)
                continue
            numbers = [number] if self._in_order else sorted(set(self._pending.values()))
            reply = self._crew.next(numbers, self._timeout)
            if reply.epoch == self._number:  # else of an epoch that was left half-way
                return reply

    def _done(self, index: int) -> int:
        number = self._pending.pop(index)
        self._load[number] -= 1
        return number

    def _ended(self, number: int, index: int) -> None:
        """This worker has no more samples."""
        self.progress.ends.setdefault(number, index)
        if number in self._turns:
            self._turns.remove(number)

    def _finish(self) -> None:
        super()._finish()
        if not self._lasts:
            self._crew.close()
