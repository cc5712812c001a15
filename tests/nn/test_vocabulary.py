"""Losses of many classes together with the layer before them: pieces of logits, and clusters."""

import re
import tracemalloc

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F
from tapegrad.nn.functional.vocabulary import rows_at_a_time

RNG = np.random.default_rng(0)
close = np.testing.assert_allclose
INF, NAN = np.inf, np.nan
X, W, B = RNG.normal(size=(5, 3)), RNG.normal(size=(4, 3)), RNG.normal(size=4)
T = np.array([0, 3, 1, 1, 2])
OPTIONS = nn.LinearCrossEntropyOptions


def gradients(loss, *arrays):
    leaves = [Tensor(a, requires_grad=True) for a in arrays]
    y = loss(*leaves)
    y.sum().backward()
    return [y.numpy(), *[leaf.grad for leaf in leaves]]


def both(options, target=T, **others):
    """linear_cross_entropy with options, and linear and cross_entropy."""
    made = gradients(
        lambda x, w, b: F.linear_cross_entropy(x, w, target, linear_bias=b, options=options, **others),
        X,
        W,
        B,
    )
    return made, gradients(lambda x, w, b: F.cross_entropy(F.linear(x, w, b), target, **others), X, W, B)


@pytest.mark.parametrize(
    "options", [None, OPTIONS(), OPTIONS(batch_chunk_size=2), OPTIONS(batch_chunk_size=99)]
)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("others", [{}, {"weight": [1.0, 2, 3, 4]}, {"ignore_index": 1}], ids=str)
def test_it_is_cross_entropy_of_linear(options, reduction, others):
    for a, b in zip(*both(options, reduction=reduction, **others), strict=True):
        close(a, b, rtol=1e-12, atol=1e-14)


def test_what_cannot_be_made_in_pieces_is_made_at_once_with_a_warning():
    q = RNG.dirichlet(np.ones(4), 5)
    for target, others in ((q, {}), (T, {"label_smoothing": 0.1})):
        with pytest.warns(UserWarning, match="linear_cross_entropy: options= is for integer targets"):
            made, right = both(OPTIONS(), target, **others)
        for a, b in zip(made, right, strict=True):
            close(a, b, rtol=1e-12, atol=1e-14)


def test_several_losses_of_one_row():
    w, b, t = RNG.normal(size=(4, 2, 3)), RNG.normal(size=(4, 2)), RNG.integers(0, 4, (5, 2))
    y = F.linear_cross_entropy(X, w, t, linear_bias=b, reduction="none")
    for k in range(2):
        close(
            y.numpy()[:, k], F.cross_entropy(F.linear(X, w[:, k], b[:, k]), t[:, k], reduction="none").numpy()
        )


def test_rows_that_are_ignored_may_hold_anything():
    x, target = np.array([X[0], [NAN, INF, 0]]), np.array([2, -100])
    for weight in (None, [1.0, 2, 3, 4]):
        y, dx, dw = gradients(
            lambda x, w, v=weight: F.linear_cross_entropy(x, w, target, weight=v, options=OPTIONS()), x, W
        )
        right = gradients(lambda x, w, v=weight: F.cross_entropy(F.linear(x, w), [2], v), X[:1], W)
        close(y, right[0])
        close(dx, [right[1][0], [0, 0, 0]])
        close(dw, right[2])
    nothing = gradients(
        lambda x, w: F.linear_cross_entropy(x, w, [-100, -100], options=OPTIONS(), reduction="none"), x, W
    )
    assert not np.any(nothing[0]) and not nothing[1].any() and not nothing[2].any()


def test_pieces_take_less_memory():
    rows, features, classes = 512, 8, 2000
    x, w = (
        Tensor(np.zeros(shape, np.float32), requires_grad=True)
        for shape in ((rows, features), (classes, features))
    )
    taken = []
    for options in (None, OPTIONS()):
        tracemalloc.start()
        F.linear_cross_entropy(x, w, np.zeros(rows, int), options=options).backward()
        taken.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert taken[0] > rows * classes * 4 > 8 * taken[1]


