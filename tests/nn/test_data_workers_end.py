"""How the workers of nn.data.DataLoader end: with an error, killed, left; nothing hangs or stays behind."""

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from data_cases import Drawing, Failing, Numbers, Slow, batches, loader, plain
from tapegrad.nn import data

pytestmark = pytest.mark.usefixtures("no_worker_is_left")


class PickyError(ValueError):
    def __init__(self, a, b):
        super().__init__(f"{a} and {b}")


def test_an_error_arrives_with_the_workers_traceback(kind):
    class LocalError(LookupError):
        pass

    class UnsendableError(ArithmeticError):
        def __reduce__(self):
            raise TypeError("never")

    cases = [(ValueError("broken"), ValueError), (KeyError("k"), KeyError), (PickyError(1, 2), ValueError)]
    cases += [(LocalError("here"), LookupError), (UnsendableError("x"), ArithmeticError)]
    cases += [(UnicodeDecodeError("utf8", b"x", 0, 1, "bad"), ValueError), (SystemExit(3), RuntimeError)]
    cases += [(StopIteration(), RuntimeError), (OSError(2, "no file"), OSError)]
    for error, expected in cases:
        iterator = iter(loader(Failing(error), 2, kind=kind))
        assert plain(next(iterator)) == [0, 1] and plain(next(iterator)) == [2, 3]
        with pytest.raises(expected, match="in DataLoader worker (process|thread) 0") as caught:
            next(iterator)
        text = str(caught.value)
        assert "Original Traceback" in text and "data_cases.py" in text and "\\n" not in text
        if not isinstance(error, (SystemExit, StopIteration)):
            assert "This was dataset[5], sample 1 of 2 of a batch." in text
        assert plain(next(iterator)) == [6, 7]
        assert next(iterator, None) is None


def test_an_error_of_worker_init_fn_and_of_what_cannot_be_sent(kind):
    def init(number):
        raise OSError(f"no disk for {number}")

    with pytest.raises(OSError, match="(?s)worker .* 0.*no disk for 0"):
        next(iter(loader(Numbers(4), kind=kind, worker_init_fn=init)))

    def stop(number):
        raise StopIteration

    with pytest.raises(RuntimeError, match="Caught StopIteration"):
        next(iter(loader(Numbers(4), kind=kind, worker_init_fn=stop)))
    if kind == "fork":
        with pytest.raises(TypeError, match="cannot be sent from the worker"):
            next(iter(loader(Numbers(4), collate_fn=lambda samples: threading.Lock())))


def test_an_error_of_the_sampler_comes_when_its_batch_is_due(kind):
    def indices():
        yield from range(5)
        raise ZeroDivisionError

    iterator = iter(loader(Numbers(9), 2, kind=kind, sampler=indices()))
    assert plain([next(iterator), next(iterator)]) == [[0, 1], [2, 3]]
    with pytest.raises(ZeroDivisionError):
        next(iterator)
    assert next(iterator, None) is None


@pytest.mark.parametrize(
    ("how", "told"), [("exit", "ended with exit code 3"), ("kill", "was killed by SIGKILL")]
)
@pytest.mark.parametrize("in_order", [True, False])
def test_a_worker_that_dies_is_named(how, told, in_order):
    iterator = iter(loader(Failing(how, 40), 2, in_order=in_order))
    with pytest.raises(RuntimeError, match=rf"DataLoader worker 0 \(process \d+\) {told}"):
        list(iterator)
    assert multiprocessing.active_children() == []
    assert next(iterator, None) is None


def test_a_worker_that_dies_between_epochs():
    lasting = loader(Numbers(6), 1, persistent_workers=True)
    batches(lasting)
    os.kill(lasting._crew.hands[1].process.pid, signal.SIGKILL)
    lasting._crew.hands[1].process.join()
    with pytest.raises(RuntimeError, match="DataLoader worker 1 .* was killed by SIGKILL"):
        list(lasting)
    assert len(batches(lasting)) == 6  # by others


def test_a_time_limit(kind):
    class Late(Numbers):
        def __getitem__(self, i):
            time.sleep(1.5 * limit * (i == 2))
            return i

    limit = 1.0 if kind == "fork" else 0.2  # a fork may take a while
    iterator = iter(loader(Late(4), workers=1, kind=kind, timeout=limit))
    assert plain([next(iterator), next(iterator)]) == [[0], [1]]
    with pytest.raises(RuntimeError, match="timed out after .* seconds of waiting for worker 0"):
        next(iterator)
    time.sleep(limit)
    assert plain(list(iterator)) == [[2], [3]]


