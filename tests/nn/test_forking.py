"""Processes forked while other threads compute."""

import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from tapegrad.nn.parallel import can_fork, forking

pytestmark = pytest.mark.skipif(
    not (can_fork() and os.path.exists("/proc/self/task")), reason="this system cannot fork, or has no /proc"
)


@pytest.fixture
def busy():
    """A thread that goes from one computation in C to the next; `.seconds` is how long each takes, about."""

    def compute():
        while thread.seconds:
            hashlib.pbkdf2_hmac("sha256", b"", b"", int(thread.seconds * 2e6))

    thread = threading.Thread(target=compute)
    thread.seconds = 0.002
    thread.start()
    yield thread
    thread.seconds = 0
    thread.join()


def test_other_threads_rest_until_python_is_given_away(busy, monkeypatch):
    monkeypatch.setattr(forking, "SHORTEST", 1.0)  # so that a busy machine changes nothing
    busy.seconds = 0.03  # longer than the interpreter is kept before the first look
    clock, usual = time.pthread_getcpuclockid(busy.ident), sys.getswitchinterval()
    for _ in range(10):
        time.sleep(0.002)
        assert forking.wait_for_rest()
        before = time.clock_gettime_ns(clock)
        forking._c().usleep(2000)
        sum(i for i in range(30_000))
        assert time.clock_gettime_ns(clock) == before and sys.getswitchinterval() == usual


def test_a_computation_without_end(busy, monkeypatch):
    monkeypatch.setattr(forking, "LIMIT", 0.01)
    busy.seconds = 0.5
    time.sleep(0.05)
    process = multiprocessing.get_context("fork").Process(target=print)
    with pytest.raises(RuntimeError, match="someone: no process can be forked, because another thread"):
        forking.start(process, "someone")
    assert process.pid is None and not forking.Forking.turn.locked()


def test_ctrl_c_just_before_the_fork_is_not_lost(monkeypatch):
    looks = []

    def interrupted():
        looks.append(0)
        if len(looks) == 2:
            raise KeyboardInterrupt
        return True

    monkeypatch.setattr(forking, "wait_for_rest", interrupted)
    process = multiprocessing.get_context("fork").Process(target=forking.begin_worker, args=(os.getpid(),))
    with pytest.raises(KeyboardInterrupt):
        forking.start(process, "someone")
    process.join()
    assert process.exitcode == 0 and forking.Forking.interrupt is None
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_random_numbers_are_not_locked_in_the_copy():
    holding, allowed = threading.Event(), threading.Event()

    def hold():
        with forking.numpy_lock():
            holding.set()
            allowed.wait(5)

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait()
    threading.Timer(0.1, allowed.set).start()
    process = multiprocessing.get_context("fork").Process(target=np.random.random)
    forking.start(process, "someone")
    process.join(3)
    code = process.exitcode
    process.kill()
    allowed.set()
    thread.join()
    assert code == 0


SCRIPT = """
import threading, numpy as np
from tapegrad import nn
from tapegrad.nn import data
from tapegrad.nn.parallel import replicate
matrix = np.ones((300, 300), np.float32)
def compute():
    while True:
        matrix @ matrix
        np.random.random(1000)
def collate(samples):
    matrix @ matrix
    return float(np.random.random())
for _ in range(2):
    threading.Thread(target=compute, daemon=True).start()
for _ in range(4):
    assert len(list(data.DataLoader(range(8), 4, num_workers=2, collate_fn=collate))) == 2
    model = nn.Linear(300, 1)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    with replicate(model, optimizer, lambda m, x: m(x).mean(), workers=2, kind="processes") as replicas:
        replicas.step(matrix)
print("done")
"""


def test_workers_and_replicas_beside_threads_that_compute():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], timeout=60, capture_output=True, text=True,
        env={name: value for name, value in os.environ.items() if "THREADS" not in name},
    )  # fmt: skip
    assert done.returncode == 0 and done.stdout == "done\n", done.stderr
