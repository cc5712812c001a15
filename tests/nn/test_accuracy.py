"""Hard numbers: large means, constant rows, float16, nan. References are float64, or PyTorch's results."""

import math

import numpy as np
import pytest

from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F
from tapegrad.nn.functional.normalization import _layer_norm, layer_norm_plain

pytestmark = pytest.mark.usefixtures("one_blas_thread")

RNG = np.random.default_rng(0)
close = np.testing.assert_allclose


def exact_norm(x, g):
    """Layer norm in float64, and the gradient of x."""
    x, g = x.astype(np.float64), g.astype(np.float64)
    x = x - x.mean(-1, keepdims=True)
    r = 1 / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5)
    y = x * r
    return y, r * (g - g.mean(-1, keepdims=True) - y * (g * y).mean(-1, keepdims=True))


@pytest.mark.parametrize("value", [1234.567, 1e6 / 3, -0.1])
@pytest.mark.parametrize("width", [512, 768])
def test_layer_norm_of_constant_rows_is_zero(value, width):
    x = Tensor(np.full((4, width), value, np.float32), requires_grad=True)
    y = F.layer_norm(x, (width,))
    y.backward(RNG.normal(size=y.shape).astype(np.float32))
    assert (y.numpy() == 0).all() and np.isfinite(x.grad).all()
    y, _ = layer_norm_plain((False,) * 3, x.numpy())
    assert abs(y).max() < 1e-5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("biased", [True, False])
def test_layer_norm_of_more_than_one_block(dtype, biased):
    """Rows with large means among them, one of which is constant; in any layout."""
    x = RNG.normal(size=(400, 2, 384))
    x[::7] += 1e3
    x[5] = 123.4
    arrays = [x.astype(dtype), *RNG.normal(size=(1 + biased, 384)).astype(dtype)]
    g = RNG.normal(size=x.shape).astype(dtype).swapaxes(0, 1).copy().swapaxes(0, 1)
    y, backward = _layer_norm.body((True,) * 3, *arrays)
    wide = [a.astype(np.float64) for a in arrays]
    z, plain = layer_norm_plain((True,) * 3, *wide)
    within = 1e-3 if dtype == np.float32 else 1e-8
    close(y, z, rtol=within, atol=within)
    rest = np.arange(400) != 5  # a constant row has 1 / sqrt(eps) for a slope
    for found, wanted in zip(backward(g), plain(g.astype(np.float64)), strict=True):
        assert found.dtype == dtype
        part = rest if found.ndim == 3 else ...
        close(found[part], wanted[part], rtol=10 * within, atol=10 * within)
    fewer = _layer_norm.body((False, True, True), *arrays)[1](g)
    assert fewer[0] is None and (fewer[1] == backward(g)[1]).all()


def test_numpys_buffer_is_left_as_it_is():
    size, x = np.getbufsize(), Tensor(np.ones((700, 384), np.float32), requires_grad=True)
    weight = np.ones(384, np.float32)
    for f in (F.softmax, F.log_softmax, lambda x: F.layer_norm(x, (384,), weight)):
        f(x).backward(np.ones((700, 384), np.float32))
        assert np.getbufsize() == size


@pytest.mark.parametrize("mean", [0, 3, 30, 1e3, 1e5])
@pytest.mark.parametrize("form", ["fast", "plain", "one row among others"])
def test_layer_norm_of_large_means(mean, form):
    """Off by 1.5e-6 whatever the mean is; PyTorch by 7e-7 at 0, 1e-4 at 1000 and 1e-2 at 1e5."""
    means = np.where(np.arange(64) == 7, mean, 0) if form == "one row among others" else np.full(64, mean)
    x = (RNG.normal(size=(64, 768)) + means[:, None]).astype(np.float32)
    g = RNG.normal(size=x.shape).astype(np.float32)
    if form == "plain":
        y, backward = layer_norm_plain((True, False, False), x)
        dx = backward(g)[0]
    else:
        leaf = Tensor(x, requires_grad=True)
        y = F.layer_norm(leaf, (768,))
        y.backward(g)
        y, dx = y.numpy(), leaf.grad
    expected = exact_norm(x, g)
    assert abs(y - expected[0]).max() < 2e-6
    assert abs(dx - expected[1]).max() < 2e-6


# ---------------------------------------------------------------------------------- float16

HALF = {
    "gelu": (lambda x: F.gelu(x), [4.0, -2.5, 0.5], [4.0, -0.0155, 0.3457]),
    "gelu tanh": (lambda x: F.gelu(x, "tanh"), [4.0, -2.5, 0.5], [4.0, -0.01508, 0.3457]),
    "silu": (F.silu, [4.0, -12.0], [3.928, -7.373e-05]),
    "layer_norm": (lambda x: F.layer_norm(x, (4,)), [200, 400, -200, 1], [0.4463, 1.3408, -1.3438, -0.4441]),
    "rms_norm": (lambda x: F.rms_norm(x, (4,)), [200, 400, -200, 1], [0.8164, 1.633, -0.8164, 0.00408]),
    "cross_entropy": (lambda x: F.cross_entropy(x.reshape(1, -1), [0]), [0.0] * 70000, 11.16),
    "mse_loss": (lambda x: F.mse_loss(x, np.zeros(2, np.float16)), [300.0, 0.0], 45000),
    "attention": (
        lambda x: F.scaled_dot_product_attention(
            x.reshape(-1, 1) * 0, x.reshape(-1, 1) * 0, x.reshape(-1, 1)
        ),
        [1.0] * 5000,
        [[1.0]] * 5000,
    ),
}


@pytest.mark.parametrize("f, x, expected", HALF.values(), ids=HALF)
def test_float16_is_computed_in_float32(f, x, expected):
    x = Tensor(np.array(x, np.float16), requires_grad=True)
    y = f(x)
    assert y.dtype == np.float16
    close(y.numpy().astype(float), expected, rtol=2e-3)
    y.sum().backward() if y.size < 100 else y[:1].sum().backward()
    assert x.grad.dtype == np.float16 and np.isfinite(x.grad).all()


def test_float16_biases_sum_many_rows():
    x, w, b = (np.zeros(shape, np.float16) for shape in [(5000, 2), (3, 2), (3,)])
    bias = Tensor(b, requires_grad=True)
    F.linear(x, w, bias).backward(np.ones((5000, 3), np.float16))
    assert (bias.grad == 5000).all()
    table = Tensor(np.zeros((300, 1), np.float16), requires_grad=True)
    F.embedding(np.zeros(5000, int), table).backward(np.ones((5000, 1), np.float16))
    assert table.grad[0] == 5000


def test_heads_of_float16():
    x = RNG.normal(size=(1, 5, 6))
    found = F.multi_head_attention([x.astype(np.float16)], 1)
    assert found.dtype == np.float16
    close(found.numpy(), F.multi_head_attention([x], 1).numpy(), atol=3e-3)


# ---------------------------------------------------------------------------------- nan


def test_relu_hands_a_gradient_on_at_nan():
    x = Tensor([np.nan, 1.0, -1.0, 0.0], requires_grad=True)
    y = F.relu(x)
    y.backward(np.full(4, 3.0))
    np.testing.assert_array_equal(x.grad, [3, 3, 0, 0])
    assert math.isnan(y.numpy()[0])
