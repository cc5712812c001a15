"""nn.data.DataLoader with workers: the same batches, and nothing hangs or stays behind, whatever happens."""

import functools
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from data_cases import Drawing, Failing, Numbers, Stream, batches, plain
from tapegrad import nn
from tapegrad.nn import data

KINDS = ["fork", "thread"]


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(autouse=True)
def nothing_stays_behind():
    before = set(threading.enumerate())
    yield
    gc.collect()
    assert multiprocessing.active_children() == []
    limit = time.monotonic() + 2
    while set(threading.enumerate()) - before and time.monotonic() < limit:
        time.sleep(0.01)
    assert set(threading.enumerate()) <= before


def loader(dataset, *args, workers=2, kind="fork", **options):
    return data.DataLoader(dataset, *args, num_workers=workers, multiprocessing_context=kind, **options)


def test_the_same_batches_for_any_number_of_workers(kind):
    nn.manual_seed(0)
    one = data.DataLoader(Drawing(), 3, shuffle=True)
    plainly = [[b[:2] for b in batches(one)] for _ in "ab"]
    drawn = []
    for workers in (1, 3):
        nn.manual_seed(0)
        many = loader(Drawing(), 3, True, workers=workers, kind=kind, prefetch_factor=workers)
        drawn.append([batches(many) for _ in "ab"])
        assert [[b[:2] for b in epoch] for epoch in drawn[-1]] == plainly
    assert kind == "thread" or drawn[0] == drawn[1]
    assert len({x for b in drawn[0][0] for x in b[2]}) == 20


