"""Distances, losses by margins, and connectionist temporal classification: numbers, edges, errors."""

import numpy as np
import pytest

from replay_cases import assert_same, floats
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

A, B = np.array([[3.0, 4.0], [1.0, 0.0]]), np.array([[4.0, 3.0], [-1.0, 0.0]])


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: F.cosine_similarity(A, B), [0.96, -1]),
        (lambda: F.pairwise_distance(A, B, eps=0.0), [np.sqrt(2), 2]),
        (lambda: F.pairwise_distance(A, B, 1.0, 0.0, True), [[2], [2]]),
        (lambda: F.pdist(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])), [5, 1, np.sqrt(18)]),
        (lambda: F.cdist(A, B, 1.0), [[2, 8], [6, 2]]),
        (lambda: F.normalize(A), [[0.6, 0.8], [1, 0]]),
        (lambda: F.normalize(np.zeros((1, 2))), [[0, 0]]),
        (lambda: F.one_hot([2, 0]), [[0, 0, 1], [1, 0, 0]]),
        (lambda: F.cosine_embedding_loss(A, B, [1, -1], reduction="none"), [0.04, 0]),
        (lambda: F.cosine_embedding_loss(A, B, [-1, 1], 0.5, reduction="none"), [0.46, 2]),
        (lambda: F.hinge_embedding_loss([0.25, 0.25, 2.0], [1, -1, -1], reduction="none"), [0.25, 0.75, 0]),
        (lambda: F.margin_ranking_loss([1.0, 2.0], [2.0, 1.0], [1, 1], 0.5, reduction="none"), [1.5, 0]),
        (lambda: F.soft_margin_loss([0.0, 1000.0], [1, -1], reduction="none"), [np.log(2), 1000]),
        (lambda: F.multi_margin_loss([0.1, 0.2, 0.4], 2), (0.7 + 0.8) / 3),
        (lambda: F.multi_margin_loss([0.1, 0.2, 0.4], 2, 2, 1.0, [1.0, 1.0, 2.0]), 2 * (0.49 + 0.64) / 3),
        (lambda: F.multilabel_margin_loss([0.1, 0.2, 0.4, 0.8], [3, 0, -1, 1]), 0.85),
        (lambda: F.multilabel_soft_margin_loss([0.0, 0.0], [1, 0]), np.log(2)),
        (lambda: F.triplet_margin_loss(A, B, -A, eps=0.0, reduction="none"), [0, 1]),
    ],
)
def test_numbers(call, expected):
    np.testing.assert_allclose(call().numpy(), expected, atol=1e-6)


def test_a_distance_of_ones_own():
    calls = []

    def distance(a, b):
        calls.append((a.shape, b.shape))
        return abs(a - b).sum(-1)

    loss = nn.TripletMarginWithDistanceLoss(distance_function=distance, swap=True, reduction="none")
    np.testing.assert_allclose(loss(A, B, B + 1).numpy(), [1 + 2 - 2, 1 + 2 - 2])
    assert calls == [((2, 2), (2, 2))] * 3


def test_rows_that_are_equal_or_zero_have_finite_gradients():
    for f in (lambda x: F.pdist(x), lambda x: F.cdist(x, x), lambda x: F.normalize(x), F.cosine_similarity):
        x = Tensor(np.zeros((2, 3)), requires_grad=True)
        (f(x, x) if f is F.cosine_similarity else f(x)).sum().backward()
        assert np.isfinite(x.grad).all()


def test_half_precision_does_not_overflow():
    x = np.full((1, 4), 300.0, np.float16)
    for y in (F.cosine_similarity(x, x), F.pairwise_distance(x, -x), F.cdist(x, -x), F.normalize(x)):
        assert y.dtype == np.float16 and np.isfinite(y.numpy()).all()
    assert F.cosine_embedding_loss(x, x, [1]).item() == pytest.approx(0, abs=1e-3)


