"""Losses of classes: known numbers, refusals, what is ignored, and their layers."""

import re

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

RNG = np.random.default_rng(0)
close = np.testing.assert_allclose
X = np.log([[1.0, 2.0, 1.0], [5.0, 3.0, 2.0]])  # so that softmax is [1/4, 1/2, 1/4] and [1/2, 3/10, 1/5]
P = np.array([[0.25, 0.5, 0.25], [0.5, 0.3, 0.2]])
W = np.array([1.0, 3.0, 2.0])
INF, NAN = np.inf, np.nan


def run(f, *arrays):
    """f's result and the gradients of its sum."""
    leaves = [Tensor(a, requires_grad=True) for a in arrays]
    y = f(*leaves)
    y.sum().backward()
    return [y.numpy(), *[leaf.grad for leaf in leaves]]


# ---------------------------------------------------------------------------------- weights


def test_weights_of_classes():
    losses = np.array([-3 * np.log(0.5), -2 * np.log(0.2)])
    for reduction, expected in {"none": losses, "sum": losses.sum(), "mean": losses.sum() / 5}.items():
        y, dx = run(lambda x, r=reduction: F.cross_entropy(x, [1, 2], W, reduction=r), X)
        close(y, expected)
        share = 1 / 5 if reduction == "mean" else 1
        close(dx, share * W[1:, None] * (P - [[0, 1, 0], [0, 0, 1]]), atol=1e-15)
        close(F.nll_loss(np.log(P), [1, 2], W, reduction=reduction).numpy(), expected)
        layer = nn.CrossEntropyLoss(W, reduction=reduction)
        close(layer(X, [1, 2]).numpy(), expected)
        close(nn.NLLLoss(W, reduction=reduction)(np.log(P), [1, 2]).numpy(), expected)


def test_weights_with_smoothing_weigh_every_class():
    each = -np.log(P) * W
    expected = 0.9 * each[[0, 1], [1, 2]] + 0.1 * each.mean(1)
    close(F.cross_entropy(X, [1, 2], W, label_smoothing=0.1, reduction="none").numpy(), expected)
    close(F.cross_entropy(X, [1, 2], W, label_smoothing=0.1).item(), expected.sum() / 5)


def test_weights_may_have_a_gradient():
    def loss(w):
        return F.cross_entropy(X, [1, 2], w)

    _, dw = run(loss, W)
    steps = np.eye(3) * 1e-6
    close(dw, [(loss(W + h).item() - loss(W - h).item()) / 2e-6 for h in steps], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("f", [F.cross_entropy, F.nll_loss])
def test_weights_do_not_widen(f):
    for dtype in (np.float16, np.float32):
        x = Tensor(X.astype(dtype), requires_grad=True)
        for weight in (W, [1, 3, 2], W.astype(np.float16)):
            y = f(x, [1, 2], weight)
            assert y.dtype == dtype
            y.backward()
            assert x.grad.dtype == dtype


@pytest.mark.parametrize("f", [F.cross_entropy, F.nll_loss])
@pytest.mark.parametrize("bad", [[-INF, -INF, 0], [NAN, 0, 0], [INF, INF, 1]], ids=str)
@pytest.mark.parametrize("options", [{}, {"weight": W}, {"weight": W, "label_smoothing": 0.1}], ids=str)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_row_that_is_ignored_may_hold_anything(f, bad, options, reduction):
    if f is F.nll_loss and "label_smoothing" in options:
        return
    whole, dx = run(lambda x: f(x, [1, -100], reduction=reduction, **options), np.array([X[0], bad]))
    alone, dx_alone = run(lambda x: f(x, [1], reduction=reduction, **options), X[:1])
    close(whole.sum(), alone.sum())
    close(dx, [dx_alone[0], [0, 0, 0]])


def test_an_ignore_index_among_the_classes():
    for target, index in (([1, 2], 2), ([1, 7], 7), ([1, -1], -1)):
        close(F.cross_entropy(X, target, W, ignore_index=index).item(), -np.log(0.5))
        close(F.nll_loss(np.log(P), target, ignore_index=index).item(), -np.log(0.5))


# ---------------------------------------------------------------------------------- probabilities

Q = np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])


def test_probabilities_as_targets():
    losses = -(Q * np.log(P)).sum(1)
    for reduction, expected in {"none": losses, "sum": losses.sum(), "mean": losses.mean()}.items():
        y, dx, dq = run(lambda x, q, r=reduction: F.cross_entropy(x, q, reduction=r), X, Q)
        close(y, expected)
        share = 0.5 if reduction == "mean" else 1
        close(dx, share * (P - Q), atol=1e-15)
        close(dq, -share * np.log(P))
    close(nn.CrossEntropyLoss(W)(X, Q).item(), -(Q * W * np.log(P)).sum() / 2)  # over rows, not weights
    close(F.cross_entropy(X[0], Q[0]).item(), losses[0])
    image = X.T[None], Q.T[None]
    close(F.cross_entropy(*image, reduction="none").numpy(), [losses])