@pytest.mark.parametrize(
    "options, rows",
    [
        ({}, 8),
        ({"batch_chunk_size": 3}, 3),
        ({"batch_chunk_size": 3000}, 100),
        ({"chunking_method": None}, 100),
        ({"chunking_method": "aspect_ratio"}, 16),  # of 8 features to 64 classes, and a power of 2
        ({"chunking_method": "aspect_ratio:4"}, 4),
        ({"chunking_method": "aspect_ratio:99"}, 1),
    ],
    ids=str,
)
def test_rows_at_a_time(options, rows):
    assert rows_at_a_time(OPTIONS(**options), 100, 8, 64) == rows


def test_float16_is_computed_in_float32():
    x, w = np.full((2, 4), 100, np.float16), np.full((3, 4), 50, np.float16)
    for options in (None, OPTIONS()):
        leaf = Tensor(x, requires_grad=True)
        y = F.linear_cross_entropy(leaf, w, [0, 1], options=options)  # logits are 20000 * 4 / 4
        y.backward()
        close(y.item(), np.log(3), rtol=1e-3)
        assert y.dtype == leaf.grad.dtype == np.float16


REFUSED = [
    ((X[None], W, T), {}, ValueError, "input of shape (1, 5, 3)"),
    ((X, W[0], T), {}, ValueError, "linear_weight is (C, in) or (C, d1, ..., in)"),
    ((X, W[:, :2], T), {}, ValueError, "whose last axes differ"),
    ((X[0], W[:, None], T[0]), {}, ValueError, "needs input (N, in)"),
    ((X, W, T), {"linear_bias": B[:3]}, ValueError, "linear_bias of shape (3,), expected (4,)"),
    ((X, W, np.ones((5, 4))), {"ignore_index": 1}, ValueError, "ignore_index=1 is of integer targets"),
    ((X, W, T + 1), {}, IndexError, "target 4 at position (1,)"),
    ((X, W, T + 1), {"options": OPTIONS()}, IndexError, "linear_cross_entropy: target 4 at position (1,)"),
    ((X, W, T[:2]), {"options": OPTIONS()}, ValueError, "targets of shape (2,)"),
    ((X, W, T * 1.0), {"options": OPTIONS()}, TypeError, "must be integers"),
    ((X, W, T), {"weight": B[:3], "options": OPTIONS()}, ValueError, "weight of shape (3,), expected (4,)"),
    ((X, W, T), {"reduction": "avg"}, ValueError, "reduction is"),
    ((X, W, T), {"options": OPTIONS(False, 1, "aspect_ratio")}, ValueError, "disagree; give one of them"),
]


