"""nn.parallel: a loss is (total, count), or a mean that shares of the batch give as the whole batch does."""

import copy

import numpy as np
import pytest

from parallel_cases import KINDS, net, regression, squared, state
from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F
from tapegrad.nn import parallel
from tapegrad.nn.utils import clip_grad_norm_

PADDED = np.array([[0, 1, 2], [0, -100, -100]])
IDS = np.array([[1, 2, 3], [3, 4, 0]])


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def words(dtype=np.float64):
    """A model of 5 words, and its optimizer."""
    nn.manual_seed(0)
    model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 3))
    model = model.double() if dtype == np.float64 else model
    return model, nn.optim.AdamW(model.parameters(), lr=0.1)


def logits(model, ids):
    return model(ids).reshape(-1, 3)


def mean(model, ids, targets):
    return F.cross_entropy(logits(model, ids), targets.reshape(-1))


def pair(model, ids, targets):
    total = F.cross_entropy(logits(model, ids), targets.reshape(-1), reduction="sum")
    return total, (targets != -100).sum()


def alone(made, loss, batches, max_norm=np.inf):
    """What one process does with a plain mean: losses, and the parameters then."""
    model, optimizer = made
    losses = []
    for batch in batches:
        optimizer.zero_grad()
        value = loss(model, *batch)
        value.backward()
        clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        losses.append(value.item())
    return losses, state(model)


