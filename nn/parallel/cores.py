"""Which cores a program may use, and how many of them a matrix product takes."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from functools import cache
from typing import Any, ClassVar

from ..module import Module

# The threads of a product wait for each other at its end. Where a neighbour keeps one of their cores busy,
# that takes until the system gives them the core, some 10 ms, however small the product: two threads have
# taken 12 ms for 8 MFLOP, 0.1 ms of work for one. From 2 GFLOP on, 10 ms and more for one, they lose less
# beside a neighbour than they gain without it.
FLOPS_FOR_A_THREAD = 1e9


def available_cores() -> list[int]:
    """The numbers of the cores that this process may run on."""
    if sys.platform == "linux":
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def pin(cores: list[int]) -> None:
    """Run the calling thread on these cores only, where the system can be asked (Linux).

    It wakes a sleeping worker on the core of the one that woke it, where the two would take turns.
    """
    if sys.platform == "linux":
        os.sched_setaffinity(0, cores)


@cache
def blas_libraries() -> list[Any] | None:
    """What sets the number of threads of each BLAS library that is loaded; None without threadpoolctl."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController().select(user_api="blas").lib_controllers


def blas_threads() -> int:
    """How many threads every BLAS library may use, 1 without threadpoolctl."""
    return min((library.num_threads for library in blas_libraries() or ()), default=1)


class BlasLimit:
    """Between `start` and `stop`, or in a `with` statement, a matrix product uses at most `threads` threads.

    It holds for the whole process; of limits that overlap the lowest counts, and none raises the number.
    Without threadpoolctl it does nothing.
    """

    _lock = threading.Lock()
    _started: ClassVar[list[int]] = []
    _before: ClassVar[list[int]] = []  # each library's number without limits

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def start(self) -> None:
        with self._lock:
            if not self._started:
                self._before[:] = [library.num_threads for library in blas_libraries() or ()]
            self._started.append(self.threads)
            self._apply()

    def stop(self) -> None:
        with self._lock:
            self._started.remove(self.threads)
            self._apply()

    def _apply(self) -> None:
        for library, before in zip(blas_libraries() or (), self._before, strict=True):
            library.set_num_threads(min([before, *self._started]))

    def __enter__(self) -> BlasLimit:
        self.start()
        return self

    def __exit__(self, *exc) -> None:
        self.stop()


def limit_threads(model: Module, rows: int) -> BlasLimit:
    """In a `with` statement: matrix products use as many BLAS threads as their work is worth.

    `rows` is how many vectors pass through `model` at once, such as the tokens of a batch: with its average
    matrix a product takes 2 * rows * size FLOPs, and is given a thread for each 1e9 of them, at least one.
    More would save little, and cost much while another program keeps a core busy. The number of threads is
    the process's, is never raised, and stays as it is without threadpoolctl.
    """
    return BlasLimit(threads_for(average_matrix(model), rows))


def average_matrix(model: Module) -> float:
    """How many numbers a matrix of the model has; 0 without one."""
    sizes = [p.size for p in model.parameters() if p.ndim > 1]
    return sum(sizes) / max(1, len(sizes))


def threads_for(size: float, rows: int) -> int:
    """What the product of so many rows with a matrix of `size` numbers is worth."""
    return max(1, int(2 * rows * size / FLOPS_FOR_A_THREAD))


def one_blas_thread() -> BlasLimit:
    """For replicas, which keep all cores busy: BLAS threads that wait for work would take them away."""
    if blas_libraries() is None and os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        warnings.warn(
            "replicas are slow with more than one BLAS thread each: pip install threadpoolctl, "
            "or start Python with OPENBLAS_NUM_THREADS=1",
            stacklevel=5,
        )
    return BlasLimit(1)