def test_left_half_way(kind):
    for _ in range(5):
        for _ in loader(Drawing(50), 1, kind=kind):
            break
    busy = iter(loader(Slow(4), 1, kind=kind))
    del busy
    with pytest.raises(ZeroDivisionError):
        for _ in loader(Drawing(50), 1, kind=kind):
            raise ZeroDivisionError


def test_ctrl_c_while_waiting():
    iterator = iter(loader(Failing("sleep"), 1))
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        list(iterator)
    timer.join()
    assert multiprocessing.active_children() == []


def test_what_cannot_be_pickled_for_a_new_process():
    with pytest.raises(
        TypeError, match="collate_fn .*lambda.* cannot be pickled, .* by 'spawn' need .*'thread'"
    ):
        iter(loader(Numbers(4), kind="spawn", collate_fn=lambda samples: samples))

    class Local(Numbers):
        pass

    with pytest.raises(TypeError, match="dataset .* cannot be pickled, .* by 'forkserver' .*Local"):
        iter(loader(Local(4), kind=multiprocessing.get_context("forkserver")))


def test_partial_functions_are_collate_fns_of_new_processes():
    from tapegrad.nn.data.fetching import Recipe
    from tapegrad.nn.data.processes import unpicklable

    fine = Recipe(Numbers(2), functools.partial(sorted, reverse=True), True, 1, False)
    assert "cannot be started: why" in str(unpicklable(fine, None, "spawn", OSError("why")))


def test_a_worker_starts_no_workers():
    class Nested(Numbers):
        def __getitem__(self, i):
            inner = data.DataLoader(Numbers(4), 2, num_workers=self.inner)
            return [b.data.sum() for b in inner]

    ds = Nested(2)
    ds.inner = 0
    assert batches(loader(ds, 1)) == [[[1], [5]]] * 2
    ds.inner = 1
    with pytest.raises(RuntimeError, match="a worker itself and cannot start others; use num_workers=0"):
        batches(loader(ds, 1))


SCRIPT = """
import os, time, numpy as np
from tapegrad.nn import data
class Where:
    def __len__(self): return 100
    def __getitem__(self, i):
        time.sleep(0.01)
        return np.array([os.getpid(), *np.zeros(9000)])
{rest}
"""


def script(rest, **options):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(rest=rest)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def gone(pids):
    limit = time.monotonic() + 10
    while any(os.path.exists(f"/proc/{pid}") for pid in pids) and time.monotonic() < limit:
        time.sleep(0.02)
    return not any(os.path.exists(f"/proc/{pid}") for pid in pids)


@pytest.mark.skipif(not os.path.exists("/proc/self"), reason="looks into /proc")
def test_workers_of_a_program_that_ends_or_is_killed():
    show = "it = iter(data.DataLoader(Where(), num_workers=2))\n"
    show += "print(*[int(next(it).data[0, 0]) for _ in 'ab'], flush=True)"
    ended, killed = script(show), script(show + "\ntime.sleep(60)")
    told = ended.communicate(timeout=20)
    assert ended.returncode == 0 and told[1] == "" and gone(told[0].split())
    pids = killed.stdout.readline().split()
    killed.kill()
    killed.communicate()
    assert len(pids) == 2 and gone(pids)


@pytest.mark.slow  # two new Pythons
def test_a_new_process_that_does_not_find_the_dataset():
    rest = "list(data.DataLoader(Where(), num_workers=1, multiprocessing_context='spawn'))"
    _, told = script(rest).communicate(timeout=30)
    assert (
        "RuntimeError: DataLoader worker 0" in told and "ended with exit code 1; it is a new Python" in told
    )


def test_a_loader_in_a_forked_copy_of_the_process(kind):
    def copy():
        try:
            with pytest.raises(RuntimeError, match="this iterator was made before the process was forked"):
                next(iterator)
            made = len(list(lasting)) if kind == "thread" else data.DataLoader(Numbers(6), 1)
            lasting._crew.close()
            os._exit(0 if made else 1)
        except BaseException:
            os._exit(2)

    lasting = loader(Numbers(6), 1, kind=kind, persistent_workers=True)
    batches(lasting)
    iterator = iter(lasting)
    next(iterator)
    process = multiprocessing.get_context("fork").Process(target=copy)
    process.start()
    process.join(10)
    assert process.exitcode == 0
    assert len(list(iterator)) == 5 and len(batches(lasting)) == 6