class Images(data.Dataset):
    """Large and small arrays, of several sizes."""

    def __len__(self):
        return 24

    def __getitem__(self, i):
        size = (60, 80 + i // 8)
        return {
            "image": np.full(size, i, np.float32),
            "label": i,
            "name": f"image {i}",
            "flip": np.eye(2)[::-1],
        }


def test_large_arrays_arrive_whole_and_are_the_callers(kind):
    kept = list(loader(Images(), 4, kind=kind))
    for k, batch in enumerate(kept):
        numbers = np.arange(4 * k, 4 * k + 4)
        assert np.array_equal(
            batch["image"].data, np.broadcast_to(numbers[:, None, None], batch["image"].shape)
        )
        assert batch["label"].data.tolist() == numbers.tolist() and batch["name"][0] == f"image {4 * k}"
        batch["image"].data[...] = -1  # writable, and nobody else's
    kept, views = [], []
    for batch in loader(Images(), 4, kind=kind):
        views.append(batch["image"].data[1:2, 3:5].T)  # keeps the memory, alone
    assert [float(view[0, 0, 0]) for view in views] == [4 * k + 1 for k in range(6)]


def test_memory_is_used_again():
    def address(batch):
        return batch["image"].data.__array_interface__["data"][0]

    ds = data.Subset(Images(), list(range(8)) * 20)
    seen = {address(batch) for batch in loader(ds, 2, workers=1)}
    assert len(seen) <= 5


def test_a_batch_that_the_worker_keeps_is_not_written_over():
    cache = {}

    def collate(samples):
        if not cache:
            cache["first"] = data.default_collate(samples)
        return cache["first"], data.default_collate(samples)

    ds = data.Subset(Images(), list(range(8)) * 8)
    for k, (first, own) in enumerate(loader(ds, 4, workers=1, collate_fn=collate)):
        assert first["image"].data[1, 0, 0] == 1 and own["image"].data[1, 0, 0] == 4 * (k % 2) + 1


def test_many_batches_at_once_and_long_lists_of_indices(kind):
    xs = np.arange(300_000)
    ds = data.TensorDataset(xs)
    assert [b[0].size for b in loader(ds, 100_000, kind=kind)] == [100_000] * 3
    names = {f"{i:>5000}": i for i in range(100)}
    named = loader(names, 50, kind=kind, sampler=list(names) * 4, prefetch_factor=8)
    assert sum(batches(named), []) == list(range(100)) * 4
    kept = list(loader(data.TensorDataset(np.ones((200, 4096))), 1, kind=kind))  # more than there are blocks
    assert len(kept) == 200 and all(x.data.all() for (x,) in kept)
    assert len(batches(loader(Numbers(500), 1, kind=kind, prefetch_factor=300))) == 500


def test_streams_have_parts(kind):
    got = [b[0] for b in batches(loader(Stream(11), 2, kind=kind))]
    assert got == [[0, 2], [1, 3], [4, 6], [5, 7], [8, 10], [9]]
    dropped = [b[0] for b in batches(loader(Stream(11), 2, kind=kind, drop_last=True))]
    assert dropped == got[:5]
    many = loader(Stream(5, told=5), 2, kind=kind)
    assert len(many) == 3 and len(batches(many)) == 3


def test_as_they_come(kind):
    slow = loader(Slow(12), 1, kind=kind, in_order=False)
    got = sum(batches(slow), [])
    assert sorted(got) == list(range(12)) and got[0] == 1


class Slow(Numbers):
    def __getitem__(self, i):
        if i == 0:
            time.sleep(0.3)
        return i


def test_what_a_worker_knows_of_itself(kind):
    class Info(Numbers):
        def __getitem__(self, i):
            info = data.get_worker_info()
            return info.id, info.num_workers, info.seed % 1000, int(self is info.dataset), len(self.asked)

        def init(self, number):
            self.asked = [number] * (number + 1)

    assert data.get_worker_info() is None
    ds = Info(4)
    got = batches(loader(ds, 1, kind=kind, worker_init_fn=ds.init))
    assert [b[0] for b in got] == [[0], [1], [0], [1]] and all(b[1] == [2] and b[3] == [1] for b in got)
    assert (got[1][2][0] - got[0][2][0]) % 1000 == 1
    assert kind == "thread" or [b[4] for b in got] == [[1], [2], [1], [2]]


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


def test_two_iterators_at_once(kind):
    for lasting in (False, True):
        both = loader(Numbers(6), 2, kind=kind, persistent_workers=lasting)
        pairs = list(zip(both, both, strict=True))
        assert plain(pairs) == [[[0, 1]] * 2, [[2, 3]] * 2, [[4, 5]] * 2]
        del both


def test_workers_that_stay(kind):
    class Where(Numbers):
        def __getitem__(self, i):
            return os.getpid() if kind == "fork" else threading.get_ident()

    ds = Where(4)
    lasting = loader(ds, 1, kind=kind, persistent_workers=True)
    first = batches(lasting)
    iterator = iter(lasting)
    next(iterator)  # and left half-way
    del iterator
    assert batches(lasting) == first == batches(lasting) and len({x for (x,) in first}) == 2
    ds.n = 6
    again = batches(lasting)  # with the new length
    assert len(again) == 6
    assert kind == "thread" or not {x for (x,) in again} & {x for (x,) in first}
    streams = loader(Stream(6), 2, kind=kind, persistent_workers=True)
    assert [[b[0] for b in batches(streams)] for _ in "ab"] == [[[0, 2], [1, 3], [4], [5]]] * 2


def test_ctrl_c_while_waiting():
    iterator = iter(loader(Failing("sleep"), 1))
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        list(iterator)
    timer.join()
    assert multiprocessing.active_children() == []


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


def test_what_cannot_be_pickled_for_a_new_process():
    with pytest.raises(
        TypeError, match="collate_fn .*lambda.* cannot be pickled, .* by 'spawn' need .*'thread'"
    ):
        iter(loader(Numbers(4), kind="spawn", collate_fn=lambda samples: samples))

    class Local(Numbers):
        pass

    with pytest.raises(TypeError, match="dataset .* cannot be pickled, .* by 'forkserver' .*Local"):
        iter(loader(Local(4), kind=multiprocessing.get_context("forkserver")))


def test_new_processes():
    nn.manual_seed(0)
    forked = batches(loader(Drawing(6), 2, True))
    nn.manual_seed(0)
    assert batches(loader(Drawing(6), 2, True, kind="spawn", workers=1)) == forked


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


def test_without_shared_memory(monkeypatch):
    from tapegrad.nn.data import blocks, channel

    monkeypatch.setattr(channel, "available", lambda: False)
    assert [b["image"].data[0, 0, 0] for b in loader(Images(), 4)] == [0, 4, 8, 12, 16, 20]
    monkeypatch.undo()

    def refuse(*_):
        raise OSError("no more")

    monkeypatch.setattr(blocks.os, "memfd_create", refuse)
    assert [b["image"].data[0, 0, 0] for b in loader(Images(), 4)] == [0, 4, 8, 12, 16, 20]


def test_a_worker_that_dies_between_epochs():
    lasting = loader(Numbers(6), 1, persistent_workers=True)
    batches(lasting)
    os.kill(lasting._crew.hands[1].process.pid, signal.SIGKILL)
    lasting._crew.hands[1].process.join()
    with pytest.raises(RuntimeError, match="DataLoader worker 1 .* was killed by SIGKILL"):
        list(lasting)
    assert len(batches(lasting)) == 6  # by others


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


def test_one_blas_thread_in_each_worker():
    pytest.importorskip("threadpoolctl")
    from threadpoolctl import threadpool_info

    def threads(samples):
        return [x["num_threads"] for x in threadpool_info() if x["user_api"] == "blas"]

    before = threads(None)
    assert set(sum(batches(loader(Numbers(2), collate_fn=threads)), [])) == {1}
    assert threads(None) == before


def test_a_sampler_is_asked_ahead_but_not_further(kind):
    asked = []

    def indices():
        for i in range(100):
            asked.append(i)
            yield i

    iterator = iter(loader(Numbers(100), 1, kind=kind, sampler=indices(), prefetch_factor=3))
    assert len(asked) == 6
    next(iterator)
    assert len(asked) == 7


def test_an_error_of_the_sampler_comes_when_its_batch_is_due(kind):
    def indices():
        yield from range(5)
        raise ZeroDivisionError

    iterator = iter(loader(Numbers(9), 2, kind=kind, sampler=indices()))
    assert plain([next(iterator), next(iterator)]) == [[0, 1], [2, 3]]
    with pytest.raises(ZeroDivisionError):
        next(iterator)
    assert next(iterator, None) is None


def test_partial_functions_are_collate_fns_of_new_processes():
    from tapegrad.nn.data.fetching import Recipe
    from tapegrad.nn.data.processes import unpicklable

    fine = Recipe(Numbers(2), functools.partial(sorted, reverse=True), True, 1, False)
    assert "cannot be started: why" in str(unpicklable(fine, None, "spawn", OSError("why")))
