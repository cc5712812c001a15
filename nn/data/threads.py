"""Workers that are threads of this process."""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from .crew import Crew, Hand, Init, late
from .fetching import Recipe
from .serving import Reply, Worker, serve


class Desk:
    """Where a thread gets its tasks, and puts its replies beside those of the others."""

    def __init__(self, number: int, replies: SimpleQueue):
        self.number, self.replies = number, replies
        self.tasks: SimpleQueue = SimpleQueue()
        self.receive = self.tasks.get

    def pack(self, value: Any) -> Any:
        """Nothing to do: it is the same process."""
        return value

    def send(self, reply: Reply) -> None:
        """By the thread."""
        self.replies.put((self.number, reply))


class ThreadChannel:
    """The caller's side of a desk."""

    def __init__(self, desk: Desk):
        self.pack, self.tasks = desk.pack, desk.tasks

    def send(self, task: Any) -> int:
        """Put a task there, which takes no room."""
        self.tasks.put(task)
        return 0

    def close(self) -> None:
        """Let the thread end after the tasks that are there, which are taken away."""
        while not self.tasks.empty():
            try:
                self.tasks.get(False)
            except Empty:
                break
        self.tasks.put(None)


class ThreadHand(Hand):
    """A worker that is a thread."""

    def __init__(self, desk: Desk, recipe: Recipe, init: Init, workers: int):
        super().__init__(f"worker {desk.number}", ThreadChannel(desk))
        if recipe.iterable:  # each has a copy, as processes do
            recipe = replace(recipe, dataset=copy.copy(recipe.dataset))
        worker = Worker(recipe, init, desk.number, workers, shares=True)
        run = partial(serve, desk, worker)
        self.thread = threading.Thread(target=run, daemon=True, name=f"DataLoader {self.name}")
        self.thread.start()

    def join(self, seconds: float) -> None:
        self.thread.join(seconds)


class ThreadCrew(Crew):
    """Workers that are threads."""

    def __init__(self, recipe: Recipe, init: Init, workers: int):
        super().__init__()
        self.replies: SimpleQueue = SimpleQueue()
        self.early: list[deque[Reply]] = [deque() for _ in range(workers)]  # read, but not asked for yet
        for number in range(workers):
            self.hands.append(ThreadHand(Desk(number, self.replies), recipe, init, workers))

    def next(self, numbers: Sequence[int], timeout: float) -> Reply:
        while True:
            for number in numbers:
                if self.early[number]:
                    self.hands[number].sizes.popleft()
                    return self.early[number].popleft()
            try:
                number, reply = self.replies.get(True, timeout or None)
            except Empty:
                raise late(timeout, numbers) from None
            self.early[number].append(reply)
