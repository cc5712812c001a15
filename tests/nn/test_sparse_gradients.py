"""Training with sparse gradients, and embeddings that are replayed, or refuse to be, or to be shared."""

import tracemalloc

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd.sparse import SparseRows

TABLE = np.array([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0], [1.0, 0.0]])
IDS = np.array([0, 2, 2, 3, 1])

# ------------------------------------------------------------------------------------------ training


def trained(layer, optimizer, steps=3):
    """A table after some steps, each of which looks at other rows, with clipping."""
    opt = optimizer(layer.parameters())
    for step in range(steps):
        (layer(IDS[step : step + 3]) ** 2).sum().backward()
        nn.utils.clip_grad_norm_(layer.parameters(), 5.0)
        opt.step()
        opt.zero_grad()
    return layer.weight.numpy().copy()


@pytest.mark.parametrize("momentum", [{}, {"momentum": 0.9}, {"momentum": 0.5, "dampening": 0.2}])
@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_with_sparse_gradients_is_sgd(momentum, nesterov):
    options = {**momentum, "nesterov": nesterov and len(momentum) == 1}

    def optimizer(params):
        return nn.optim.SGD(params, 0.1, **options)

    layers = [nn.Embedding(4, 2, sparse=sparse, _weight=TABLE) for sparse in (True, False)]
    np.testing.assert_allclose(*[trained(layer, optimizer) for layer in layers], rtol=1e-12)


def test_adam_changes_the_rows_that_it_sees():
    layer = nn.Embedding(4, 2, sparse=True, _weight=TABLE)
    opt = nn.optim.Adam(layer.parameters(), 0.1)
    layer([0, 2, 0]).sum().backward()
    opt.step()
    np.testing.assert_allclose(layer.weight.numpy() - TABLE, np.outer([-1, 0, -1, 0], [0.1, 0.1]), atol=1e-7)
    opt.zero_grad()
    layer([3]).sum().backward()
    opt.step()
    state = opt.state_dict()["state"][0]
    assert state["step"] == 2
    np.testing.assert_allclose(state["exp_avg"][:, 0], [0.2, 0, 0.1, 0.1])
    np.testing.assert_allclose((layer.weight.numpy() - TABLE)[:3, 0], [-0.1, 0, -0.1], atol=1e-7)


def test_eps_stands_beside_the_root_as_in_sparse_adam():
    layer = nn.Embedding(4, 2, sparse=True, _weight=TABLE)
    opt = nn.optim.Adam(layer.parameters(), 0.1, betas=(0.0, 0.99), eps=0.1)
    layer([0]).sum().backward()
    opt.step()
    np.testing.assert_allclose(layer.weight.numpy()[0] - TABLE[0], -0.1 * 0.1 / (0.1 + 0.1), rtol=1e-9)


def test_weight_decay_is_refused_before_anything_changes():
    net = nn.Sequential(nn.Embedding(4, 2, sparse=True, _weight=TABLE), nn.Linear(2, 1).double())
    before = [p.numpy().copy() for p in net.parameters()]
    sgd = nn.optim.SGD(net.parameters(), 0.1, weight_decay=0.1)
    for optimizer in (sgd, nn.optim.AdamW(net.parameters())):
        net(IDS).sum().backward()
        with pytest.raises(ValueError, match="weight_decay changes all rows of a table") as error:
            optimizer.step()
        for p, old in zip(net.parameters(), before, strict=True):
            np.testing.assert_array_equal(p.numpy(), old)
        assert '{"params": [table], "weight_decay": 0}' in str(error.value)
    nn.optim.AdamW([{"params": [net[0].weight], "weight_decay": 0}, {"params": net[1].parameters()}]).step()
    assert (net[0].weight.numpy() != TABLE).all()


def test_an_optimizer_that_knows_nothing_of_rows():
    class Sign(nn.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 0.1, "weight_decay": 0})

        def update(self, group, t, p, g, state, scratch):
            p -= group["lr"] * np.sign(g)

    layer = nn.Embedding(4, 2, sparse=True)
    opt = Sign(layer.parameters())
    layer([0]).sum().backward()
    with pytest.raises(
        TypeError, match="Sign: takes no sparse gradients; use SGD, Adagrad or Adam, or sparse"
    ):
        opt.step()