def test_a_class_of_probability_0_may_have_no_chance():
    """PyTorch gives nan: 0 times -inf."""
    x = np.array([[0.0, -INF, 0.0], [0.0, 0.0, 0.0]])
    q = np.array([[0.5, 0.0, 0.5], [0.0, 1.0, 0.0]])
    y, dx = run(lambda x: F.cross_entropy(x, q, reduction="none"), x)
    close(y, np.log([2, 3]))
    close(dx, [[0, 0, 0], [1 / 3, -2 / 3, 1 / 3]], atol=1e-15)
    y = F.cross_entropy(x, [[0.5, 0.25, 0.25], [0, 0, 1]], reduction="none")
    close(y.numpy(), [INF, np.log(3)])  # but one that has a probability may not


def test_one_class_of_probability_1_is_that_class():
    x, target = RNG.normal(size=(4, 5, 3)), RNG.integers(0, 5, (4, 3))
    q = np.moveaxis(np.eye(5)[target], -1, 1)
    for options in ({}, {"label_smoothing": 0.3}, {"reduction": "none"}):
        close(F.cross_entropy(x, q, **options).numpy(), F.cross_entropy(x, target, **options).numpy())


def test_large_logits_keep_their_digits():
    x = np.array([[1e4, 1e4 + 1, 1e4]], np.float32)
    q = np.array([[0.25, 0.5, 0.25]], np.float32)
    z = (x - 1e4).astype(float)
    expected = (np.log(np.exp(z).sum()) - (q * z).sum()).item()
    close(F.cross_entropy(x, q).item(), expected, rtol=1e-6)


# ---------------------------------------------------------------------------------- shapes and refusals


def test_of_no_row_and_of_no_class():
    for f in (F.cross_entropy, F.nll_loss):
        for weight in (None, W):
            x, dx = run(lambda x, f=f, w=weight: f(x, np.zeros(0, int), w, reduction="sum"), np.zeros((0, 3)))
            assert x == 0 and dx.shape == (0, 3)
            assert np.isnan(f(np.zeros((0, 3)), np.zeros(0, int), weight).item())
    assert np.isnan(F.cross_entropy(np.zeros((0, 3)), np.zeros((0, 3))).item())
    with pytest.raises(ValueError, match=r"cross_entropy: input of shape \(2, 0\) has no classes"):
        F.cross_entropy(np.zeros((2, 0)), np.zeros((2, 0)))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int32, np.uint64])
def test_targets_of_every_integer_dtype(dtype):
    target = np.array([2, 0, 1], dtype)
    x = np.random.default_rng(0).normal(size=(3, 3))
    for options in (
        {},
        {"weight": W},
        {"weight": W, "label_smoothing": 0.1},
        {"ignore_index": 1, "weight": W},
    ):
        expected = F.cross_entropy(x, target.astype(np.int64), **options).item()
        assert F.cross_entropy(x, target, **options).item() == expected
    for options in ({}, {"weight": W}, {"ignore_index": 0}):
        expected = F.nll_loss(x, target.astype(np.int64), **options).item()
        assert F.nll_loss(x, target, **options).item() == expected


def test_one_row_and_its_target():
    for target in (1, [1], np.array(1), np.uint8(1)):
        for f, x in ((F.cross_entropy, X[0]), (F.nll_loss, np.log(P[0]))):
            for weight in (None, W):
                y = f(x, target, weight, reduction="none")
                assert y.shape == ()
                close(y.item(), -np.log(0.5) * (1 if weight is None else 3))


