"""The workers of a loader as their caller sees them: given tasks, asked for replies, ended."""

from __future__ import annotations

import os
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from .serving import Reply, Task

GRACE = 0.5  # seconds for workers to end what they do
MOST_TASKS, WAITING = 64, 1 << 15  # and their bytes that may wait for a worker; a pipe holds more than that
Init = Callable[[int], Any] | None


class Hand:
    """A worker, and the sizes of the tasks that it has been given and not replied to."""

    def __init__(self, name: str, channel: Any):
        self.name, self.channel = name, channel
        self.sizes: deque[int] = deque()

    def is_free(self) -> bool:
        """Whether it can be sent another task, without waiting until it has read those before."""
        return not self.sizes or (len(self.sizes) < MOST_TASKS and sum(self.sizes) < WAITING)

    def give(self, task: Task) -> None:
        """Send it a task; RuntimeError if it is dead."""
        try:
            self.sizes.append(self.channel.send(self.channel.pack(task)))
        except OSError:
            self.check_alive()
            raise

    def check_alive(self) -> None:
        """RuntimeError if it has ended."""

    def join(self, seconds: float) -> None:
        """Wait until it has ended, for so long at most; then make it, if that is possible."""
        raise NotImplementedError


class Crew:
    """All workers of a loader. They end with `close`, and when nobody has the crew any more."""

    def __init__(self) -> None:
        self.hands: list[Any] = []
        self.caller = os.getpid()
        self.close = weakref.finalize(self, end, self.hands, self.caller)  # at the end of the program too
        self.epochs = 0
        self.at_work: weakref.ref | None = None  # on the epoch that was begun last

    @property
    def alive(self) -> bool:
        """Whether it has not been closed, and is this process's: a forked copy has no workers."""
        return self.close.alive and self.caller == os.getpid()

    def next(self, numbers: Sequence[int], timeout: float) -> Reply:
        """The next reply of one of these workers.

        RuntimeError if there is none within `timeout` seconds (0: no limit), or a worker ends.
        """
        raise NotImplementedError


def end(hands: list[Hand], caller: int) -> None:
    """Let all workers end by themselves for a moment, then make them; only process `caller` can."""
    from contextlib import suppress
    from time import monotonic

    for hand in hands:
        with suppress(OSError):
            hand.channel.close()
    limit = monotonic() + GRACE
    for hand in hands if caller == os.getpid() else ():
        hand.join(max(0.0, limit - monotonic()))
    hands.clear()


class Late(RuntimeError):  # noqa: N818  (nothing is broken: one may wait again)
    """A time limit has passed."""


def late(timeout: float, numbers: Sequence[int]) -> Late:
    """What is raised after a time limit."""
    who = f"worker {numbers[0]}" if len(numbers) == 1 else "any worker"
    return Late(f"DataLoader timed out after {timeout} seconds of waiting for {who}")
