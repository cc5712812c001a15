"""Ignored rows, large means and float16 in torch."""

from itertools import product

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

T = torch.nn.functional
RNG = np.random.default_rng(0)


def run(fn, x, g=None):
    """Result and gradient here, for a gradient g of the result, or ones."""
    leaf = Tensor(x, requires_grad=True)
    y = fn(leaf)
    y.backward(np.ones_like(y.numpy()) if g is None else g)
    return y.numpy(), leaf.grad


def run_torch(fn, x, g=None):
    leaf = torch.tensor(x, requires_grad=True)
    y = fn(leaf)
    y.backward(torch.ones_like(y) if g is None else torch.tensor(g))
    return y.detach().numpy(), leaf.grad.numpy()


@pytest.mark.parametrize("bad", [-np.inf, np.nan, np.inf])
def test_ignored_rows(bad):
    x, target = RNG.normal(size=(4, 3)), [1, -100, 2, -100]
    x[1] = bad
    for reduction, label_smoothing in product(["mean", "sum", "none"], [0.0, 0.1]):
        options = {"reduction": reduction, "label_smoothing": label_smoothing}
        y, dx = run(lambda x, o=options: F.cross_entropy(x, target, **o), x)
        clean = np.where(np.isfinite(x), x, 0)  # torch's own gives nan with label_smoothing
        z, dz = run_torch(lambda x, o=options: T.cross_entropy(x, torch.tensor(target), **o), clean)
        np.testing.assert_allclose(y, z, rtol=1e-12)
        np.testing.assert_allclose(dx, dz, atol=1e-12)


def test_no_target_at_all():
    y, dx = run(lambda x: F.cross_entropy(x, [-100, -100]), np.zeros((2, 3)))
    z, dz = run_torch(lambda x: T.cross_entropy(x, torch.tensor([-100, -100])), np.zeros((2, 3)))
    np.testing.assert_array_equal(y, z)
    np.testing.assert_array_equal(dx, dz)


@pytest.mark.parametrize("width", [64, 768])
@pytest.mark.parametrize("mean", [0, 1, 3, 4, 8, 30, 1e3, 1e6])
def test_layer_norm_is_at_most_twice_as_far_off(mean, width):
    for means in (np.full(64, mean), np.where(np.arange(64) == 7, mean, 0)):
        x = (RNG.normal(size=(64, width)) + means[:, None]).astype(np.float32)
        g = RNG.normal(size=x.shape).astype(np.float32)
        exact = run_torch(lambda x: T.layer_norm(x, (width,)), x.astype(np.float64), g.astype(np.float64))
        ours = run(lambda x: F.layer_norm(x, (width,)), x, g)
        theirs = run_torch(lambda x: T.layer_norm(x, (width,)), x, g)
        for a, b, c in zip(exact, ours, theirs, strict=True):
            assert abs(b - a).max() <= 2 * abs(c - a).max() + 2e-7


HALF = {
    "gelu": (F.gelu, T.gelu),
    "gelu tanh": (lambda x: F.gelu(x, "tanh"), lambda x: T.gelu(x, approximate="tanh")),
    "silu": (F.silu, T.silu),
    "layer_norm": (lambda x: F.layer_norm(x, (6,)), lambda x: T.layer_norm(x, (6,))),
    "rms_norm": (lambda x: F.rms_norm(x, (6,)), lambda x: T.rms_norm(x, (6,))),
}


@pytest.mark.parametrize("ours, theirs", HALF.values(), ids=HALF)
def test_float16(ours, theirs):
    x = np.array([[4, -2.5, 0.5, -12, 200, 9], [200, 400, -200, 1, 0, 3]], np.float16)
    for a, b in zip(run(ours, x), run_torch(theirs, x), strict=True):
        assert a.dtype == np.float16
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-5)


def test_relu_of_nan():
    x = np.array([np.nan, 1, -1, 0])
    np.testing.assert_array_equal(run(F.relu, x), run_torch(T.relu, x))
