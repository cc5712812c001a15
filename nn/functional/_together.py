"""Parts of a computation on several threads, in place of several BLAS threads for each of its products.

What a layer does to half of its images takes milliseconds, and NumPy works without the interpreter's lock; so
the copies and sums between the products are shared too, and nothing waits at the end of each product. That
matters where a neighbour keeps a core busy: each wait takes until the system gives back the core, some 10 ms.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from functools import cache
from queue import SimpleQueue

# Multiplications that are worth it. A hand-off takes some 50 us, as much as 5,000,000 of them.
WORK = 20_000_000


class _Worker:
    """A thread that waits for jobs; it ends with the process."""

    def __init__(self):
        self.calls = SimpleQueue()
        self.cores = None
        self.thread = threading.Thread(target=self._run, name="tapegrad-part", daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            _help(*self.calls.get())

    def keep_to(self, cores):
        if cores != self.cores:
            os.sched_setaffinity(self.thread.native_id, cores)
            self.cores = cores


def _help(context, waiting, done):
    context.run(_take, waiting, done)


def _take(waiting, done):
    """Do jobs as long as any wait. Who gets no core takes none, and nobody has to wait for it."""
    while waiting:
        try:
            job = waiting.popleft()
        except IndexError:  # another was faster
            return
        done.put(_error_of(job))


def _error_of(job):
    try:
        job()
    except BaseException as error:  # raised again where the job came from
        return error
    return None


_free = threading.Lock()
_workers: list[_Worker] = []


def _after_fork():
    """Threads do not live on in a child."""
    global _free
    _free = threading.Lock()
    _workers.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def parts(count: int, work: int, each: int = 2) -> list[slice]:
    """`count` images as slices, `each` for a thread, if they take so many multiplications; or else all."""
    threads = 1 if work < WORK or count < 2 else _threads()
    number = 1 if threads == 1 else min(count, work // (WORK // 2), threads * each)
    ends = [count * i // number for i in range(number + 1)]
    return [slice(a, b) for a, b in zip(ends, ends[1:], strict=False)]


def _threads() -> int:
    """How many threads BLAS would use, if that can be asked and it has a core for each."""
    from ..parallel.cores import available_cores, blas_libraries

    numbers = [library.num_threads for library in blas_libraries() or ()]
    return max(1, min([*numbers, len(available_cores())])) if numbers else 1


def one_blas_thread():
    """A limit, in a `with` statement, for products among what is done together.

    BLAS threads go on to wait for work for some 25 ms after a product, in the way of ours.
    """
    from ..parallel.cores import BlasLimit

    return BlasLimit(1)


def together(jobs: list[Callable[[], None]]) -> None:
    """Run the jobs, here and by the workers if those are free, and wait for all."""
    if len(jobs) == 1 or not _free.acquire(blocking=False):
        for job in jobs:
            job()
        return
    lock = _free
    try:
        with one_blas_thread():
            _run_all(jobs)
    finally:
        lock.release()


def _run_all(jobs):
    helpers = min(len(jobs), _threads()) - 1 or 1
    while len(_workers) < helpers:
        _workers.append(_Worker())
    _place(helpers)
    waiting, done = deque(jobs), SimpleQueue()
    for worker in _workers[:helpers]:
        worker.calls.put((copy_context(), waiting, done))
    try:
        _take(waiting, done)
        errors = [done.get() for _ in jobs]
    finally:
        waiting.clear()
    for error in errors:
        if error is not None:
            raise error


def _place(count):
    """Keep workers off this thread's core, where Linux would wake them, to take turns with it."""
    if sys.platform != "linux":
        return
    cores = sorted(os.sched_getaffinity(0) - {_current_core()()})
    for i, worker in enumerate(_workers[:count]):
        worker.keep_to(cores[i::count] or cores)


@cache
def _current_core():
    return ctypes.CDLL(None).sched_getcpu
