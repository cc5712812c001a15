"""Losses that are logarithms of probabilities: known numbers, limits, shapes, refusals."""

import re

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

RNG = np.random.default_rng(0)
close = np.testing.assert_allclose
INF, NAN = np.inf, np.nan
LOG2, LOG2PI = np.log(2), np.log(2 * np.pi)


def run(f, *arrays):
    """f's result and the gradients of its sum."""
    leaves = [Tensor(np.array(a, float), requires_grad=True) for a in arrays]
    y = f(*leaves)
    y.sum().backward()
    return [y.numpy(), *[leaf.grad for leaf in leaves]]


# ---------------------------------------------------------------------------------- yes or no


def test_binary_cross_entropy():
    y, dp, dt = run(lambda p, t: F.binary_cross_entropy(p, t, reduction="none"), [0.5, 0.25], [1, 0.5])
    close(y, [LOG2, (np.log(4) + np.log(4 / 3)) / 2])
    close(dp, [-2, -4 / 3])
    close(dt, [0, np.log(3)], atol=1e-15)
    close(nn.BCELoss([2.0, 4.0])([0.5, 0.5], [1, 0]).item(), 3 * LOG2, rtol=1e-7)
    close(nn.BCELoss(reduction="sum")([[0.5, 0.5]], [[1, 0]]).item(), 2 * LOG2)


def test_logarithms_of_0_count_as_minus_100():
    y, dp, dt = run(lambda p, t: F.binary_cross_entropy(p, t, reduction="none"), [0, 1, 0, 1], [0, 1, 1, 0])
    close(y, [0, 0, 100, 100])
    close(dp, [0, 0, -1e12, 1e12])
    close(dt, [INF, -INF, INF, -INF])
    assert F.binary_cross_entropy(np.float32([0.0]), np.float32([1.0])).item() == 100


def test_with_logits():
    x, t = [0.0, np.log(3), -np.log(3)], [1.0, 0.0, 0.25]
    p = np.array([0.5, 0.75, 0.25])
    for weight in (1, 3):
        options = {} if weight == 1 else {"pos_weight": weight}
        y, dx, dt = run(
            lambda x, t, o=options: F.binary_cross_entropy_with_logits(x, t, reduction="none", **o), x, t
        )
        t = np.array(t)
        close(y, -(weight * t * np.log(p) + (1 - t) * np.log(1 - p)))
        close(dx, (1 - t) * p - weight * t * (1 - p), atol=1e-15)
        close(dt, np.log(1 - p) - weight * np.log(p), atol=1e-15)
    layer = nn.BCEWithLogitsLoss([2.0, 4.0], pos_weight=[3.0, 1.0])
    close(layer([[0.0, 0.0]], [[1.0, 0.0]]).item(), (6 + 4) / 2 * LOG2, rtol=1e-6)


@pytest.mark.parametrize("dtype, far", [(np.float32, [80, 100, 1e30]), (np.float64, [80, 800, 1e300])])
def test_logits_of_any_size(dtype, far):
    for size in far:
        x = Tensor(np.array([size, size, -size, -size], dtype), requires_grad=True)
        t = np.array([1, 0, 1, 0], dtype)
        y = F.binary_cross_entropy_with_logits(x, t, reduction="none")
        y.sum().backward()
        close(y.numpy(), [0, size, size, 0], rtol=1e-6, atol=1e-30)
        close(x.grad, [0, 1, -1, 0], atol=1e-30)
    y = F.binary_cross_entropy_with_logits(np.array([-20.0], dtype), np.zeros(1, dtype))
    close(y.item(), np.log1p(np.exp(-20.0)), atol=20 * np.finfo(dtype).eps)


def test_weights_of_yes_or_no_broadcast_and_do_not_widen():
    x, t = RNG.uniform(size=(2, 3)).astype(np.float32), np.ones((2, 3), np.float32)
    for f in (F.binary_cross_entropy, F.binary_cross_entropy_with_logits):
        each = f(x, t, reduction="none").numpy()
        for weight in (np.arange(3.0), np.array([[1.0], [2.0]]), 2.0, [1, 2, 3]):
            y = f(x, t, weight)
            close(y.item(), (each * weight).mean(), rtol=1e-6)
            assert y.dtype == np.float32
    y = F.binary_cross_entropy_with_logits(x.astype(np.float16), t.astype(np.float16), pos_weight=[1.0, 2, 3])
    assert y.dtype == np.float16


def test_weights_have_gradients():
    x, t = RNG.normal(size=(2, 3)), RNG.uniform(size=(2, 3))
    each = F.binary_cross_entropy_with_logits(x, t, reduction="none").numpy()
    _, dw = run(lambda w: F.binary_cross_entropy_with_logits(x, t, w), np.ones(3))
    close(dw, each.sum(0) / 6)
    _, dw = run(lambda w: F.binary_cross_entropy_with_logits(x, t, pos_weight=w), np.ones(3))
    close(dw, (t * np.log1p(np.exp(-x))).sum(0) / 6)


