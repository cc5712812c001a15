"""nn.parallel: a batch computed in pieces, whose gradients are added up, gives what the whole gives."""

import numpy as np
import pytest

from parallel_cases import KINDS, net, regression, squared, state
from parallel_losses import IDS, PADDED, alone, assert_equal, mean, noisy, pair, summed, words
from tapegrad import nn
from tapegrad.autograd import no_grad
from tapegrad.nn import parallel
from tapegrad.nn.utils import clip_grad_norm_


@pytest.fixture(params=[(1, "threads"), *((2, kind) for kind in KINDS)], ids=lambda p: f"{p[0]} {p[1]}")
def crew(request):
    """Options: how many workers, of which kind."""
    return dict(zip(("workers", "kind"), request.param, strict=True))


def trained(made, loss, batches, **options):
    """Losses, norms and parameters of replicas."""
    model, optimizer = made
    with parallel.replicate(model, optimizer, loss, **options) as replicas:
        found = [(replicas.step(*batch), replicas.norm) for batch in batches]
        captured = repr(replicas._self.loss) if options.get("replay") else ""
    return [loss for loss, _ in found], [norm for _, norm in found], state(model), captured


def norms_alone(made, loss, batches, max_norm):
    model, optimizer = made
    for batch in batches:
        optimizer.zero_grad()
        loss(model, *batch).backward()
        yield clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()


@pytest.mark.parametrize("accumulate", [2, 3, 4])
@pytest.mark.parametrize(("max_norm", "replay"), [(None, False), (0.05, False), (0.05, True)])
def test_pieces_train_as_the_whole_batch(crew, accumulate, max_norm, replay):
    """Of 11 rows the pieces are uneven."""
    batches = [regression(11, seed) for seed in range(6)]
    limit = np.inf if max_norm is None else max_norm
    losses, expected = alone(net(), squared, batches, limit)
    norms = list(norms_alone(net(), squared, batches, limit))
    options = crew | {"max_norm": max_norm, "replay": replay, "accumulate": accumulate}
    ours = trained(net(), squared, batches, **options)
    np.testing.assert_allclose(ours[0], losses, rtol=1e-12)
    np.testing.assert_allclose(ours[1], norms, rtol=1e-12)
    assert_equal(ours[2], expected)
    assert not replay or "0 captures" not in ours[3]


@pytest.mark.parametrize("replay", [False, True])
@pytest.mark.parametrize("accumulate", [2, 3])
def test_ignored_targets_count_over_the_whole_batch(crew, accumulate, replay):
    rng = np.random.default_rng(1)
    batches = [(rng.integers(0, 5, (7, 3)), rng.integers(0, 3, (7, 3))) for _ in range(6)]
    for i, (_, targets) in enumerate(batches):
        targets[4:, 1:] = targets[i] = targets[(i + 1) % 7] = -100  # pieces with little or nothing to count
    losses, expected = alone(words(), mean, batches, 0.05)
    options = crew | {"max_norm": 0.05, "replay": replay, "accumulate": accumulate}
    ours = trained(words(), pair, batches, **options)
    np.testing.assert_allclose(ours[0], losses, rtol=1e-12)
    assert_equal(ours[2], expected)
    model, optimizer = words()
    with parallel.replicate(model, optimizer, pair, **crew, accumulate=accumulate) as replicas:
        for batch in batches:
            assert replicas.evaluate(*batch) == pytest.approx(mean(model, *batch).item(), rel=1e-12)


def test_a_batch_in_which_nothing_counts_changes_nothing():
    model, optimizer = words()
    before = state(model)
    with parallel.replicate(model, optimizer, pair, workers=1, accumulate=2) as replicas:
        with pytest.raises(FloatingPointError, match="counts of the batch sum to 0; no parameter"):
            replicas.step(IDS, np.full((2, 3), -100))
        assert_equal(state(model), before)
        assert np.isfinite(replicas.step(IDS, PADDED))


@pytest.mark.parametrize("bad", [0, 2, 5])
def test_nan_in_any_piece_changes_nothing(crew, bad):
    model, optimizer = net()
    x, y = regression(6)
    with parallel.replicate(model, optimizer, squared, **crew, accumulate=3) as replicas:
        replicas.step(x, y)
        before = state(model)
        with pytest.raises(FloatingPointError, match="no parameter was changed"):
            replicas.step(x, np.where(np.arange(6) == bad, np.nan, y))
        assert_equal(state(model), before)
        assert np.isfinite(replicas.step(x, y))


@pytest.mark.parametrize("replay", [False, True])
def test_dropout_is_drawn_for_each_piece_as_a_loop_over_the_pieces_does(replay):
    batches = [regression(9, seed) for seed in range(6)]
    model, optimizer = net(p=0.5)
    losses = []
    for x, y in batches:
        optimizer.zero_grad()
        total = 0.0
        for rows in (slice(0, 3), slice(3, 6), slice(6, 9)):
            value = squared(model, x[rows], y[rows]) / 3
            value.backward()
            total += value.item()
        clip_grad_norm_(model.parameters(), 0.05)
        optimizer.step()
        losses.append(total)
    options = {"workers": 1, "max_norm": 0.05, "replay": replay, "accumulate": 3}
    ours = trained(net(p=0.5), squared, batches, **options)
    np.testing.assert_allclose(ours[0], losses, rtol=1e-12)
    assert_equal(ours[2], state(model))


@pytest.mark.parametrize("kind", ["threads", None])
def test_a_loss_of_one_worker_draws_noise_as_a_loop_does(kind):
    batches = [regression(6, seed) for seed in range(3)]
    np.random.seed(4)
    model, optimizer = net()
    for x, y in batches:
        optimizer.zero_grad()
        for rows in (slice(0, 3), slice(3, 6)):
            (noisy(squared)(model, x[rows], y[rows]) / 2).backward()
        optimizer.step()
    np.random.seed(4)
    ours = trained(net(), noisy(squared), batches, workers=1, kind=kind, accumulate=2)
    assert_equal(ours[2], state(model))