@pytest.mark.parametrize("args, options, error, told", REFUSED, ids=[case[-1] for case in REFUSED])
def test_refused(args, options, error, told):
    with pytest.raises(error, match=re.escape(told)):
        F.linear_cross_entropy(*args, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"acc_policy": "fast"},
        {"chunking_method": "rows"},
        {"chunking_method": "aspect_ratio:0"},
        {"batch_chunk_size": 0},
    ],
    ids=str,
)
def test_options_that_are_not_there(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        OPTIONS(**options)


def test_layer():
    layer = nn.LinearCrossEntropyLoss(3, 4, out_features=(2,), bias=True, weight=[1, 2, 3, 4], ignore_index=0)
    shapes = {key: array.shape for key, array in layer.state_dict().items()}
    assert shapes == {"weight": (4,), "linear.weight": (8, 3), "linear.bias": (8,)}
    t = RNG.integers(0, 4, (5, 2))
    y = layer.double()(X, t)
    state = layer.state_dict()
    logits = (X @ state["linear.weight"].T + state["linear.bias"]).reshape(5, 4, 2)
    close(y.item(), F.cross_entropy(logits, t, [1, 2, 3, 4], ignore_index=0).item())
    assert repr(layer).startswith("LinearCrossEntropyLoss(in_features=3, num_classes=4, out_features=(2,)")
    with pytest.raises(ValueError, match=r"weight of shape \(2,\), expected \(4,\)"):
        nn.LinearCrossEntropyLoss(3, 4, weight=[1, 2])
    with pytest.raises(ValueError, match="label_smoothing must be from 0 to 1"):
        nn.LinearCrossEntropyLoss(3, 4, label_smoothing=-1)
    with pytest.raises(TypeError, match="input is float32, its parameters are float64"):
        layer(X.astype(np.float32), t)


@pytest.mark.parametrize("options", [None, OPTIONS(batch_chunk_size=2)])
def test_a_step_is_replayed(options):
    model = nn.LinearCrossEntropyLoss(3, 4, weight=[1, 2, 3, 4], options=options).double()
    replayed = nn.replay(model, lambda model, x, t: model(x, t))
    for _ in range(4):
        x, t = RNG.normal(size=(5, 3)), RNG.integers(0, 4, 5)
        expected = model(x, t).item()
        y = replayed(x, t)
        y.backward()
        assert y.item() == expected
    assert "1 captures" in repr(replayed)


# ---------------------------------------------------------------------------------- clusters


def adaptive(**options):
    nn.manual_seed(0)
    return nn.AdaptiveLogSoftmaxWithLoss(6, 10, [3, 7], div_value=2.0, dtype=np.float64, **options)


def test_the_probabilities_of_all_classes():
    layer, x = adaptive(head_bias=True), RNG.normal(size=(10, 6))
    log_p = layer.log_prob(x).numpy()
    close(np.exp(log_p).sum(1), np.ones(10))
    target = RNG.permutation(10)
    output, loss = layer(x, target)
    close(output.numpy(), log_p[np.arange(10), target])
    close(loss.item(), -output.numpy().mean())
    close(layer(x[0], target[0]).output.numpy(), log_p[0, target[0]])
    assert layer(x[0], target[0]).output.shape == ()
    for scale in (0, 0.01, 1, 100):
        given = layer.log_prob(x * scale).numpy()
        best, head = layer.predict(x * scale).numpy(), layer.head(x * scale).numpy().argmax(1)
        looked = head >= 3
        np.testing.assert_array_equal(best[~looked], head[~looked])
        np.testing.assert_array_equal(best[looked], given[looked].argmax(1))


def test_its_parts():
    layer = adaptive()
    shapes = {key: array.shape for key, array in layer.state_dict().items()}
    assert shapes == {
        "head.weight": (5, 6),
        "tail.0.0.weight": (3, 6),
        "tail.0.1.weight": (4, 3),
        "tail.1.0.weight": (1, 6),
        "tail.1.1.weight": (3, 1),
    }
    assert (layer.cutoffs, layer.shortlist_size, layer.n_clusters, layer.head_size) == ([3, 7, 10], 3, 2, 5)
    before = layer.head.weight.numpy().copy()
    layer.reset_parameters()
    assert (layer.head.weight.numpy() != before).all()


def test_a_cluster_without_targets_has_no_gradient():
    layer = adaptive()
    layer(RNG.normal(size=(4, 6)), [0, 1, 4, 2]).loss.backward()
    assert layer.tail[0][0].weight.grad.any() and layer.tail[1][0].weight.grad is None


def test_the_loss_of_no_row_is_nan():
    output, loss = adaptive()(np.zeros((0, 6)), np.zeros(0, int))
    assert output.shape == (0,) and np.isnan(loss.item())


@pytest.mark.parametrize("cutoffs", [[], [0], [10], [3, 3], [7, 3], [2.5], [-1]], ids=str)
def test_cutoffs_that_do_not_rise(cutoffs):
    with pytest.raises(ValueError, match="cutoffs are integers that rise, from 1 to 9"):
        nn.AdaptiveLogSoftmaxWithLoss(6, 10, cutoffs)


@pytest.mark.parametrize(
    "x, target, error, told",
    [
        ((4, 6), [0, 1, 2], ValueError, r"input of shape \(4, 6\), target of shape \(3,\)"),
        ((6,), [0], ValueError, r"input of shape \(6,\), target of shape \(1,\)"),
        ((1, 1, 6), [[0]], ValueError, r"target of shape \(1, 1\)"),
        ((2, 6), [0, 10], IndexError, r"target 10 is outside 0\.\.9"),
        ((2, 6), [0, -1], IndexError, "target -1 is outside"),
        ((2, 6), [0.0, 1.0], TypeError, "targets must be integers, not float64"),
        ((2, 5), [0, 1], ValueError, "'head'.*5 features"),
    ],
)
def test_refused_by_clusters(x, target, error, told):
    with pytest.raises(error, match=told):
        adaptive()(np.zeros(x), target)
