"""SyncBatchNorm in replicas, which gives what one process gives with the whole batch; buffers of replicas."""

import copy

import numpy as np
import pytest

from parallel_cases import KINDS, regression
from parallel_norms import assert_same_state, mean, pair, synced
from tapegrad import nn
from tapegrad.nn import parallel
from tapegrad.nn.parallel.buffers import WHOLE


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def test_conversion():
    nn.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(3, 4), nn.BatchNorm1d(4, 0.1, None), nn.ModuleDict({"a": nn.BatchNorm2d(2)})
    )
    model[2]["again"] = model[1]
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    old, state = model[1], model.state_dict()
    model.eval()
    assert nn.SyncBatchNorm.convert_sync_batchnorm(model) is model
    new = model[1]
    assert type(new) is nn.SyncBatchNorm and new is model[2]["again"]
    assert (new.eps, new.momentum, new.training) == (0.1, None, False)
    assert new.weight is old.weight and new.running_mean is old.running_mean
    assert list(model.state_dict()) == list(state)
    assert all(model.state_dict()[name] is array for name, array in state.items())
    assert [*model.parameters()] == [p for g in optimizer.param_groups for p in g["params"]]
    alone = nn.SyncBatchNorm.convert_sync_batchnorm(nn.BatchNorm3d(2, affine=False))
    assert type(alone) is nn.SyncBatchNorm and alone.weight is None
    assert nn.SyncBatchNorm.convert_sync_batchnorm(nn.InstanceNorm1d(2)).__class__ is nn.InstanceNorm1d


@pytest.mark.parametrize(("workers", "loss", "momentum"), [(1, mean, 0.1), (2, pair, None), (3, mean, 0.1)])
def test_replicas_compute_what_one_process_does(kind, workers, loss, momentum):
    plain, model, optimizer, replicated = synced(momentum)
    with parallel.replicate(model, replicated, loss, workers=workers, kind=kind) as replicas:
        for i in range(7):
            x, y = regression((8, 3, 5)[i % 3], i)  # of 3 rows each worker may have one
            x += 30
            if i == 4:  # buffers that the workers do not know of
                state = {name: array * 2 for name, array in model.state_dict().items()}
                model.load_state_dict(state)
                plain.load_state_dict(state)
            if i % 4 == 3:
                model.eval(), plain.eval()
                plain.rows.train(), model.rows.train()  # which would compare rows in evaluation
                assert replicas.evaluate(x, y) == pytest.approx(mean(plain, x, y).item(), rel=1e-10)
                model.train(), plain.train()
            else:
                value = mean(plain, x, y)
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
                assert replicas.step(x, y) == pytest.approx(value.item(), rel=1e-10)
            assert_same_state(model, plain, i)
        assert model.norm.num_batches_tracked == plain.norm.num_batches_tracked > 5


def test_plain_norms_are_refused_and_told_what_to_do(kind):
    plain, _, optimizer, _ = synced()
    before = {name: array.copy() for name, array in plain.state_dict().items()}
    for loss in (mean, pair):
        replicas = parallel.replicate(plain, optimizer, loss, workers=2, kind=kind)
        with replicas, pytest.raises(ValueError, match="convert_sync_batchnorm"):
            replicas.step(*regression(6))
    for name, array in plain.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_it_is_not_replayed(kind):
    _, model, _, optimizer = synced()
    with pytest.raises(ValueError, match="SyncBatchNorm exchanges statistics in the middle of a step"):
        parallel.replicate(model, optimizer, mean, workers=2, kind=kind, replay=True)
    with parallel.replicate(model, optimizer, mean, workers=1, replay=True) as replicas:
        for i in range(5):
            replicas.step(*regression(6, i))
    assert model.norm.num_batches_tracked == 5


def picky(model, x, y):
    """Fails, gives inf, or uses a layer twice, for a share with a large number."""
    out = model(x)[:, 0]
    if len(x) < 6 and (abs(x) > 50).any():
        if picky.way == "fails":
            raise KeyError("a strange sample")
        if picky.way == "more":
            out = out + 0 * model.norm(model.first(x)).sum()
        if picky.way == "inf":
            return ((out - y) ** 2).mean() + np.inf
    return ((out - y) ** 2).mean()


@pytest.mark.parametrize("bad", [0, 5])  # of which worker
@pytest.mark.parametrize(
    ("way", "error", "message"),
    [
        ("fails", (KeyError, RuntimeError), "a strange sample"),
        ("inf", FloatingPointError, "the loss of worker {} is inf"),
        ("more", RuntimeError, "replicas: (the loss calls )?layers that exchange statistics"),
    ],
)
def test_nobody_waits_for_a_replica_that_is_gone(kind, way, error, message, bad):
    _, model, _, optimizer = synced()
    picky.way = way
    with parallel.replicate(model, optimizer, picky, workers=2, kind=kind) as replicas:
        x, y = regression(6)
        replicas.step(x, y)
        before = [p.data.copy() for p in model.parameters()]
        wrong = x.copy()
        wrong[bad, 0] = 100
        with pytest.raises(error, match=message.format(int(bad > 2))):
            replicas.step(wrong, y)
        for p, array in zip(model.parameters(), before, strict=True):
            np.testing.assert_array_equal(p.data, array)
        assert np.isfinite(replicas.step(x, y))
        assert any(not np.array_equal(p.data, a) for p, a in zip(model.parameters(), before, strict=True))


# ----------------------------------------------------------------------------------------- other buffers


class Scaled(nn.Module):
    def __init__(self, size):
        self.layer = nn.Linear(3, 1).double()
        self.register_buffer("factors", np.ones(size))
        self.register_buffer("nothing", None)
        self.register_buffer("seen", np.zeros((), np.int64))

    def forward(self, x):
        self.seen += 1
        return self.layer(x) * self.factors.mean()


@pytest.mark.parametrize("size", [4, 2 * WHOLE])
def test_buffers_that_the_caller_changes_reach_the_workers(kind, size):
    nn.manual_seed(0)
    model = Scaled(size)
    plain = copy.deepcopy(model)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.0)
    x, y = regression(6)
    with parallel.replicate(model, optimizer, mean, workers=2, kind=kind) as replicas:
        for value in (1, 2, 3):
            for m in (model, plain):
                m.factors[...] = value
            assert replicas.step(x, y) == pytest.approx(mean(plain, x, y).item(), rel=1e-12)
        for m in (model, plain):
            m.factors = np.full(2, 4.0)
        assert replicas.step(x, y) == pytest.approx(mean(plain, x, y).item(), rel=1e-12)
    assert model.seen == 4  # those of this process, one for each step