REFUSED = [
    (F.nll_loss, (X, [1, 3]), {}, IndexError, "nll_loss: target 3 at position (1,) is outside 0..2"),
    (F.nll_loss, (X, [1, -1]), {}, IndexError, "target -1 at position (1,)"),
    (F.nll_loss, (X, [1.0, 2.0]), {}, TypeError, "nll_loss: targets must be integers, not float64"),
    (F.nll_loss, (X, [True, False]), {}, TypeError, "must be integers, not bool"),
    (F.nll_loss, (X, [1]), {}, ValueError, "nll_loss: targets of shape (1,) for logits of shape (2, 3)"),
    (F.nll_loss, (X[None], [[1]]), {}, ValueError, "classes are on axis 1"),
    (F.nll_loss, (X, [1, 2], W[:2]), {}, ValueError, "nll_loss: weight of shape (2,), expected (3,)"),
    (F.cross_entropy, (X, [1, 2], W[:2]), {}, ValueError, "weight of shape (2,), expected (3,)"),
    (F.cross_entropy, (X, [1, 2], W[:, None]), {}, ValueError, "weight of shape (3, 1), expected (3,)"),
    (F.cross_entropy, (X, [1, 3], W), {}, IndexError, "cross_entropy: target 3 at position (1,)"),
    (F.cross_entropy, (X, Q, W[:2]), {}, ValueError, "weight of shape (2,), expected (3,)"),
    (F.cross_entropy, (X, Q), {"ignore_index": 1}, ValueError, "ignore_index=1 is of integer targets"),
    (F.cross_entropy, (X, Q[:1]), {}, TypeError, "probabilities have the shape of input"),
    (F.cross_entropy, (X, [[1, 0, 0], [0, 1, 0]]), {}, ValueError, "targets of shape (2, 3)"),
    (F.cross_entropy, (X, [1, 2]), {"label_smoothing": NAN}, ValueError, "label_smoothing must be from 0"),
    (F.cross_entropy, (X, [1, 2]), {"ignore_index": 1.5}, TypeError, "ignore_index is an integer, not 1.5"),
    (F.nll_loss, (X, [1, 2]), {"ignore_index": None}, TypeError, "ignore_index is an integer, not None"),
    (F.cross_entropy, (1.0, 0), {}, ValueError, "cross_entropy: input of shape () has no classes"),
    (F.nll_loss, (1.0, 0), {}, ValueError, "nll_loss: input of shape () has no classes"),
    (F.cross_entropy, (X, Tensor(Q[:1], requires_grad=True)), {}, TypeError, "not float64; probabilities"),
    (F.nll_loss, (X, [1, 2]), {"reduction": "batchmean"}, ValueError, "not 'batchmean'"),
]


@pytest.mark.parametrize("f, args, options, error, told", REFUSED, ids=[case[-1] for case in REFUSED])
def test_refused(f, args, options, error, told):
    with pytest.raises(error, match=re.escape(told)):
        f(*args, **options)


def test_a_refusal_names_the_layer():
    model = nn.Sequential(nn.Linear(3, 3, dtype=np.float64), nn.CrossEntropyLoss(W[:2]))
    with pytest.raises(ValueError, match="cross_entropy of CrossEntropyLoss"):
        model[1](model[0](X), [1, 2])


# ---------------------------------------------------------------------------------- layers


@pytest.mark.parametrize("kind", [nn.CrossEntropyLoss, nn.NLLLoss])
def test_weights_are_a_buffer(kind):
    assert [*kind().state_dict()] == [] and [*kind(W).state_dict()] == ["weight"]
    layer = kind([1, 3, 2])
    assert layer.weight.dtype == np.float32 and not [*layer.parameters()]
    other = kind(np.zeros(3))
    other.load_state_dict(layer.double().state_dict())
    np.testing.assert_array_equal(other.weight, W)
    assert other.half().weight.dtype == np.float16
    close(kind(Tensor(W))(X, [1, 2]).item(), kind(W)(X, [1, 2]).item())


def test_attributes_can_be_changed():
    loss = nn.CrossEntropyLoss(W)
    loss.weight, loss.reduction, loss.ignore_index = None, "sum", 2
    close(loss(X, [1, 2]).item(), -np.log(0.5))


@pytest.mark.parametrize(
    "make", [lambda: nn.CrossEntropyLoss(reduce=False), lambda: nn.MSELoss(reduce=False)]
)
def test_a_warning_of_old_words_is_of_the_line_that_says_them(make):
    with pytest.warns(DeprecationWarning, match="reduction='none' says the same") as told:
        make()
    assert told[0].filename == __file__


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"reduction": "sum"}])
@pytest.mark.parametrize("kind", ["integers", "probabilities", "nll"])
def test_a_step_is_replayed(kind, options):
    loss = nn.NLLLoss(W) if kind == "nll" else nn.CrossEntropyLoss(W, **options)
    model = nn.Linear(4, 3, dtype=np.float64)

    def step(model, x, t):
        return loss(F.log_softmax(model(x)), t)

    replayed = nn.replay(model, step)
    for i in range(5):
        x, t = RNG.normal(size=(6, 4)), RNG.integers(0, 3, 6)
        t[: i % 3] = -100
        t = RNG.dirichlet(np.ones(3), 6) if kind == "probabilities" else t
        given = []
        for f in (lambda *batch: step(model, *batch), replayed):
            model.zero_grad()
            y = f(x, t)
            y.backward()
            given.append([y.item(), *[p.grad.copy() for p in model.parameters()]])
        for a, b in zip(*given, strict=True):
            np.testing.assert_array_equal(a, b)
    assert "1 captures" in repr(replayed)
    wrong, error = (np.zeros((6, 2)), TypeError) if kind == "probabilities" else (np.full(6, 3), IndexError)
    with pytest.raises(error):
        replayed(x, wrong)
