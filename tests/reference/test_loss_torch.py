"""Losses against torch: values, gradients of inputs and targets, options, corners."""

import warnings
from contextlib import contextmanager
from itertools import product

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as T

from against_torch import RNG, compare, compare_gradients, compare_layers, pair
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

REDUCTIONS = ["mean", "sum", "none"]
each_reduction = pytest.mark.parametrize("reduction", REDUCTIONS)


@contextmanager
def quiet():
    """Torch warns of broadcasting and of means, as do we."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def shares(*shape, axis=1):
    q = RNG.uniform(0.1, 1, shape)
    return q / q.sum(axis, keepdims=True)


# ---------------------------------------------------------------------------------- classes

SHAPES = [(7, 4), (4,), (2, 4, 3), (2, 4, 3, 2), (0, 4)]


def targets(shape, classes=4):
    return RNG.integers(0, classes, (*shape[:1], *shape[2:]) if len(shape) > 1 else ())


@each_reduction
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
@pytest.mark.parametrize("shape", SHAPES)
def test_weighted_cross_entropy(shape, label_smoothing, reduction):
    target, options = targets(shape), {"reduction": reduction, "label_smoothing": label_smoothing}
    x, weight = RNG.normal(size=shape), RNG.uniform(0, 2, 4)
    compare(F.cross_entropy, T.cross_entropy, [x, target], options | {"weight": weight})
    if target.size > 1:
        target[0] = 1
        options |= {"ignore_index": 1, "weight": weight}
        compare(F.cross_entropy, T.cross_entropy, [x, target], options)


@each_reduction
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
@pytest.mark.parametrize("shape", SHAPES)
def test_cross_entropy_of_probabilities(shape, label_smoothing, reduction):
    options = {"reduction": reduction, "label_smoothing": label_smoothing}
    inputs = [RNG.normal(size=shape), shares(*shape, axis=min(1, len(shape) - 1))]
    compare(F.cross_entropy, T.cross_entropy, inputs, options)
    weight = RNG.uniform(0, 2, 4)
    compare(F.cross_entropy, T.cross_entropy, inputs, options | {"weight": weight})
    compare(  # the weights too have a gradient
        lambda x, t, w: F.cross_entropy(x, t, w, **options),
        lambda x, t, w: T.cross_entropy(x, t, w, **options),
        [*inputs, weight],
    )


@each_reduction
@pytest.mark.parametrize("shape", SHAPES)
def test_nll_loss(shape, reduction):
    x, target, weight = RNG.normal(size=shape), targets(shape), RNG.uniform(0, 2, 4)
    for options in ({}, {"weight": weight}):
        options |= {"reduction": reduction}
        compare(F.nll_loss, T.nll_loss, [x, target], options)
        if target.size > 1:
            target[0] = 1
            compare(F.nll_loss, T.nll_loss, [x, target], options | {"ignore_index": 1})
            target[0] = -100
            compare(F.nll_loss, T.nll_loss, [x, target], options)


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "NLLLoss"])
def test_layers_of_classes(name):
    weight = torch.tensor(RNG.uniform(size=4))
    theirs = getattr(torch.nn, name)(weight, ignore_index=2, reduction="sum")
    ours = getattr(nn, name)(weight.numpy(), ignore_index=2, reduction="sum")
    assert [*ours.state_dict()] == [*theirs.state_dict()] == ["weight"]
    compare_layers((ours, theirs), [RNG.normal(size=(6, 4)), RNG.integers(0, 4, 6)])
    assert [*getattr(nn, name)().state_dict()] == [*getattr(torch.nn, name)().state_dict()] == []


def test_weights_of_0_and_targets_of_which_none_counts():
    x = RNG.normal(size=(2, 3))
    for f, g in ((F.cross_entropy, T.cross_entropy), (F.nll_loss, T.nll_loss)):
        for target in ([0, 1], [-100, -100]):
            leaf, other = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
            weight = np.array([0, 0, 1.0])
            y, z = f(leaf, target, weight), g(other, torch.tensor(target), torch.tensor(weight))
            y.backward()
            z.backward()
            assert np.isnan(y.item()) and np.isnan(z.item())
            np.testing.assert_array_equal(np.isnan(leaf.grad), np.isnan(other.grad.numpy()))


# ---------------------------------------------------------------------------------- regression

REGRESSION = [
    ("mse_loss", {}),
    ("l1_loss", {}),
    ("smooth_l1_loss", {}),
    ("smooth_l1_loss", {"beta": 0.3}),
    ("smooth_l1_loss", {"beta": 0}),
    ("huber_loss", {}),
    ("huber_loss", {"delta": 0.3}),
    ("huber_loss", {"delta": float("inf")}),
]


@each_reduction
@pytest.mark.parametrize("name, options", REGRESSION)
def test_regression(name, options, reduction):
    options = options | {"reduction": reduction}
    f, g = getattr(F, name), getattr(T, name)
    for shape in [(3, 4), (), (0, 2)]:
        compare(f, g, [RNG.normal(size=shape), RNG.normal(size=shape)], options)
    with quiet():
        compare(f, g, [RNG.normal(size=(3, 1)), RNG.normal(size=(2, 1, 4))], options)
    ties = np.array([1, 2, -1, 0, 0.5])
    compare(f, g, [ties, np.array([1.0, 1, 0, 1, 0.2])], options)


@each_reduction
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
def test_weights_of_regression(name, reduction):
    f, g = getattr(F, name), getattr(T, name)
    inputs = [RNG.normal(size=(3, 4)) for _ in range(2)]
    compare(  # of the weights too
        lambda x, t, w: f(x, t, reduction=reduction, weight=w),
        lambda x, t, w: g(x, t, reduction=reduction, weight=w),
        [*inputs, RNG.uniform(size=(3, 4))],
    )
    with quiet():
        wider = [inputs[0], RNG.normal(size=(2, 3, 4))]
        weight = RNG.uniform(size=(3, 4))
        compare(f, g, wider, {"reduction": reduction, "weight": weight})


@pytest.mark.parametrize(
    "name, options",
    [
        ("MSELoss", {}),
        ("L1Loss", {"reduction": "sum"}),
        ("SmoothL1Loss", {"beta": 0.5}),
        ("HuberLoss", {"delta": 0.5}),
    ],
)
def test_layers_of_regression(name, options):
    compare_layers(pair(name, **options), [RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))])


# ---------------------------------------------------------------------------------- likelihood

YES_OR_NO = {
    "binary_cross_entropy": lambda shape: RNG.uniform(0.01, 0.99, shape),
    "binary_cross_entropy_with_logits": lambda shape: RNG.normal(size=shape) * 5,
}


@each_reduction
@pytest.mark.parametrize("name", YES_OR_NO)
def test_yes_or_no(name, reduction):
    f, g = getattr(F, name), getattr(T, name)
    for shape in [(3, 4), (), (0, 4)]:
        inputs = [YES_OR_NO[name](shape), RNG.uniform(size=shape)]
        compare(f, g, inputs, {"reduction": reduction})
        for wide in [(3, 1), (4,), ()] if shape == (3, 4) else []:
            weight = {"weight": RNG.uniform(size=wide), "reduction": reduction}
            compare(f, g, inputs, weight)
            if "logits" in name:
                compare(f, g, inputs, weight | {"pos_weight": RNG.uniform(0, 3, wide)})


def test_probabilities_of_0_and_1():
    p, t = np.array([0, 1, 0, 1, 0.5]), np.array([0, 1, 1, 0, 0.3])
    leaves = [Tensor(x, requires_grad=True) for x in (p, t)]
    others = [torch.tensor(x, requires_grad=True) for x in (p, t)]
    y = F.binary_cross_entropy(*leaves, reduction="none")
    z = T.binary_cross_entropy(*others, reduction="none")
    y.sum().backward()
    z.sum().backward()
    np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-12)
    for a, b in zip(leaves, others, strict=True):
        np.testing.assert_allclose(
            a.grad, b.grad.numpy(), rtol=1e-8, atol=1e-12
        )  # torch's 1e-12 is a float32


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_large_logits(dtype):
    x = np.array([1e4, -1e4, 90, -90, 720, -720, 20, -20, 0], dtype)
    for t, pos_weight in product([0, 1], [None, np.full(1, 3, dtype)]):
        t = np.full_like(x, t)
        leaf, other = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        weight = pos_weight if pos_weight is None else torch.tensor(pos_weight)
        y = F.binary_cross_entropy_with_logits(leaf, t, reduction="none", pos_weight=pos_weight)
        z = T.binary_cross_entropy_with_logits(other, torch.tensor(t), reduction="none", pos_weight=weight)
        y.sum().backward()
        z.sum().backward()
        np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-6, atol=1e-37)
        np.testing.assert_allclose(leaf.grad, other.grad.numpy(), rtol=1e-5, atol=1e-37)
        assert y.dtype == leaf.grad.dtype == dtype


@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
def test_kl_div(reduction, log_target):
    for shape in [(3, 4), (2, 3, 2), ()]:
        target = shares(*shape) if shape else np.array(0.3)
        inputs = [RNG.normal(size=shape), np.log(target) if log_target else target]
        with quiet():
            compare(F.kl_div, T.kl_div, inputs, {"reduction": reduction, "log_target": log_target})
            options = {"reduction": reduction, "log_target": log_target}
            compare_layers(pair("KLDivLoss", **options), inputs)


@each_reduction
@pytest.mark.parametrize("log_input, full", [*product([True, False], repeat=2)])
def test_poisson_nll(log_input, full, reduction):
    options = {"log_input": log_input, "full": full, "reduction": reduction}
    x, t = RNG.uniform(0.1, 3, (3, 4)), RNG.uniform(0.5, 5, (3, 4))
    compare(F.poisson_nll_loss, T.poisson_nll_loss, [x, t], options | {"eps": 0.1})
    compare(F.poisson_nll_loss, T.poisson_nll_loss, [x, t[0]], options)
    compare_layers(pair("PoissonNLLLoss", **options), [x, t])


@each_reduction
@pytest.mark.parametrize("full", [False, True])
def test_gaussian_nll(full, reduction):
    x, t = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))
    options = {"full": full, "reduction": reduction}
    for shape in [(3, 4), (3,), (3, 1), (1, 4)]:
        var = RNG.uniform(0.2, 2, shape)
        compare(F.gaussian_nll_loss, T.gaussian_nll_loss, [x, t, var], options)
        compare(F.gaussian_nll_loss, T.gaussian_nll_loss, [x, t, var], options | {"eps": 1.0})  # cut off
    compare(lambda x, t: F.gaussian_nll_loss(x, t, 0.7), lambda x, t: T.gaussian_nll_loss(x, t, 0.7), [x, t])
    compare_layers(pair("GaussianNLLLoss", **options, eps=0.5), [x, t, RNG.uniform(0.2, 2, (3, 4))])


@pytest.mark.parametrize("name", ["BCELoss", "BCEWithLogitsLoss"])
def test_layers_of_yes_or_no(name):
    given = {"weight": RNG.uniform(size=4)}
    if name == "BCEWithLogitsLoss":
        given["pos_weight"] = RNG.uniform(size=4)
    ours = getattr(nn, name)(**given, reduction="sum")
    theirs = getattr(torch.nn, name)(**{k: torch.tensor(w) for k, w in given.items()}, reduction="sum")
    assert [*ours.state_dict()] == [*theirs.state_dict()] == [*given]
    compare_layers((ours, theirs), [RNG.uniform(0.1, 0.9, (3, 4)), RNG.uniform(size=(3, 4))])


# ---------------------------------------------------------------------------------- many classes


@each_reduction
@pytest.mark.parametrize("more", [(), (2,), (2, 3)])
def test_linear_cross_entropy(more, reduction):
    x, w, b = RNG.normal(size=(5, 3)), RNG.normal(size=(4, *more, 3)), RNG.normal(size=(4, *more))
    weight, target = RNG.uniform(size=4), RNG.integers(0, 4, (5, *more))
    options = [{}, {"weight": weight}, {"ignore_index": 1}, {"label_smoothing": 0.1, "weight": weight}]
    for option, bias in product(options, [False, True]):
        inputs = [x, w, b][: 2 + bias]
        compare(
            lambda x, w, b=None, o=option: F.linear_cross_entropy(
                x, w, target, linear_bias=b, reduction=reduction, **o
            ),
            lambda x, w, b=None, o=option: T.linear_cross_entropy(
                x,
                w,
                torch.tensor(target),
                linear_bias=b,
                reduction=reduction,
                **{k: torch.tensor(v) if k == "weight" else v for k, v in o.items()},
            ),
            inputs,
        )
    compare(
        lambda x, w, t: F.linear_cross_entropy(x, w, t, reduction=reduction),
        lambda x, w, t: T.linear_cross_entropy(x, w, t, reduction=reduction),
        [x, w, shares(5, 4, *more)],
    )


@each_reduction
@pytest.mark.parametrize("one", [False, True])
def test_linear_cross_entropy_in_pieces(one, reduction):
    layers = [
        module.LinearCrossEntropyLoss(
            3,
            4,
            bias=True,
            weight=weight,
            reduction=reduction,
            options=module.LinearCrossEntropyOptions(True, 2),
        )
        for module, weight in ((nn, np.arange(1.0, 5)), (torch.nn, torch.arange(1.0, 5).double()))
    ]
    ours, theirs = (layer.double() for layer in layers)
    state = {key: torch.tensor(RNG.normal(size=p.shape)) for key, p in theirs.state_dict().items()}
    theirs.load_state_dict(state)
    ours.load_state_dict(state)
    x, target = RNG.normal(size=(5, 3)), np.array([0, -100, 2, 3, 3])
    compare_layers((ours, theirs), [x[0], target[0]] if one else [x, target])


@pytest.mark.parametrize("head_bias", [False, True])
def test_adaptive_log_softmax(head_bias):
    ours, theirs = pair("AdaptiveLogSoftmaxWithLoss", 8, 20, [4, 9, 15], 2.0, head_bias)
    x = RNG.normal(size=(12, 8))
    for rows in ([0, 5, 19, 3, 9, 4, 8, 15, 14, 1, 2, 6], [0, 3] * 6, [16] * 12):
        compare(ours, theirs, [x, np.array(rows)])
    compare_gradients(ours, theirs)
    compare_layers((ours, theirs), [x[0], np.array(17)])
    close = np.testing.assert_allclose
    close(ours.log_prob(x).numpy(), theirs.log_prob(torch.tensor(x)).detach().numpy(), rtol=1e-9)
    for scale in (0.1, 10):  # in the shortlist, and beyond
        given = x * scale
        np.testing.assert_array_equal(
            ours.predict(given).numpy(), theirs.predict(torch.tensor(given)).numpy()
        )
    assert ours.head_size == theirs.head_size and ours.cutoffs == theirs.cutoffs
    assert ours(x, [1] * 12)._fields == theirs(torch.tensor(x), torch.tensor([1] * 12))._fields


def test_gradients_of_adaptive_log_prob():
    ours, theirs = pair("AdaptiveLogSoftmaxWithLoss", 6, 10, [2, 5], 2.0)
    compare(ours.log_prob, theirs.log_prob, [RNG.normal(size=(3, 6))])
    compare_gradients(ours, theirs)
