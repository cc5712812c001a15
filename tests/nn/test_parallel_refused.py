"""nn.parallel: a loss that shares of the batch do not give as the whole batch does is refused."""

import numpy as np
import pytest

from parallel_cases import KINDS, net, regression, squared, state
from parallel_losses import (
    IDS,
    PADDED,
    assert_equal,
    contrastive,
    masked,
    mean,
    noisy,
    normed,
    summed,
    uneven,
    weighted,
    words,
)
from tapegrad import nn
from tapegrad.nn import parallel


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


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
