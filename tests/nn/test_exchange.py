"""What a worker asks of its exchange is enough for replicas that share no memory, as with MPI."""

import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from queue import Queue

import numpy as np
import pytest

from parallel_cases import net, regression, squared, state
from parallel_norms import assert_same_state, mean, synced
from tapegrad import nn
from tapegrad.nn.parallel.exchange import Exchange, LeftAloneError
from tapegrad.nn.parallel.shared_buffers import SharedBuffers
from tapegrad.nn.parallel.worker import Task, Worker
from tapegrad.nn.utils import clip_grad_norm_


class Messages(Exchange):
    """Each replica sends what it has to all, as bytes, and adds up what arrives; each updates everything."""

    sharers = 1

    def __init__(self, index, boxes, optimizer):
        flats = [flat for _, flat in optimizer.buffers()]
        self.index, self.boxes, self.replicas = index, boxes, len(boxes)
        self.gradients = [np.zeros_like(flat.values) for flat in flats]
        self.used = [np.zeros(len(flat.params), bool) for flat in flats]

    def to_all(self, mine):
        for box in self.boxes:
            box[self.index].put(pickle.dumps(mine))
        return [pickle.loads(messages.get(timeout=30)) for messages in self.boxes[self.index]]

    def gather(self, numbers):
        told = self.to_all(("gather", numbers))
        if not all(is_gathering(message) for message in told):
            raise LeftAloneError
        return np.array([numbers for _, numbers in told])

    def to_all_at_last(self, mine):
        """The same, when nobody is in `gather` any more."""
        while any(map(is_gathering, told := self.to_all(mine))):
            pass
        return told

    def totals(self, numbers):
        told = self.to_all_at_last(numbers)
        return np.sum([np.full(2, math.nan) if numbers is None else numbers for numbers in told], axis=0)

    def agree(self, loss, left=False):
        losses, lefts = zip(*self.to_all_at_last((loss, left)), strict=True)
        self.left = np.array(lefts)
        self.failed = np.array([loss is None for loss in losses]) & ~self.left
        self.losses = np.array([math.nan if loss is None else loss for loss in losses])
        return bool(np.isfinite(self.losses).all())

    def used_by_any(self):
        return [np.logical_or.reduce(rows) for rows in zip(*self.to_all(self.used), strict=True)]

    def sum(self, pieces):
        mine = [self.gradients[piece.buffer][piece.span] for piece in pieces]
        return [np.sum(parts, axis=0) for parts in zip(*self.to_all(mine), strict=True)]

    def norm(self, gradients):
        return math.sqrt(sum(float((g**2).sum()) for g in gradients))

    def wait(self):
        self.to_all(None)


def is_gathering(message):
    return isinstance(message, tuple) and message[0] == "gather"


def workers(count, loss, max_norm, replay):
    boxes = [[Queue() for _ in range(count)] for _ in range(count)]
    replicas = []
    for index in range(count):
        model, optimizer = net()
        exchange = Messages(index, boxes, optimizer)
        replicas.append((model, optimizer, Worker(exchange, model, optimizer, loss, max_norm, replay)))
    return replicas


def step(replicas, x, y, train=True, pair=False):
    """All replicas at once, each with its share; what went wrong in each."""
    count = len(replicas)
    shares = [(x[i::count], y[i::count]) for i in range(count)]
    tasks = [Task(train, [(share, len(share[0]) / len(x))], 0, None, pair) for share in shares]
    with ThreadPoolExecutor(count) as pool:
        started = [
            pool.submit(worker.run, task) for (_, _, worker), task in zip(replicas, tasks, strict=True)
        ]
        return [each.result(timeout=60) for each in started]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("max_norm", "replay"), [(0.1, False), (None, False), (0.1, True)])
def test_replicas_that_share_no_memory_train_as_one_process(count, max_norm, replay):
    model, optimizer = net()
    replicas = workers(count, squared, max_norm, replay)
    for seed in range(4):
        x, y = regression(7, seed)
        assert step(replicas, x, y) == [None] * count
        loss = squared(model, x, y)
        optimizer.zero_grad()
        loss.backward()
        norm = clip_grad_norm_(model.parameters(), math.inf if max_norm is None else max_norm)
        optimizer.step()
        for _, _, worker in replicas:
            assert worker.norm == pytest.approx(norm, rel=1e-9)
            assert worker.exchange.losses.sum() == pytest.approx(loss.item(), rel=1e-9)
    for its_model, its_optimizer, _ in replicas:
        for name, array in state(model).items():
            np.testing.assert_allclose(state(its_model)[name], array, rtol=1e-9, atol=1e-12)
        assert all((flat.steps == 4).all() for _, flat in its_optimizer.buffers())


