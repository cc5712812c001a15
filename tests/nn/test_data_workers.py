"""What nn.data.DataLoader gives with workers: the same batches, in any number of ways."""

import os
import threading

import numpy as np
import pytest

from data_cases import Drawing, Images, Numbers, Slow, Stream, batches, loader, plain
from tapegrad import nn
from tapegrad.nn import data

pytestmark = pytest.mark.usefixtures("no_worker_is_left")


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


def test_new_processes():
    nn.manual_seed(0)
    forked = batches(loader(Drawing(6), 2, True))
    nn.manual_seed(0)
    assert batches(loader(Drawing(6), 2, True, kind="spawn", workers=1)) == forked


def test_without_shared_memory(monkeypatch):
    from tapegrad.nn.data import blocks, channel

    monkeypatch.setattr(channel, "available", lambda: False)
    assert [b["image"].data[0, 0, 0] for b in loader(Images(), 4)] == [0, 4, 8, 12, 16, 20]
    monkeypatch.undo()

    def refuse(*_):
        raise OSError("no more")

    monkeypatch.setattr(blocks.os, "memfd_create", refuse)
    assert [b["image"].data[0, 0, 0] for b in loader(Images(), 4)] == [0, 4, 8, 12, 16, 20]


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