def test_what_normalize_writes_to():
    out = Tensor(np.zeros((2, 2)))
    assert F.normalize(A, out=out) is out
    np.testing.assert_allclose(out.numpy(), [[0.6, 0.8], [1, 0]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: F.cosine_similarity(A, np.ones(3)),
            ValueError,
            r"x1 of shape .* and x2 of shape",
        ),
        (
            lambda: F.cosine_similarity(A, B, 2),
            IndexError,
            r"dim 2 is not an axis of an input of shape",
        ),
        (lambda: F.pairwise_distance(1.0, 2.0), ValueError, "are numbers, not vectors"),
        (lambda: F.pdist(np.ones(3)), ValueError, r"expected \(N, M\)"),
        (lambda: F.pdist(A, -1), ValueError, "p must be 0 or more, not -1"),
        (lambda: F.cdist(A, np.ones((2, 3))), ValueError, "x1 of shape .* and x2 of shape .*, expected"),
        (lambda: F.cdist(A, B, compute_mode="mm"), ValueError, "compute_mode is one of"),
        (lambda: F.one_hot([1.0]), TypeError, "tensor must be integers, not float64"),
        (lambda: F.one_hot([-1, 0]), ValueError, r"classes from -1 to 0 do not fit 0\.\.0"),
        (lambda: F.one_hot([3], 3), ValueError, r"from 3 to 3 do not fit 0\.\.2"),
        (lambda: F.one_hot(np.zeros(0, int)), ValueError, "num_classes=-1 for a tensor of shape"),
        (lambda: F.cosine_embedding_loss(A, B, A), ValueError, r"expected \(N, D\), \(N, D\), \(N,\)"),
        (lambda: F.cosine_embedding_loss(A, B, [1, 1, 1]), ValueError, "do not broadcast"),
        (lambda: F.hinge_embedding_loss(A, [1, 1, 1]), ValueError, "do not broadcast"),
        (lambda: F.margin_ranking_loss(A, B, [1, 1]), ValueError, "differ in their number of axes"),
        (lambda: F.soft_margin_loss(A, [1, 1, 1]), ValueError, "do not broadcast"),
        (lambda: F.multi_margin_loss(A, [0]), ValueError, r"input \(2, 2\), target \(1,\)"),
        (
            lambda: F.multi_margin_loss(A, [0, 2]),
            IndexError,
            r"target 2 at position .1,. is outside",
        ),
        (lambda: F.multi_margin_loss(A, [0.0, 1.0]), TypeError, "target must be integers, not float64"),
        (lambda: F.multi_margin_loss(A, [0, 1], 3), ValueError, "p is 1 or 2, not 3"),
        (lambda: nn.MultiMarginLoss(3), ValueError, "MultiMarginLoss: p is 1 or 2, not 3"),
        (
            lambda: F.multi_margin_loss(A, [0, 1], weight=[1.0]),
            ValueError,
            "weight of shape .* for 2",
        ),
        (lambda: F.multilabel_margin_loss(A, [[0], [1]]), ValueError, "expected both"),
        (
            lambda: F.multilabel_margin_loss(A, [[0, 5], [1, -1]]),
            IndexError,
            "target 5 at position",
        ),
        (lambda: F.multilabel_soft_margin_loss(A, [1, 0, 1]), ValueError, "not the same"),
        (lambda: F.triplet_margin_loss(A, B, A[0]), ValueError, "differ in their number of axes"),
        (lambda: F.triplet_margin_loss(A, B, A, -1.0), ValueError, "margin must be greater than 0, not -1.0"),
        (lambda: nn.TripletMarginLoss(0.0), ValueError, "margin must be greater than 0, not 0.0"),
    ],
)
def test_arguments_that_do_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_errors_name_the_layer():
    with pytest.raises(IndexError, match="multi_margin_loss of MultiMarginLoss: target 7 at position"):
        nn.MultiMarginLoss()(A, [0, 7])


# ---------------------------------------------------------------------------------- texts over time