def weighted(model, x, y):
    """Rows count as much as y says, and some not at all."""
    counts = np.abs(y) * (y > -0.5)
    return ((model(x)[:, 0] - y) ** 2 * counts).sum(), counts.sum()


@pytest.mark.parametrize("replay", [False, True])
def test_totals_and_counts_are_summed_without_shared_memory_too(replay):
    model, optimizer = net()
    replicas = workers(3, weighted, 0.1, replay)
    for seed in range(4):
        x, y = regression(7, seed)
        assert step(replicas, x, y, pair=True) == [None] * 3
        total, count = weighted(model, x, y)
        loss = total / count
        optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        for its_model, _, worker in replicas:
            assert worker.exchange.losses.sum() == pytest.approx(loss.item(), rel=1e-12)
            for name, array in state(model).items():
                np.testing.assert_allclose(state(its_model)[name], array, rtol=1e-10, atol=1e-12)


def test_norms_gather_without_shared_memory_too():
    boxes = [[Queue() for _ in range(3)] for _ in range(3)]
    replicas = []
    for index in range(3):
        plain, model, optimizer, own = synced()
        exchange = Messages(index, boxes, own)
        replicas.append((model, own, Worker(exchange, model, own, mean, None, False)))
    for seed in range(3):
        x, y = regression(7, seed)
        assert step(replicas, x, y) == [None] * 3
        value = mean(plain, x, y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        for model, _, _ in replicas:
            assert_same_state(model, plain, seed)


def test_all_learn_who_failed_and_no_replica_changes():
    def picky(model, x, y):
        if (y > 100).any():
            raise KeyError("a strange sample")
        return squared(model, x, y)

    replicas = workers(3, picky, None, False)
    before = state(replicas[0][0])
    x, y = regression(6)
    bad = y.copy()
    bad[4] = 1000  # of replica 1
    errors = step(replicas, x, bad)
    assert [type(error) for error in errors] == [type(None), KeyError, type(None)]
    for model, _, worker in replicas:
        assert worker.exchange.failed.tolist() == [False, True, False]
        assert all(np.array_equal(before[name], array) for name, array in state(model).items())
    assert step(replicas, x, y) == [None] * 3
    assert not any(worker.exchange.failed.any() for _, _, worker in replicas)
    assert not np.array_equal(before["first.weight"], replicas[0][0].first.weight.data)


def test_shared_buffers_hold_the_parameters_and_sum_every_row():
    params = [nn.Parameter(np.arange(6.0).reshape(2, 3)), nn.Parameter(np.ones(2))]
    optimizer = nn.optim.SGD(params, lr=1.0)
    given = []

    def allocate(shape, dtype):
        given.append(np.zeros(shape, dtype))
        return given[-1]

    shared = SharedBuffers(optimizer, 2, allocate)
    assert any(np.shares_memory(params[0].data, array) for array in given)
    np.testing.assert_array_equal(params[0].data, np.arange(6.0).reshape(2, 3))
    calls = []
    seats = [shared.seat(index, lambda index=index: calls.append(index)) for index in range(2)]
    for index, seat in enumerate(seats):
        seat.gradients[0][:] = np.arange(8) * 10**index
        seat.used[0][:] = [True, False] if index else [False, False]
    seats[0].totals(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(seats[1].totals(np.array([0.5, 3.0])), [1.5, 5.0])
    assert np.isnan(seats[0].totals(None)).all()
    seats[0].agree(1.5)
    assert seats[1].agree(None) is False and shared.failed.tolist() == [False, True]
    assert seats[1].agree(0.5) is True and shared.losses.tolist() == [1.5, 0.5]
    (used,) = seats[0].used_by_any()
    assert used.tolist() == [True, False]
    pieces = list(optimizer.pieces([[True, True]], sharers=2))
    sums = [seat.sum([piece]) for seat, piece in zip(seats, pieces, strict=True)]
    np.testing.assert_array_equal(np.concatenate([g for (g,) in sums]), np.arange(8) * 11.0)
    norms = [seat.norm(g) for seat, g in zip(seats, sums, strict=True)]
    assert norms[1] == pytest.approx(11 * math.sqrt(sum(i * i for i in range(8))))
    assert calls == [0, 1, 0, 0, 1, 1, 0, 1]
