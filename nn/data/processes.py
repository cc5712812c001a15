"""Workers that are processes, forked or started anew."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ..parallel import forking
from ..parallel.cores import BlasLimit
from ..parallel.crew import death_of
from . import rows
from .channel import Channel
from .crew import Crew, Hand, Init, late
from .fetching import Recipe
from .serving import Reply, Worker, serve

NEW_PYTHON = (
    "; it is a new Python, which imports the main module: that must be a file whose program stands behind "
    "`if __name__ == '__main__':`, and dataset and collate_fn must be found there or in another module (what "
    "it says itself is on stderr)"
)
OUT_OF_MEMORY = "; the system does so with what takes too much memory"


class ProcessHand(Hand):
    """A worker that is a process; `others` are the callers' ends of its neighbours' pipes."""

    def __init__(self, context: Any, worker: tuple, others: list):
        own, theirs = context.Pipe()
        super().__init__(f"worker {worker[2]}", Channel(own))
        self.forked = context.get_start_method() == "fork"
        inherited, parent = ([own, *others], os.getpid()) if self.forked else ([], None)
        self.process = context.Process(
            target=run_process, args=(theirs, inherited, worker, parent), daemon=True
        )
        try:
            if self.forked:
                forking.start(self.process, "DataLoader")
            else:
                self.process.start()
        except BaseException:
            own.close()
            raise
        finally:
            theirs.close()

    def check_alive(self) -> None:
        self.process.join(5)  # its end of the pipe closes a moment before it is gone
        death = death_of(self.process)
        if death is not None:
            hint = OUT_OF_MEMORY if "SIGKILL" in death else "" if self.forked else NEW_PYTHON
            raise RuntimeError(f"DataLoader {self.name} {death}{hint}")

    def reply(self) -> Reply:
        """What it has sent; RuntimeError if it has ended instead."""
        try:
            reply = self.channel.receive()
        except (EOFError, OSError) as error:
            self.check_alive()
            raise RuntimeError(f"DataLoader {self.name} has closed its pipe") from error
        self.sizes.popleft()
        return reply

    def join(self, seconds: float) -> None:
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()


class ProcessCrew(Crew):
    """Workers that are processes of a context of multiprocessing. TypeError for what cannot be sent."""

    def __init__(self, recipe: Recipe, init: Init, workers: int, context: Any):
        super().__init__()
        try:
            with BlasLimit(1):  # which copies of this process keep: BLAS would start threads to be told so
                for number in range(workers):
                    others = [hand.channel.connection for hand in self.hands]
                    self.hands.append(ProcessHand(context, (recipe, init, number, workers), others))
        except BaseException as error:
            self.close()
            if isinstance(error, (pickle.PicklingError, AttributeError, TypeError)):
                raise unpicklable(recipe, init, context.get_start_method(), error) from error
            raise

    def next(self, numbers: Sequence[int], timeout: float) -> Reply:
        from multiprocessing.connection import wait

        hands = [self.hands[n] for n in numbers]
        places = {hand.channel.connection: hand for hand in hands}
        places |= {hand.process.sentinel: hand for hand in hands}
        ready = wait(list(places), timeout or None)
        if not ready:
            raise late(timeout, numbers)
        speaking = [each for each in ready if not isinstance(each, int)]
        hand = places[(speaking or ready)[0]]
        if speaking or hand.channel.connection.poll(0):  # it may have said something before it ended
            return hand.reply()
        hand.check_alive()
        raise RuntimeError(f"DataLoader {hand.name} has ended")


def unpicklable(recipe: Recipe, init: Init, method: str, error: BaseException) -> TypeError:
    """What to say where a worker cannot be told what to do."""
    parts = {"dataset": recipe.dataset, "collate_fn": recipe.collate_fn, "worker_init_fn": init}
    for name, part in parts.items():
        try:
            pickle.dumps(part)
        except Exception as why:
            return TypeError(
                f"DataLoader: {name} {part!r:.80} cannot be pickled, which workers started by {method!r} "
                f"need ({why}); use a function or class that stands in a module (no lambda), or "
                "multiprocessing_context='fork' or 'thread'"
            )
    return TypeError(f"DataLoader: a worker cannot be started: {error}")


def run_process(connection: Any, inherited: list, worker: tuple, parent: int | None) -> None:
    """What a worker process does. `parent`: who has forked it, and with it the ends of pipes `inherited`."""
    if parent is None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    else:
        forking.begin_worker(parent)
    for each in inherited:  # so that it is noticed when the caller's end is closed
        each.close()
    channel = WorkerChannel(connection, parent)
    if channel.lender is not None:
        rows.room.set(channel.lender.empty)
    if parent is None:
        BlasLimit(1).start()
    with suppress(EOFError, OSError):  # the caller is gone, or does not want any more
        serve(channel, Worker(*worker))


class WorkerChannel(Channel):
    """A worker's end, which sees when the caller is gone though another process holds the pipe."""

    def __init__(self, connection: Any, parent: int | None):
        super().__init__(connection)
        self.parent = parent

    def receive(self) -> Any:
        while not self.connection.poll(1.0):
            if self.parent is not None and os.getppid() != self.parent:
                os._exit(1)
        return super().receive()
