"""nn.parallel: a loss is (total, count), and both are summed before dividing."""

import numpy as np
import pytest

from parallel_cases import KINDS, net, regression, state
from parallel_losses import IDS, PADDED, alone, assert_equal, mean, pair, words
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