def test_a_parameter_that_only_some_pieces_use_is_trained_and_others_stay():
    def loss(model, x, y):
        out = model.first(x).sum(axis=1)
        total = ((out - y) ** 2).sum()
        further = x[:, 0] < 0
        if further.any():
            total = total + (model.second(model.first(x))[:, 0][further] ** 2).sum()
        return total / len(y)

    for used in range(3):
        x, y = np.ones((3, 3)), np.zeros(3)
        x[used] = -1
        model, optimizer = net()
        before = state(model)
        with parallel.replicate(model, optimizer, loss, workers=1, accumulate=3) as replicas:
            replicas.step(x, y)
            middle = state(model)
            assert not np.array_equal(middle["second.weight"], before["second.weight"])
            replicas.step(np.ones((3, 3)), y)
            assert np.array_equal(state(model)["second.weight"], middle["second.weight"])
        assert [[*flat.steps] for _, flat in optimizer.buffers()] == [[2, 2, 1, 1]]


def test_no_more_than_a_piece_is_recorded_at_once(crew):
    recorded = []

    def loss(model, x, y):
        value = squared(model, x, y)
        if value.requires_grad:
            recorded.append(len(x))
        return value

    options = crew | {"accumulate": 3}
    trained(net(), loss, [regression(12)] * 3, **options)
    assert len(recorded) % 3 == 0 and set(recorded) == {12 // (3 * crew["workers"])}


# ------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize("norm", [nn.BatchNorm1d, nn.SyncBatchNorm])
@pytest.mark.parametrize("rows", [4, 12])  # of 4 a piece has one, of which there are no statistics
def test_statistics_over_the_batch_are_refused_while_training(crew, norm, rows):
    nn.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), norm(4), nn.Linear(4, 1)).double()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    before = state(model)
    with parallel.replicate(model, optimizer, squared, **crew, accumulate=2) as replicas:
        with pytest.raises(ValueError, match=rf"{norm.__name__} '1' takes statistics .*accumulate=1"):
            replicas.step(*regression(rows))
        assert_equal(state(model), before)
        model[1].eval()  # the way out
        x, y = regression(rows)
        expected = squared(model, x, y).item()
        assert replicas.step(x, y) == pytest.approx(expected, rel=1e-12)


def test_statistics_of_a_function_are_found_by_comparing(crew):
    def loss(model, x, y):
        return squared(model, nn.functional.batch_norm(x, None, None, training=True), y)

    model, optimizer = net()
    with parallel.replicate(model, optimizer, loss, **crew, accumulate=2) as replicas:
        with pytest.raises(ValueError, match="loss of the whole batch is .* accumulate=1. No") as refused:
            replicas.step(*regression(12))
        assert ("workers=1" in str(refused.value)) == (crew["workers"] > 1)
        assert "SyncBatchNorm" not in str(refused.value)


def test_running_statistics_and_sums_for_means_are_refused():
    x, y = np.random.default_rng(0).normal(size=(4, 3, 5)), np.zeros(4)
    model = nn.Sequential(nn.InstanceNorm1d(3, track_running_stats=True, affine=True)).double()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)

    def loss(model, x, y):
        return ((model(x).sum(axis=(1, 2)) - y) ** 2).mean()

    told = "InstanceNorm1d '0' keeps running statistics .*accumulate=1"
    with (
        parallel.replicate(model, optimizer, loss, workers=1, accumulate=2) as replicas,
        pytest.raises(ValueError, match=told),
    ):
        replicas.step(x, y)
    model, optimizer = net()
    told = "no mean in which all rows count alike"
    with (
        parallel.replicate(model, optimizer, summed, workers=1, accumulate=2) as replicas,
        pytest.raises(ValueError, match=told),
    ):
        replicas.step(*regression(4))


def test_a_count_that_depends_on_parameters_is_refused_and_the_way_out_works():
    def attentive(model, x, y, detached=False):
        weights = np.exp(model.first(x)[:, 0])
        total = (weights * (model(x)[:, 0] - y) ** 2).sum()
        return total, weights.sum().detach() if detached else weights.sum()

    model, optimizer = net()
    with parallel.replicate(model, optimizer, attentive, workers=1, accumulate=2) as replicas:
        with pytest.raises(ValueError, match=r"count .*depends on parameters.*count.detach\(\)"):
            replicas.step(*regression(6), False)
        with no_grad():
            total, count = attentive(model, *regression(6))
        assert replicas.evaluate(*regression(6)) == pytest.approx((total / count).item(), rel=1e-12)
        assert replicas.step(*regression(6), True) == pytest.approx((total / count).item(), rel=1e-12)


@pytest.mark.parametrize("wrong", [0, -1, 1.0, True, "2", None])
def test_the_number_of_pieces_is_checked(wrong):
    model, optimizer = net()
    with pytest.raises(ValueError, match="replicate: accumulate is a number of pieces from 1 on, not"):
        parallel.replicate(model, optimizer, squared, workers=1, accumulate=wrong)


def test_a_batch_of_fewer_rows_than_pieces_is_refused():
    model, optimizer = net()
    with parallel.replicate(model, optimizer, squared, workers=2, kind="threads", accumulate=3) as replicas:
        with pytest.raises(ValueError, match="2 workers that compute it in 3 pieces each.* at least 6 rows"):
            replicas.step(*regression(5))
        assert np.isfinite(replicas.step(*regression(6)))