def log_probs(*shape):
    x = np.random.default_rng(0).normal(size=shape)
    return F.log_softmax(x, -1).numpy()


def test_ctc_of_one_letter():
    """In two steps: the letter, then it again or a blank; or a blank, then the letter."""
    p = np.array([[[0.4, 0.6]], [[0.3, 0.7]]])
    expected = -np.log(0.6 * 0.7 + 0.6 * 0.3 + 0.4 * 0.7)
    assert F.ctc_loss(np.log(p), [[1]], [2], [1]).item() == pytest.approx(expected)
    assert F.ctc_loss(np.log(p[:, 0]), [1], 2, 1).item() == pytest.approx(expected)
    # a letter twice needs a blank between, and a step for it
    assert F.ctc_loss(np.log(p), [[1, 1]], [2], [2]).item() == np.inf
    assert F.ctc_loss(np.log(p), [[1, 1]], [2], [2], zero_infinity=True).item() == 0


def test_ctc_reductions():
    x = log_probs(6, 3, 4)
    given = [[1, 2, 3], [2, 1, 1], [3, 3, 3]], [6, 5, 4], [3, 2, 0]
    losses = F.ctc_loss(x, *given, reduction="none").numpy()
    assert F.ctc_loss(x, *given, reduction="sum").item() == pytest.approx(losses.sum())
    assert F.ctc_loss(x, *given).item() == pytest.approx((losses / [3, 2, 1]).mean())
    flat = F.ctc_loss(x, [1, 2, 3, 2, 1], *given[1:], reduction="none").numpy()
    np.testing.assert_allclose(flat, losses)


def test_probabilities_of_zero():
    x = log_probs(4, 1, 3)
    x[:, :, 2] = -np.inf
    leaf = Tensor(x, requires_grad=True)
    F.ctc_loss(leaf, [[1]], [4], [1]).backward()
    assert np.isfinite(leaf.grad).all()
    assert F.ctc_loss(x, [[2]], [4], [1]).item() == np.inf


def test_ctc_is_replayed():
    model = nn.Linear(3, 4)

    def loss(model, x, targets):
        return F.ctc_loss(F.log_softmax(model(x), -1), targets, np.array([5, 4]), np.array([2, 1]))

    rng = np.random.default_rng(0)
    batches = [(floats(5, 2, 3), rng.integers(1, 4, (2, 2))) for _ in range(5)]
    assert_same(model, nn.replay(model, loss), loss, batches)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (([[1]], [3], [1]), ValueError, "input_lengths from 3 to 3, log_probs .* has 0 to 2"),
        (([[1]], [2], [2]), ValueError, r"target_lengths from 2 to 2, targets \(1, 1\) has 0 to 1"),
        (([[1]], [2, 2], [1]), ValueError, r"input_lengths of shape \(2,\), expected \(1,\)"),
        (([[1], [1]], [2], [1]), ValueError, r"targets of shape \(2, 1\), expected \(1, S\)"),
        (([1, 1], [2], [1]), ValueError, "target_lengths sum to 1, but there are 2 targets"),
        (([[4]], [2], [1]), IndexError, "targets from 4 to 4 for 3 classes"),
        (([[1.0]], [2], [1]), TypeError, "targets must be integers"),
        (([[1]], [2.0], [1]), TypeError, "input_lengths must be integers"),
        (([[1]], [2], [1], 3), ValueError, "blank 3 is none of 3 classes"),
    ],
)
def test_texts_that_do_not_fit(given, error, message):
    with pytest.raises(error, match=f"^ctc_loss: .*{message}"):
        F.ctc_loss(log_probs(2, 1, 3), *given)
    if len(given) == 3:
        with pytest.raises(error, match=f"^ctc_loss of CTCLoss: .*{message}"):
            nn.CTCLoss()(log_probs(2, 1, 3), *given)
    with pytest.raises(ValueError, match=r"log_probs of shape \(3,\), expected \(T, N, C\)"):
        F.ctc_loss(np.zeros(3), [[1]], [1], [1])