def assert_equal(ours, expected):
    for name, array in expected.items():
        np.testing.assert_allclose(ours[name], array, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize(("max_norm", "replay"), [(None, False), (0.05, False), (0.05, True)])
def test_totals_and_counts_are_summed_before_dividing(kind, workers, max_norm, replay):
    rng = np.random.default_rng(1)
    batches = [(rng.integers(0, 5, (4, 3)), rng.integers(0, 3, (4, 3))) for _ in range(5)]
    for i, (_, targets) in enumerate(batches):
        targets[3:, 1:] = targets[i % 4] = -100  # unequal shares, and one of 3 has nothing but padding
    losses, expected = alone(words(), mean, batches, np.inf if max_norm is None else max_norm)
    model, optimizer = words()
    options = {"workers": workers, "max_norm": max_norm, "replay": replay}
    with parallel.replicate(model, optimizer, pair, kind=kind, **options) as replicas:
        np.testing.assert_allclose([replicas.step(*batch) for batch in batches], losses, rtol=1e-12)
        for batch in batches:
            assert replicas.evaluate(*batch) == pytest.approx(mean(model, *batch).item(), rel=1e-12)
    assert_equal(state(model), expected)


def test_two_workers_give_what_one_process_gives_for_padded_targets(kind):
    for dtype, rtol in [(np.float64, 1e-12), (np.float32, 1e-6)]:
        model, optimizer = words(dtype)
        expected = mean(model, IDS, PADDED).item()
        with parallel.replicate(model, optimizer, pair, workers=2, kind=kind) as replicas:
            assert replicas.evaluate(IDS, PADDED) == pytest.approx(expected, rel=rtol)
            assert replicas.step(IDS, PADDED) == pytest.approx(expected, rel=rtol)


def test_a_count_may_be_computed_from_parameters(kind):
    def attentive(model, x, y):
        weights = np.exp(model.first(x)[:, 0])  # wants a gradient
        return (weights * (model(x)[:, 0] - y) ** 2).sum(), weights.sum()

    def whole(model, x, y):
        total, count = attentive(model, x, y)
        return total / count

    batches = [regression(7, seed) for seed in range(3)]
    losses, expected = alone(net(), whole, batches)
    for replay in (False, True):
        model, optimizer = net()
        options = {"workers": 2, "kind": kind, "replay": replay}
        with parallel.replicate(model, optimizer, attentive, **options) as replicas:
            np.testing.assert_allclose([replicas.step(*batch) for batch in batches], losses, rtol=1e-12)
            assert not replay or "1 captures" in repr(replicas._self.loss)
        assert_equal(state(model), expected)


def test_a_batch_in_which_nothing_counts_changes_nothing(kind):
    model, optimizer = words()
    before = state(model)
    with parallel.replicate(model, optimizer, pair, workers=2, kind=kind) as replicas:
        with pytest.raises(FloatingPointError, match="counts of the batch sum to 0; no parameter"):
            replicas.step(IDS, np.full((2, 3), -100))
        assert np.isnan(replicas.evaluate(IDS, np.full((2, 3), -100)))
        assert_equal(state(model), before)
        assert np.isfinite(replicas.step(IDS, PADDED))


def test_nan_and_errors_in_one_share_of_totals_and_counts(kind):
    def picky(model, x, y):
        if (y > 100).any():
            raise KeyError("a strange sample")
        return ((model(x)[:, 0] - y) ** 2).sum(), len(y)

    model, optimizer = net()
    x, y = regression(6)
    with parallel.replicate(model, optimizer, picky, workers=2, kind=kind) as replicas:
        replicas.step(x, y)
        before = state(model)
        for value, error, told in [
            (np.nan, FloatingPointError, "loss of worker 1 is nan; no parameter was changed"),
            (1000, RuntimeError, "(?s)worker 1 of 2.*a strange sample"),
        ]:
            with pytest.raises(error, match=told):
                replicas.step(x, np.where(np.arange(6) == 5, value, y))
            assert_equal(state(model), before)
        assert np.isfinite(replicas.step(x, y))


# ------------------------------------------------------------------ what is refused


class BatchNorm(nn.Module):
    """Statistics over the batch while training, running ones in evaluation."""

    def __init__(self):
        self.first = nn.Linear(3, 5, dtype=np.float64)
        self.drop = nn.Dropout(0.5)
        self.second = nn.Linear(5, 1, dtype=np.float64)
        self.register_buffer("average", np.zeros(5))

    def forward(self, x):
        h = self.first(x)
        centre = h.mean(axis=0) if self.training else self.average
        if self.training:
            self.average *= 0.9
            self.average += 0.1 * centre.data
        return self.second(self.drop(np.tanh(h - centre)))


def normed():
    nn.manual_seed(3)
    model = BatchNorm()
    return model, nn.optim.SGD(model.parameters(), lr=0.1)


def uneven():
    """Samples of which `masked` counts three in the first half and one in the second."""
    x, y = regression(6)
    return x, np.abs(y) * [1, 1, 1, 1, -1, -1]


def masked(model, x, y):
    counts = y > 0
    return (((model(x)[:, 0] - y) ** 2) * counts).sum() / counts.sum()


def weighted(model, x, y):
    weights = np.abs(y) / np.abs(y).sum()
    return (((model(x)[:, 0] - y) ** 2) * weights).sum()


def contrastive(model, x, y):
    out = model(x)
    return F.cross_entropy(out @ out.T, np.arange(len(x)))


def summed(model, x, y):
    return ((model(x)[:, 0] - y) ** 2).sum()


def noisy(loss):
    """The loss of inputs that are changed by noise."""

    def with_noise(model, x, y):
        return loss(model, x + 0.01 * np.random.standard_normal(x.shape), y)

    return with_noise


@pytest.mark.parametrize("loss", [masked, weighted, contrastive, summed])
@pytest.mark.parametrize("p", [0.0, 0.5])  # dropout hides nothing
def test_a_loss_that_is_no_mean_over_rows_is_refused(kind, loss, p):
    model, optimizer = net(p)
    before = state(model)
    with parallel.replicate(model, optimizer, loss, workers=2, kind=kind) as replicas:
        for call in (replicas.step, replicas.evaluate):
            with pytest.raises(ValueError, match=r"(?s)no mean in which all rows.*return \(total, count\)"):
                call(*uneven())
    assert_equal(state(model), before)


def test_the_refusal_tells_both_numbers(kind):
    model, optimizer = words()
    shares = [mean(model, IDS[i : i + 1], PADDED[i : i + 1]).item() for i in range(2)]
    told = f"whole batch is {mean(model, IDS, PADDED).item():.7g}, .* rows, {sum(shares) / 2:.7g}:"
    replicas = parallel.replicate(model, optimizer, mean, workers=2, kind=kind)
    with replicas, pytest.raises(ValueError, match=told):
        replicas.step(IDS, PADDED)


def test_statistics_over_the_batch_are_refused_in_training_only(kind):
    model, optimizer = normed()
    with parallel.replicate(model, optimizer, squared, workers=2, kind=kind) as replicas:
        with pytest.raises(ValueError, match="statistics over the batch, use workers=1"):
            replicas.step(*regression(6))
        assert (model.average == 0).all()  # what was tried left nothing behind
        model.eval()
        expected = squared(model, *regression(6)).item()
        assert replicas.evaluate(*regression(6)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.skipif("processes" not in KINDS, reason="threads share np.random")
@pytest.mark.parametrize("loss", [masked, weighted, contrastive, summed])
def test_noise_does_not_hide_a_difference(loss):
    replicas = parallel.replicate(*net(), noisy(loss), workers=2, kind="processes")
    with replicas, pytest.raises(ValueError, match="no mean in which all rows"):
        replicas.step(*uneven())


@pytest.mark.parametrize("made", [net, normed])
def test_totals_and_counts_that_are_no_sums_are_refused(kind, made):
    def with_accuracy(model, x, y):  # a mean, and something else: what others would return so
        out = model(x)[:, 0]
        return ((out - y) ** 2).mean(), (out.data > y).mean() + 1

    def sums(model, x, y):
        return summed(model, x, y), len(x)

    replicas = parallel.replicate(*made(), with_accuracy if made is net else sums, workers=2, kind=kind)
    with replicas, pytest.raises(ValueError, match=r"\(total, count\) of the whole .* Both must be sums"):
        replicas.step(*regression(6))


def test_padding_that_comes_later_is_noticed(kind):
    full = np.abs(PADDED) % 3
    model, optimizer = words()
    with parallel.replicate(model, optimizer, mean, workers=2, kind=kind) as replicas:
        replicas.step(IDS, full)
        with pytest.raises(ValueError, match="no mean"):
            replicas.step(IDS, PADDED)
        replicas.step(IDS, full)
        replicas.step(IDS, full)
        with pytest.raises(ValueError, match="no mean"):  # a step at which nothing is due
            replicas.step(IDS, np.array([[0, 1, 2], [-100] * 3]))
        replicas.evaluate(IDS, full)
        with pytest.raises(ValueError, match="no mean"):
            replicas.evaluate(IDS, PADDED)


def test_a_last_layer_of_zeros_hides_padding_for_one_step_only(kind):
    model, optimizer = words()
    nn.init.zeros_(model[1].weight)
    nn.init.zeros_(model[1].bias)
    with parallel.replicate(model, optimizer, mean, workers=2, kind=kind) as replicas:
        replicas.step(IDS, PADDED)  # all words are equally likely
        with pytest.raises(ValueError, match="no mean"):
            replicas.step(IDS, PADDED)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (lambda loss: (loss, {"accuracy": 1.0}), "got .a Tensor of shape .., dict."),
        (lambda loss: (loss, 1.0, 2.0), "got .a Tensor of shape .., float, float."),
        (lambda loss: [loss, 1.0], "got list"),
        (lambda loss: (loss.item(), 1.0), "got .float, float."),
        (lambda loss: (loss, np.ones(2)), "got .a Tensor of shape .., ndarray."),
        (lambda loss: loss.item(), "got float"),
        (lambda loss: None, "got NoneType"),
    ],
)
def test_what_a_loss_may_give_is_said(kind, given, told):
    def loss(model, x, y):
        return given(squared(model, x, y))

    for workers in (1, 2):
        replicas = parallel.replicate(*net(), loss, workers=workers, kind=kind)
        with replicas, pytest.raises(TypeError, match=rf"must be \(total, count\), .*{told}"):
            replicas.step(*regression(4))


def test_a_loss_that_changes_its_mind_is_refused(kind):
    def moody(model, x, y):
        total = ((model(x)[:, 0] - y) ** 2).sum()
        return (total, len(y)) if y[0] < 100 else total / len(y)

    x, y = regression(6)
    with parallel.replicate(*net(), moody, workers=2, kind=kind) as replicas:
        for _ in range(2):
            replicas.step(x, y)
        with pytest.raises(TypeError, match="for some batches and a mean for others"):
            replicas.step(x, y + 1000)
        assert np.isfinite(replicas.step(x, y))


# ------------------------------------------------------------------ what is not


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