def test_gradients_are_cleared_and_clipped():
    layer = nn.Embedding(4, 2, sparse=True, _weight=TABLE)
    layer([0, 0, 1]).sum().backward()
    assert nn.utils.clip_grad_norm_(layer.parameters(), 1.0) == pytest.approx(10**0.5)
    assert isinstance(layer.weight.grad, SparseRows)
    clipped = np.array([2, 1, 0, 0]) / 10**0.5
    np.testing.assert_allclose(layer.weight.grad.to_dense()[:, 0], clipped, rtol=1e-5)
    for clear in (layer.zero_grad, nn.optim.SGD(layer.parameters()).zero_grad):
        layer([0]).sum().backward()
        clear(set_to_none=False)
        assert layer.weight.grad.indices.size == 0 and (layer.weight.grad.to_dense() == 0).all()
        clear()
        assert layer.weight.grad is None


def test_a_step_of_no_rows():
    layer = nn.Embedding(4, 2, sparse=True, padding_idx=0)
    before = layer.weight.numpy().copy()
    layer([0]).sum().backward()
    nn.optim.Adam(layer.parameters()).step()
    np.testing.assert_array_equal(layer.weight.numpy(), before)


# ------------------------------------------------------------------------------- replay and replicas


def steps(layer, batches, replayed):
    def loss(model, ids):
        return (model(ids) ** 2).mean()

    of = nn.replay(layer, loss) if replayed else lambda ids: loss(layer, ids)
    opt = nn.optim.Adam(layer.parameters(), 0.1)
    for ids in batches:
        of(ids).backward()
        opt.step()
        opt.zero_grad()
    return layer.weight.numpy().copy(), of


BATCHES = np.random.default_rng(0).integers(0, 30, (8, 6, 5))


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Embedding(30, 8, padding_idx=3, scale_grad_by_freq=True),
        lambda: nn.EmbeddingBag(30, 8, mode="sum"),
        lambda: nn.EmbeddingBag(30, 8, mode="mean", scale_grad_by_freq=True),
        lambda: nn.EmbeddingBag(30, 8, mode="max"),
    ],
)
def test_a_replayed_step_is_the_same(make):
    found = []
    for replayed in (False, True):
        nn.manual_seed(0)
        table, of = steps(make(), BATCHES, replayed)
        found.append(table)
    assert repr(of) == f"Replay({type(make()).__name__}, 1 captures)"
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    "options, why",
    [
        ({"sparse": True}, "sparse=False is replayed"),
        ({"max_norm": 1.0}, "changes arrays in place"),
        ({"max_norm": 100.0}, "max_norm changes the table"),
    ],
)
def test_what_is_not_replayed_says_so(options, why):
    found = []
    for replayed in (False, True):
        nn.manual_seed(0)
        layer = nn.Embedding(30, 8, **options)
        if replayed:
            with pytest.warns(RuntimeWarning, match=why):
                found.append(steps(layer, BATCHES, True)[0])
        else:
            found.append(steps(layer, BATCHES, False)[0])
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    "options, why", [({"sparse": True}, "use sparse=False"), ({"max_norm": 0.1}, "max_norm")]
)
def test_replicas_refuse(options, why):
    layer = nn.Embedding(30, 8, **options)
    before = layer.weight.numpy().copy()
    opt = nn.optim.SGD(layer.parameters(), 0.1)

    def loss(model, ids):
        return (model(ids) ** 2).mean()

    replicas = nn.parallel.replicate(layer, opt, loss, workers=2, kind="threads")
    with replicas, pytest.raises((TypeError, RuntimeError), match=why):
        replicas.step(BATCHES[0])
    np.testing.assert_array_equal(layer.weight.numpy(), before)


@pytest.mark.parametrize("optimizer", [nn.optim.SGD, nn.optim.Adam])
def test_no_whole_gradient_is_made(optimizer):
    layer = nn.Embedding(20_000, 16, sparse=True)
    opt = optimizer(layer.parameters(), 0.1)

    def step():
        for ids in ([[3, 5], [3, 19_999]], [7]):
            (layer(ids) ** 2).sum().backward()
        nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
        opt.step()
        opt.zero_grad(set_to_none=False)

    step()
    tracemalloc.start()
    step()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000 < layer.weight.nbytes / 10
