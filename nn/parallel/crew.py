"""Starting workers, as processes or threads, and what is needed to talk to them and keep step."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from mmap import mmap
from queue import SimpleQueue
from typing import Any

import numpy as np

from . import forking


class Link:
    """What connects one worker and its caller.

    The caller uses `send` (a task, as `pack` gives it) and `reported`, the worker `receive` and `report`. To
    keep step, the worker raises the semaphore `up` and the caller `down`, in turns.
    """

    pack: Callable[[Any], Any]
    send: Callable[[Any], None]
    receive: Callable[[], Any]
    report: Callable[[Any], None]
    reported: Callable[[], Any]
    up: Any
    down: Any
    spin = 0  # tries before sleeping

    def wait(self, semaphore, lost: Callable[[], None]) -> None:
        """Acquire; `lost` is called now and then, and raises if nobody is left who would release it."""
        for _ in range(self.spin):
            if semaphore.acquire(False):
                return
        while not semaphore.acquire(True, 0.1):
            lost()

    def check_caller(self) -> None:
        """Called by the worker: end if the caller is gone."""

    def death(self) -> str | None:
        """How the worker ended; None while it lives."""
        raise NotImplementedError

    def join(self, seconds: float) -> None:
        """Let the worker end by itself for so long; then make it, if that is possible."""
        raise NotImplementedError


class ProcessLink(Link):
    """The worker is a forked copy of this process; they share the arrays that `shared_array` gave before."""

    spin = 2000  # about 0.5 ms: waking a process up takes longer than most waits for one

    def __init__(self, serve: Callable[[Link], None]):
        import multiprocessing  # here, because most programs do without, and it takes some milliseconds

        fork: Any = multiprocessing.get_context("fork")
        self.up, self.down, self._tasks = fork.Semaphore(0), fork.Semaphore(0), fork.Semaphore(0)
        self._caller, self._worker = fork.Pipe()
        self.report, self.reported = self._worker.send, self._caller.recv
        self._caller_id = os.getpid()
        self._process = fork.Process(target=self._run, args=(serve,), daemon=True)
        forking.start(self._process, "replicate")
        self._worker.close()

    def _run(self, serve: Callable[[Link], None]) -> None:
        forking.begin_worker(self._caller_id)
        self._caller.close()
        serve(self)

    @staticmethod
    def pack(task) -> bytes:
        try:
            return pickle.dumps(task, pickle.HIGHEST_PROTOCOL)  # faster than the pipe's own pickling
        except Exception as error:
            raise TypeError(
                f"replicas: this batch cannot be sent to another process ({error}); give arrays and what can "
                "be pickled, or use kind='threads'"
            ) from error

    def send(self, packed: bytes) -> None:
        self._tasks.release()  # first: a large task is read while it is written
        self._caller.send_bytes(packed)

    def receive(self):
        self.wait(self._tasks, self.check_caller)  # a semaphore, because it can be tried quickly
        return self._worker.recv()

    def check_caller(self) -> None:
        if os.getppid() != self._caller_id:
            os._exit(1)

    def death(self) -> str | None:
        return death_of(self._process)

    def join(self, seconds: float) -> None:
        self._process.join(seconds)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        self._caller.close()


def death_of(process: Any) -> str | None:
    """How a process ended, and its number; None while it lives."""
    code = process.exitcode
    if code is None:
        return None
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    return f"(process {process.pid}) {how}"


class CallerLeft(Exception):  # noqa: N818  (no error: the way out of a wait)
    pass


class ThreadLink(Link):
    """The worker is a thread of this process."""

    def __init__(self, serve: Callable[[Link], None]):
        self.up, self.down = threading.Lock(), threading.Lock()  # the fastest semaphores up to 1
        self.up.acquire()
        self.down.acquire()
        tasks: SimpleQueue = SimpleQueue()
        reports: SimpleQueue = SimpleQueue()
        self.pack, self.send, self.receive = lambda task: task, tasks.put, tasks.get
        self.report, self.reported = reports.put, reports.get
        self._left = False
        self._thread = threading.Thread(target=self._run, args=(serve,), daemon=True)
        self._thread.start()

    def _run(self, serve: Callable[[Link], None]) -> None:
        with suppress(CallerLeft):
            serve(self)

    def check_caller(self) -> None:
        if self._left:
            raise CallerLeft

    def death(self) -> str | None:
        return None if self._thread.is_alive() else "(a thread) ended"

    def join(self, seconds: float) -> None:
        self._left = True  # if it waits for others in the middle of a step
        self._thread.join(seconds)


def shared_array(shape: tuple[int, ...], dtype) -> np.ndarray:
    """Zeros in memory that processes forked later share."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape))
    memory = mmap(-1, max(1, size * dtype.itemsize))
    return np.frombuffer(memory, dtype, size).reshape(shape)
