"""nn.parallel: a mean over rows is compared with the whole batch, and left alone."""

import copy

import numpy as np
import pytest

from parallel_cases import KINDS, net, regression, squared, state
from parallel_losses import alone, assert_equal, masked, noisy, uneven
from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import parallel


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.mark.parametrize("workers", [2, 3])
@pytest.mark.parametrize("p", [0.0, 0.5])
def test_a_mean_over_rows_is_left_alone(kind, workers, p):
    model, optimizer = net(p)
    with parallel.replicate(model, optimizer, squared, workers=workers, kind=kind) as replicas:
        for rows in (7, 3, 12, 7, 5):
            assert np.isfinite(replicas.step(*regression(rows)))
            assert np.isfinite(replicas.evaluate(*regression(rows)))


def test_rounding_is_no_difference(kind):
    """In float32 it is large here, and another for other numbers of rows, as it may be in matrix products."""

    def rounded(model, x, y):
        return (((model(x)[:, 0] + len(x) * 1e5) - len(x) * 1e5 - y) ** 2).mean()

    nn.manual_seed(0)
    model = nn.Linear(3, 1)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.0)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    y = model(x).data[:, 0] + np.float32(0.1)
    shares = [rounded(model, x[:2], y[:2]).item() * 0.4, rounded(model, x[2:], y[2:]).item() * 0.6]
    assert abs(sum(shares) / rounded(model, x, y).item() - 1) > 0.01
    with parallel.replicate(model, optimizer, rounded, workers=2, kind=kind) as replicas:
        for _ in range(4):
            assert np.isfinite(replicas.step(x, y))
    assert model.weight.dtype == np.float32


def test_attention_with_dropout_is_compared_without_it(kind):
    class Attentive(nn.Module):
        def __init__(self):
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.3, batch_first=True, dtype=np.float64)

        def forward(self, x):
            return self.layer(x)

    def loss(model, x, y):
        return ((model(x) - y) ** 2).mean()

    def padded(model, x, y):
        return (((model(x) - y) ** 2).mean(axis=(1, 2)) * (y[:, 0, 0] > 0)).sum() / (y[:, 0, 0] > 0).sum()

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 4, 5, 8))
    y[:, 0, 0] = [1, 1, 1, -1]
    nn.manual_seed(0)
    model = Attentive()
    for fn, refused in [(loss, False), (padded, True)]:
        optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
        with parallel.replicate(model, optimizer, fn, workers=2, kind=kind) as replicas:
            if refused:
                with pytest.raises(ValueError, match="no mean"):
                    replicas.step(x, y)
            else:
                assert np.isfinite(replicas.step(x, y))


@pytest.mark.skipif("processes" not in KINDS, reason="threads share np.random")
def test_noise_is_no_difference():
    def diffused(model, x, y):  # several draws, by rows and alone
        level = np.random.random(len(x))
        scale = np.random.random()
        x = x + level[:, None] * np.random.standard_normal(x.shape) * scale
        return ((model(x)[:, 0] - y) ** 2).mean()

    for loss in (noisy(squared), diffused):
        with parallel.replicate(*net(), loss, workers=2, kind="processes") as replicas:
            for _ in range(8):
                assert np.isfinite(replicas.step(*regression(7)))


def test_a_loss_that_takes_gradients_itself_is_compared_too(kind):
    def penalised(loss):
        def with_penalty(model, x, y):
            inputs = Tensor(x, requires_grad=True)
            with ag.higher_order():
                (g,) = ag.grad(np.tanh(model.first(inputs)).sum(), [inputs], create_graph=True)
            return loss(model, x, y) + (g**2).sum(axis=1).mean()

        return with_penalty

    batches = [regression(6, seed) for seed in range(2)]
    losses, expected = alone(net(), penalised(squared), batches)
    model, optimizer = net()
    with parallel.replicate(model, optimizer, penalised(squared), workers=2, kind=kind) as replicas:
        np.testing.assert_allclose([replicas.step(*batch) for batch in batches], losses, rtol=1e-12)
    assert_equal(state(model), expected)
    replicas = parallel.replicate(*net(), penalised(masked), workers=2, kind=kind)
    with replicas, pytest.raises(ValueError, match="no mean"):
        replicas.step(*uneven())


def test_what_is_compared_is_not_done_at_every_step():
    calls = []

    def counted(model, x, y):
        calls.append(len(x))
        return squared(model, x, y)

    with parallel.replicate(*net(), counted, workers=2, kind="threads") as replicas:
        seen = []
        for i in range(16):
            del calls[:]
            replicas.step(*regression(6 + i % 3))  # another number of rows is the same kind of batch
            seen.append(len(calls))
    # the comparison's own calls are taken off the list again with what it changes
    assert seen == [2] * 16
    tried = []
    with parallel.replicate(*net(), squared, workers=2, kind="threads") as replicas:
        compare = replicas._comparison.compare
        replicas._comparison.compare = lambda *a: tried.append(i) or compare(*a)
        for i in range(1, 20):
            replicas.step(*regression(6 + i % 3))
        assert tried == [1, 2, 4, 8, 16]
        replicas.evaluate(*regression(6))  # another kind
        assert tried == [1, 2, 4, 8, 16, 19]


STEPS = 0


class Schedule:
    n = 0  # an attribute of the class, until it is counted

    def next(self):
        self.n += 1
        return self.n


def test_what_a_loss_changes_is_as_it_would_be_without_the_comparison(kind):
    """A loss with counters of all sorts, whose values are part of it."""
    global STEPS
    steps, held, schedule = 0, {"steps": 0}, Schedule()
    seen = []

    def annealed(model, x, y):
        nonlocal steps
        global STEPS
        steps += 1
        STEPS += 1
        held["steps"] += 1
        seen.append(len(x))
        model.steps = getattr(model, "steps", 0) + 1
        model.total += 1
        x *= 2  # the caller's array too, as in one process
        return squared(model, x, y) * steps * STEPS * held["steps"] * len(seen) * schedule.next()

    model, optimizer = net()
    model.register_buffer("total", np.zeros(()))
    STEPS = 0
    with parallel.replicate(model, optimizer, annealed, workers=2, kind=kind) as replicas:
        x, y = regression(6)
        before = x.copy()
        replicas.step(x, y)
        shared = 2 if kind == "threads" else 1  # workers that call it in this process
        assert (steps, STEPS, held["steps"], len(seen), schedule.n) == (shared,) * 5
        assert model.steps == 1 and model.total == 1
        changed = before * 2
        np.testing.assert_array_equal(x[:3], changed[:3])


def test_a_copy_of_the_model_made_meanwhile_is_whole(kind):
    model, optimizer = net()
    with parallel.replicate(model, optimizer, squared, workers=2, kind=kind) as replicas:
        replicas.step(*regression(6))
        twin = copy.deepcopy(model)
        before = state(twin)
        replicas.step(*regression(6))
    assert_equal(state(twin), before)
    assert all(p.dtype == np.float64 for p in model.parameters())