@pytest.mark.parametrize("kind", [nn.BCELoss, nn.BCEWithLogitsLoss])
def test_weights_are_buffers(kind):
    assert [*kind().state_dict()] == []
    given = {"weight": [1, 2]} | ({} if kind is nn.BCELoss else {"pos_weight": np.ones(2)})
    layer = kind(**given)
    assert [*layer.state_dict()] == [*given] and layer.weight.dtype == np.float32
    assert not [*layer.parameters()] and layer.double().weight.dtype == np.float64


# ---------------------------------------------------------------------------------- distributions

P, Q = np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([[0.5, 0.5], [0.25, 0.75]])
KL = Q * np.log(Q / P)


def test_kl_div():
    for log_target in (False, True):
        target = np.log(Q) if log_target else Q
        for reduction, expected in {"none": KL, "sum": KL.sum(), "batchmean": KL.sum() / 2}.items():
            options = {"reduction": reduction, "log_target": log_target}
            y, dx, dt = run(lambda x, t, o=options: F.kl_div(x, t, **o), np.log(P), target)
            close(y, expected)
            share = 0.5 if reduction == "batchmean" else 1
            close(dx, -share * Q)
            slope = np.log(Q) - np.log(P) + 1
            close(dt, share * slope * (Q if log_target else 1))
            close(nn.KLDivLoss(**options)(np.log(P), target).numpy(), expected)


def test_the_mean_of_kl_div_warns():
    for f in (F.kl_div, nn.KLDivLoss()):
        with pytest.warns(
            UserWarning, match="kl_div: reduction='mean' divides by the number of all elements"
        ):
            close(f(np.log(P), Q).item(), KL.mean())
    with pytest.warns(DeprecationWarning):
        close(F.kl_div(np.log(P), Q, size_average=False, reduction="batchmean").item(), KL.sum())


def test_what_has_no_probability_counts_nothing_whatever_the_input():
    """PyTorch gives nan: 0 times inf."""
    for log_target, zero, one in ((False, 0, 1), (True, -INF, 0)):
        y, dx = run(
            lambda x, o=log_target, t=(zero, one): F.kl_div(x, list(t), reduction="none", log_target=o),
            [-INF, -1.0],
        )
        close(y, [0, 1])
        close(dx, [0, -1])
    assert np.isnan(F.kl_div([0.0], [-0.5], reduction="sum").item())


# ---------------------------------------------------------------------------------- counts and measurements


def test_poisson_nll():
    x, t = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 4.0])
    stirling = np.array([0, 0, 4 * np.log(4) - 4 + np.log(8 * np.pi) / 2])
    for full in (False, True):
        expected = np.exp(x) - t * x + full * stirling
        y, dx, dt = run(lambda x, t, o=full: F.poisson_nll_loss(x, t, full=o, reduction="none"), x, t)
        close(y, expected)
        close(dx, np.exp(x) - t)
        close(dt, -x + full * np.array([0, 0, np.log(4) + 1 / 8]))
        close(nn.PoissonNLLLoss(full=full)(x, t).item(), expected.mean())
    y = F.poisson_nll_loss(x, t, log_input=False, eps=0.5, reduction="none")
    close(y.numpy(), x - t * np.log(x + 0.5))
    assert F.poisson_nll_loss(x[:, None], t, reduction="none").shape == (3, 3)


def test_gaussian_nll():
    x, t, var = np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros((2, 2)), np.array([1.0, 4.0])
    expected = (np.log(var)[:, None] + x * x / var[:, None]) / 2
    for given in (var, var[:, None], np.broadcast_to(var[:, None], (2, 2))):
        y, dx, dt, dv = run(lambda *a: F.gaussian_nll_loss(*a, reduction="none"), x, t, given)
        close(y, expected)
        close(dx, x / var[:, None])
        close(dt, -dx)
        slope = (1 / var[:, None] - x * x / var[:, None] ** 2) / 2
        close(dv, slope if given.shape == (2, 2) else slope.sum(1).reshape(given.shape))
    for number in (4, 4.0, np.float64(4), np.array(4.0)):
        close(F.gaussian_nll_loss(x, t, number).item(), (np.log(4) + (x * x).mean() / 4) / 2)
    close(nn.GaussianNLLLoss(full=True)(x, t, var).item(), expected.mean() + LOG2PI / 2)
    assert F.gaussian_nll_loss(x.astype(np.float32), t.astype(np.float32), 4.0).dtype == np.float32


def test_a_variance_below_eps_still_has_a_gradient():
    y, dv = run(lambda v: F.gaussian_nll_loss([1.0], [0.0], v, eps=0.5), [0.0])
    close(y, (np.log(0.5) + 2) / 2)
    close(dv, [(2 - 4) / 2])


# ---------------------------------------------------------------------------------- edges and refusals

