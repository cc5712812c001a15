"""nn.parallel: a loss is (total, count), and both are summed before dividing."""

import numpy as np
import pytest

from parallel_cases import KINDS, net, regression, state
from parallel_losses import IDS, PADDED, alone, assert_equal, logits, mean, pair, words
from tapegrad.nn import functional as F
from tapegrad.nn import parallel


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


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


# ---------------------------------------------------------------------------------- losses with weights

WEIGHT = np.array([0.5, 4.0, 1.0])
CLASSES = {
    "cross_entropy": lambda x, t, **o: F.cross_entropy(x, t, WEIGHT, **o),
    "smooth cross_entropy": lambda x, t, **o: F.cross_entropy(x, t, WEIGHT, label_smoothing=0.1, **o),
    "nll_loss": lambda x, t, **o: F.nll_loss(F.log_softmax(x), t, WEIGHT, **o),
}


def weighted_words(loss):
    """The mean of a loss of classes with weights; its total and what it is divided by."""

    def whole(model, ids, targets):
        return loss(logits(model, ids), targets.reshape(-1))

    def parts(model, ids, targets):
        counted = targets != -100
        total = loss(logits(model, ids), targets.reshape(-1), reduction="sum")
        return total, (np.take(WEIGHT, np.where(counted, targets, 0)) * counted).sum()

    return whole, parts


@pytest.mark.parametrize("name", CLASSES)
def test_weights_of_classes_are_summed_before_dividing(kind, name):
    whole, parts = weighted_words(CLASSES[name])
    rng = np.random.default_rng(3)
    batches = [(rng.integers(0, 5, (5, 3)), rng.integers(0, 3, (5, 3))) for _ in range(3)]
    for i, (_, targets) in enumerate(batches):
        targets[i:, 1:] = -100
    losses, expected = alone(words(), whole, batches)
    for workers in (1, 2):
        model, optimizer = words()
        with parallel.replicate(model, optimizer, parts, workers=workers, kind=kind) as replicas:
            np.testing.assert_allclose([replicas.step(*batch) for batch in batches], losses, rtol=1e-12)
        assert_equal(state(model), expected)


@pytest.mark.parametrize("name", CLASSES)
def test_the_mean_of_weighted_classes_is_refused_and_the_way_out_is_told(kind, name):
    whole, _ = weighted_words(CLASSES[name])
    model, optimizer = words()
    before = state(model)
    targets = np.array([[0, 1, 2], [1, 1, -100]])
    with parallel.replicate(model, optimizer, whole, workers=2, kind=kind) as replicas:
        for call in (replicas.step, replicas.evaluate):
            with pytest.raises(
                ValueError, match=r"no mean .* weight=w w\[targets\[targets != -100\]\].sum"
            ) as e:
                call(IDS, targets)
    assert_equal(state(model), before)
    given = {"targets": targets, "w": WEIGHT}
    assert eval(str(e.value).split("with weight=w ")[1].split(". Where")[0], given) == 13.5


def one_number(f, **options):
    return lambda model, x, y: f(model(x)[:, 0], y, **options)


MEANS = {
    "l1_loss": one_number(F.l1_loss),
    "huber_loss": one_number(F.huber_loss),
    "kl_div": lambda model, x, y: F.kl_div(
        F.log_softmax(model(x) * x), np.abs(x) / np.abs(x).sum(-1, keepdims=True), reduction="batchmean"
    ),
    "binary_cross_entropy_with_logits": lambda model, x, y: F.binary_cross_entropy_with_logits(
        model(x) * x, (x > 0) * 1.0, weight=np.array([1.0, 2.0, 4.0]), pos_weight=np.array([3.0, 1.0, 0.5])
    ),
    "gaussian_nll_loss": lambda model, x, y: F.gaussian_nll_loss(model(x)[:, 0], y, np.abs(x[:, 0])),
    "probabilities": lambda model, x, y: F.cross_entropy(
        model(x) * x, np.abs(x) / np.abs(x).sum(-1, keepdims=True), np.array([1.0, 2.0, 4.0])
    ),
}


@pytest.mark.parametrize("name", MEANS)
def test_means_over_rows_are_right_as_they_are(kind, name):
    batches = [regression(5, seed) for seed in range(3)]  # shares of 3 and 2
    losses, expected = alone(net(), MEANS[name], batches)
    model, optimizer = net()
    with parallel.replicate(model, optimizer, MEANS[name], workers=2, kind=kind) as replicas:
        np.testing.assert_allclose([replicas.step(*batch) for batch in batches], losses, rtol=1e-12)
    assert_equal(state(model), expected)


@pytest.mark.parametrize("f", [F.mse_loss, F.l1_loss])
def test_weights_of_elements_are_summed_before_dividing(kind, f):
    def whole(model, x, y):
        return f(model(x)[:, 0], y, weight=np.abs(x[:, 0]))

    def parts(model, x, y):
        weight = np.abs(x[:, 0])
        return f(model(x)[:, 0], y, reduction="sum", weight=weight), weight.sum()

    batches = [regression(5, seed) for seed in range(3)]
    losses, expected = alone(net(), whole, batches)
    model, optimizer = net()
    with parallel.replicate(model, optimizer, parts, workers=2, kind=kind) as replicas:
        np.testing.assert_allclose([replicas.step(*batch) for batch in batches], losses, rtol=1e-12)
    assert_equal(state(model), expected)
    replicas = parallel.replicate(*net(), whole, workers=2, kind=kind)
    with replicas, pytest.raises(ValueError, match="or have weights, return"):
        replicas.step(*batches[0])


@pytest.mark.parametrize("name", CLASSES)
def test_weights_that_tell_shares_apart_are_noticed_at_any_step(kind, name):
    whole, _ = weighted_words(CLASSES[name])
    alike, other = np.array([[0, 1, 2], [1, 2, 0]]), np.array([[0, 1, 2], [1, 1, 1]])
    losses, _ = alone(words(), whole, [(IDS, alike)] * 2)
    model, optimizer = words()
    with parallel.replicate(model, optimizer, whole, workers=2, kind=kind) as replicas:
        np.testing.assert_allclose([replicas.step(IDS, alike) for _ in range(2)], losses, rtol=1e-12)
        with pytest.raises(ValueError, match="or have weights, return"):  # 1, 2, but not 3 would be tried
            replicas.step(IDS, other)
