"""Forking a process while other threads of this one run."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar

from . import streams

LIMIT = 10.0  # seconds to wait for other threads
PR_SET_PDEATHSIG = 1  # of Linux's prctl: the signal for the end of the parent
SHORTEST = 0.02  # seconds for which the interpreter is kept from them, at first


class Forking:
    """Whose turn it is to fork."""

    turn: ClassVar[Any] = threading.Lock()
    thread: ClassVar[int | None] = None
    by_main: ClassVar[bool] = False  # whether that is the main thread
    interrupt: ClassVar[BaseException | None] = None


def start(process: Any, who: str) -> None:
    """Start a `process` that multiprocessing forks, when no other thread of Python computes.

    A lock that some thread holds in C stays locked in the copy for ever: OpenBLAS has them, and what it does
    itself at a fork in the middle of another thread's product never ends. RuntimeError, which begins with
    `who`, if a thread computes for 10 s without coming back to Python. The process calls
    `begin_worker` first.
    """
    _look_at_forks()
    with Forking.turn, numpy_lock():
        if not wait_for_rest():
            raise RuntimeError(
                f"{who}: no process can be forked, because another thread of this program has been in one "
                f"computation for {LIMIT:g} s and may hold locks for which the copy would wait for ever"
            )
        Forking.thread = threading.get_ident()
        Forking.by_main = threading.current_thread() is threading.main_thread()
        allowed = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of a fork while threads run
                process.start()
        finally:
            Forking.thread = None
            signal.pthread_sigmask(signal.SIG_SETMASK, allowed)
        interrupt, Forking.interrupt = Forking.interrupt, None
    if interrupt is not None:
        raise interrupt


def begin_worker(parent: int) -> None:
    """In a worker that process `parent` has forked by `start`: ignore Ctrl-C, and end with the parent.

    Ctrl-C reaches every process of a terminal, and the caller decides what follows. The system (Linux) takes
    the thread that has forked for the parent, so nothing is asked of it where another than the main one has.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if Forking.by_main and sys.platform == "linux":
        _c().prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


@cache
def _look_at_forks() -> None:
    """Other threads run between `start` and the fork itself, so the last look is just before that."""
    os.register_at_fork(before=_before, after_in_child=_in_child)


def _before() -> None:
    if threading.get_ident() == Forking.thread:
        try:
            wait_for_rest()
        except BaseException as error:  # Ctrl-C, which would be lost here
            Forking.interrupt = error


def _in_child() -> None:
    if Forking.thread is not None:
        numpy_lock().release()
    Forking.turn, Forking.thread = threading.Lock(), None


def numpy_lock() -> Any:
    """That of np.random, which another thread might hold at the fork."""
    return streams.shared_streams()[0]._bit_generator.lock


def wait_for_rest() -> bool:
    """Wait until all other threads sleep, and keep the interpreter from them; False if they do not.

    It stays with the caller, for some milliseconds at least, until that makes a call which gives it away.
    """
    limit, usual, patience = time.monotonic() + LIMIT, sys.getswitchinterval(), SHORTEST
    try:
        while others := _other_threads():
            sys.setswitchinterval(patience)  # for waits that begin from now on
            _c().usleep(int(2e6 * usual))  # in which those that wait already ask for it
            end = time.monotonic() + 0.8 * patience
            while time.monotonic() < end:  # and are given it here; then they wait in the new way
                if _all_asleep(others):
                    return True
                _c().usleep(200)
            if end > limit:
                return False
            patience *= 2  # a long computation has to end within it
        return True
    finally:
        sys.setswitchinterval(usual)


def _other_threads() -> list[int]:
    me = threading.get_native_id()
    return [t.native_id for t in threading.enumerate() if t.native_id not in (me, None)]


def _all_asleep(threads: Sequence[int]) -> bool:
    """Whether they all slept at one moment: from before it until after it, without having run in between."""
    first = [_status(t) for t in threads]
    return all(b"S" in told[:1] or not told for told in first) and [_status(t) for t in threads] == first


def _status(thread: int) -> bytes:
    """The state of a thread and how often it has been stopped; nothing where the system does not say."""
    c, told = _c(), ctypes.create_string_buffer(4096)
    file = c.open(b"/proc/self/task/%d/status" % thread, os.O_RDONLY)
    if file < 0:
        return b""
    c.read(file, told, len(told))
    c.close(file)
    _, _, state = told.value.partition(b"State:\t")
    return state[:1] + state.partition(b"voluntary_ctxt_switches:")[2]


@cache
def _c() -> Any:
    """The C library, by calls that keep the interpreter from other threads, as Python's own do not."""
    return ctypes.PyDLL(None)