PAIRS = {
    "binary_cross_entropy": {},
    "binary_cross_entropy_with_logits": {},
    "kl_div": {},
    "poisson_nll_loss": {},
    "gaussian_nll_loss": {"var": 1.0},
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.filterwarnings("ignore:kl_div")
def test_nothing_numbers_and_float16(name):
    f, options = getattr(F, name), PAIRS[name]
    assert np.isnan(f(np.zeros((0, 2)), np.zeros((0, 2)), **options).item())
    assert f(np.zeros(0), np.zeros(0), reduction="sum", **options).item() == 0
    assert np.isfinite(f(0.5, 1, **options).item())
    assert f(np.full(2, 0.5, np.float32), [0, 1], **options).dtype == np.float32
    x = Tensor(np.full(70000, 0.5, np.float16), requires_grad=True)
    y = f(x, np.full(70000, 0.25, np.float16), **options)
    y.backward()
    assert y.dtype == x.grad.dtype == np.float16
    close(y.item(), f(0.5, 0.25, **options).item(), rtol=1e-3)  # 70000 would be inf


A, B = np.full((2, 3), 0.5), np.full((3, 2), 0.5)
REFUSED = [
    (F.binary_cross_entropy, ([1.5, 0.5], [0, 1]), {}, "binary_cross_entropy: input has to be from 0 to 1"),
    (F.binary_cross_entropy, ([NAN, 0.5], [0, 1]), {}, "input has to be from 0 to 1, not from nan"),
    (F.binary_cross_entropy, ([0.5], [2]), {}, "target has to be from 0 to 1, not from 2"),
    (F.binary_cross_entropy, (A, A[0]), {}, "input of shape (2, 3), target of shape (3,); give the target"),
    (F.binary_cross_entropy, (A, B), {}, "target of shape (3, 2)"),
    (
        F.binary_cross_entropy,
        (A, A, [1.0, 2]),
        {},
        "weight of shape (2,) does not broadcast to that of input",
    ),
    (F.binary_cross_entropy, (A[0], A[0], A), {}, "weight of shape (2, 3) does not broadcast"),
    (F.binary_cross_entropy_with_logits, (A, A[:1]), {}, "input of shape (2, 3), target of shape (1, 3)"),
    (
        F.binary_cross_entropy_with_logits,
        (A, A),
        {"pos_weight": [1.0, 2]},
        "pos_weight of shape (2,) does not",
    ),
    (F.kl_div, (A, B), {"reduction": "sum"}, "kl_div: input of shape (2, 3), target of shape (3, 2)"),
    (F.kl_div, (A, A), {"reduction": "avg"}, "kl_div: reduction is"),
    (F.poisson_nll_loss, (A, A), {"reduction": "batchmean"}, "poisson_nll_loss: reduction is"),
    (F.gaussian_nll_loss, (A, A, -1.0), {}, "gaussian_nll_loss: var has negative numbers, down to -1.0"),
    (F.gaussian_nll_loss, (A, A, [[1, 1, -2.0]]), {}, "var has negative numbers, down to -2.0"),
    (F.gaussian_nll_loss, (A, A, [1.0] * 3), {}, "var of shape (3,) for input of shape (2, 3)"),
    (F.gaussian_nll_loss, (A, A, [[1.0]]), {}, "var of shape (1, 1) for input of shape (2, 3)"),
    (F.gaussian_nll_loss, (A, A, 1.0), {"eps": 0}, "eps is a positive number, not 0"),
]


@pytest.mark.parametrize("f, args, options, told", REFUSED, ids=[case[-1] for case in REFUSED])
def test_refused(f, args, options, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        f(*args, **options)


def test_a_refusal_names_the_layer():
    with pytest.raises(ValueError, match="binary_cross_entropy of BCELoss: input has to be from 0 to 1"):
        nn.BCELoss()([2.0], [1.0])


STEPS = {
    "bce": lambda x, t: F.binary_cross_entropy(F.sigmoid(x), t),
    "logits": nn.BCEWithLogitsLoss([1.0, 2.0, 3.0], pos_weight=[3.0, 2.0, 1.0]),
    "kl_div": lambda x, t: F.kl_div(F.log_softmax(x), t, reduction="batchmean"),
    "poisson": lambda x, t: F.poisson_nll_loss(x, t * 5, full=True),
    "gaussian": lambda x, t: F.gaussian_nll_loss(x, t, np.abs(x) + t[:, :1]),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_replayed(name):
    loss, model = STEPS[name], nn.Linear(4, 3, dtype=np.float64)
    replayed = nn.replay(model, lambda model, x, t: loss(model(x), t))
    for _ in range(4):
        x, t = RNG.normal(size=(6, 4)), RNG.dirichlet(np.ones(3), 6)
        model.zero_grad()
        expected = loss(model(x), t)
        expected.backward()
        grad = model.weight.grad.copy()
        model.zero_grad()
        y = replayed(x, t)
        y.backward()
        assert y.item() == expected.item()
        np.testing.assert_array_equal(model.weight.grad, grad)
    assert "1 captures" in repr(replayed)
