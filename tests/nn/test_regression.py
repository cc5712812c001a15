"""Losses of numbers beside numbers: known numbers, kinks, broadcasting, weights."""

import re

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

close = np.testing.assert_allclose
INF, NAN = np.inf, np.nan
X, T = np.array([3.0, -1.0, 0.0, 0.5]), np.array([1.0, 1.0, 0.0, 0.0])  # apart by 2, -2, 0, 0.5

KNOWN = {  # losses, and the gradients of their sum
    "mse_loss": ({}, [4, 4, 0, 0.25], [4, -4, 0, 1]),
    "l1_loss": ({}, [2, 2, 0, 0.5], [1, -1, 0, 1]),
    "smooth_l1_loss": ({}, [1.5, 1.5, 0, 0.125], [1, -1, 0, 0.5]),
    "smooth_l1_loss of 0.5": ({"beta": 0.5}, [1.75, 1.75, 0, 0.25], [1, -1, 0, 1]),
    "smooth_l1_loss of 0": ({"beta": 0}, [2, 2, 0, 0.5], [1, -1, 0, 1]),
    "huber_loss": ({}, [1.5, 1.5, 0, 0.125], [1, -1, 0, 0.5]),
    "huber_loss of 2": ({"delta": 2}, [2, 2, 0, 0.125], [2, -2, 0, 0.5]),
    "huber_loss of inf": ({"delta": INF}, [2, 2, 0, 0.125], [2, -2, 0, 0.5]),
}
LAYERS = {"mse": nn.MSELoss, "l1": nn.L1Loss, "smooth_l1": nn.SmoothL1Loss, "huber": nn.HuberLoss}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_known_numbers(name, dtype):
    options, losses, slopes = KNOWN[name]
    name = name.split()[0]
    f, layer = getattr(F, name), LAYERS[name.removesuffix("_loss")](**options)
    sums = {"none": losses, "sum": np.sum(losses), "mean": np.mean(losses)}
    for reduction, expected in sums.items():
        x, t = (Tensor(a.astype(dtype), requires_grad=True) for a in (X, T))
        y = f(x, t, reduction=reduction, **options)
        assert y.dtype == dtype
        close(y.numpy(), expected)
        y.sum().backward()
        share = 1 / 4 if reduction == "mean" else 1
        close(x.grad, np.array(slopes) * share)
        close(t.grad, -np.array(slopes) * share)
        assert x.grad.dtype == t.grad.dtype == dtype
        layer.reduction = reduction
        close(layer(X, T).numpy(), expected)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_shapes_that_differ_are_broadcast_with_a_warning(name):
    f = getattr(F, name)
    a, b = np.arange(3.0), np.arange(8.0).reshape(2, 4)[:, :, None]
    message = rf"{name}: input of shape \(3,\), target of shape \(2, 4, 1\); they are broadcast"
    with pytest.warns(UserWarning, match=message) as told:
        y = f(a, b, reduction="none")
    assert told[0].filename == __file__
    wide = np.broadcast_arrays(a, b)
    np.testing.assert_array_equal(y.numpy(), f(*wide, reduction="none").numpy())
    x = Tensor(a, requires_grad=True)
    with pytest.warns(UserWarning):
        f(x, b).backward()
    assert x.grad.shape == (3,)
    with pytest.raises(ValueError, match=rf"^{name}: input of shape \(3,\), target of shape \(2,\)"):
        f(a, a[:2])


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
def test_weights(name):
    f, w = getattr(F, name), np.array([1.0, 0.0, 5.0, 2.0])
    losses = w * KNOWN[name][1]
    close(f(X, T, weight=w, reduction="none").numpy(), losses)
    close(f(X, T, weight=w, reduction="sum").item(), losses.sum())
    close(f(X, T, weight=w).item(), losses.sum() / (4 if name == "huber_loss" else 8))
    x, small = Tensor(X.astype(np.float32), requires_grad=True), T.astype(np.float32)
    assert f(x, small, weight=w).dtype == np.float32
    with pytest.raises(
        ValueError, match=rf"^{name}: weight of shape \(1,\) for input of shape \(4,\); .*"
    ) as e:
        f(X, T, weight=[1.0])
    given = {"np": np, "weight": [1.0]}
    wide = eval(re.search(r"np.broadcast_to\(.*\)\)", str(e.value))[0], given)
    close(f(X, T, weight=wide).item(), f(X, T, weight=np.ones(4)).item())
    if name != "huber_loss":
        assert np.isnan(f(X, T, weight=np.zeros(4)).item())


def test_nothing_and_numbers():
    for f in (F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss):
        assert np.isnan(f(np.zeros((0, 2)), np.zeros((0, 2))).item())
        assert f(np.zeros(0), np.zeros(0), reduction="sum").item() == 0
        assert f(3, 1).item() == f([3.0], [True]).item()
        assert f(np.ones(2, np.float32), [1, 2]).dtype == np.float32


def test_what_is_infinite_or_nan():
    for f in (F.smooth_l1_loss, F.huber_loss):
        x = Tensor(np.array([INF, -INF, NAN, 1e30], np.float32), requires_grad=True)
        y = f(x, np.zeros(4, np.float32), reduction="none")
        y.sum().backward()
        close(y.numpy(), [INF, INF, NAN, 1e30], rtol=1e-6)
        close(x.grad, [1, -1, NAN, 1])


@pytest.mark.parametrize(
    "call, told",
    [
        (lambda: F.smooth_l1_loss(X, T, beta=-0.1), "smooth_l1_loss: beta is a number from 0 on, not -0.1"),
        (lambda: F.smooth_l1_loss(X, T, beta=NAN), "beta is a number from 0 on, not nan"),
        (lambda: F.huber_loss(X, T, delta=0), "huber_loss: delta is a positive number, not 0"),
        (lambda: F.huber_loss(X, T, delta=NAN), "delta is a positive number, not nan"),
        (
            lambda: F.l1_loss(X, T, reduction="avg"),
            "l1_loss: reduction is 'mean', 'sum' or 'none', not 'avg'",
        ),
        (lambda: nn.HuberLoss(delta=-1)(X, T), "huber_loss of HuberLoss: delta is a positive number"),
        (lambda: nn.L1Loss(reduction="batchmean"), "L1Loss: reduction is 'mean', 'sum' or 'none'"),
    ],
)
def test_refused(call, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        call()


def test_a_delta_that_is_no_number():
    with pytest.raises(TypeError, match="HuberLoss: delta is a number, not '1'"):
        nn.HuberLoss(delta="1")


@pytest.mark.parametrize("kind", LAYERS.values(), ids=LAYERS)
def test_a_step_is_replayed(kind):
    loss, model, rng = kind(), nn.Linear(4, 3, dtype=np.float64), np.random.default_rng(0)
    replayed = nn.replay(model, lambda model, x, t: loss(model(x), t))
    for _ in range(4):
        x, t = rng.normal(size=(6, 4)), rng.normal(size=(6, 3))
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
