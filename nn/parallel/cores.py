"""Which cores a program may use, and how many of them a matrix product takes."""

from __future__ import annotations

import os
import sys
import warnings


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


class OneBlasThread:
    """Between `start` and `stop`, matrix products of this process use one thread each.

    Replicas keep all cores busy already, and BLAS threads that wait for work would take them away.
    """

    def __init__(self) -> None:
        self._limits = None

    def start(self) -> None:
        try:
            from threadpoolctl import threadpool_limits
        except ImportError:
            if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
                warnings.warn(
                    "replicas are slow with more than one BLAS thread each: pip install threadpoolctl, "
                    "or start Python with OPENBLAS_NUM_THREADS=1",
                    stacklevel=4,
                )
            return
        self._limits = threadpool_limits(1, user_api="blas")

    def stop(self) -> None:
        if self._limits is not None:
            self._limits.restore_original_limits()
            self._limits = None
