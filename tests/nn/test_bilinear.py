"""Products of two inputs with a weight."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

RNG = np.random.default_rng(0)
X, Y, W, B = (RNG.normal(size=shape) for shape in [(2, 5, 3), (2, 5, 4), (6, 3, 4), (6,)])


def test_its_numbers_and_gradients():
    assert F.bilinear([1.0, 2.0], [3.0, 4.0, 5.0], [[[1.0, 2, 3], [4, 5, 6]]], [100]).numpy().tolist() == [
        26 + 2 * 62 + 100
    ]
    np.testing.assert_allclose(F.bilinear(X, Y, W, B).numpy(), np.einsum("bti,oij,btj->bto", X, W, Y) + B)
    one = np.einsum("i,oij,j->o", X[0, 0], W, Y[0, 0])
    np.testing.assert_allclose(F.bilinear(X[0, 0], Y[0, 0], W).numpy(), one)
    leaves = [Tensor(a, requires_grad=True) for a in (X, Y, W, B)]
    for order in (1, 2):
        assert ag.gradcheck(F.bilinear, leaves, order=order)
    assert F.bilinear(X[:0], Y[:0], W, B).shape == (0, 5, 6)
    single = F.bilinear(np.ones((2, 3), np.float32), np.ones((2, 4), int), W.astype(np.float32))
    assert single.dtype == np.float32


@pytest.mark.parametrize(
    "x, y, w, b, message",
    [
        (X[0], Y, W, B, r"the inputs differ before their last axis \(input1 \(5, 3\), input2 \(2, 5, 4\)"),
        (Y, Y, W, B, "input1 has 4 features on its last axis, expected 3"),
        (X, X, W, B, "input2 has 3 features on its last axis, expected 4"),
        (X, Y, W[0], B, r"weight is \(out, in1, in2\), not of shape \(3, 4\)"),
        (X, Y, W, B[:5], r"bias of shape \(5,\), expected \(6,\)"),
        (1.0, 2.0, W, B, "the inputs differ before their last axis"),
    ],
)
def test_what_does_not_fit(x, y, w, b, message):
    with pytest.raises(ValueError, match=f"^bilinear: {message}"):
        F.bilinear(x, y, w, b)


def test_the_layer():
    layer = nn.Bilinear(3, 4, 6)
    assert {name: p.shape for name, p in layer.named_parameters()} == {"weight": (6, 3, 4), "bias": (6,)}
    assert np.abs(layer.weight.numpy()).max() <= 3**-0.5 < 1.1 * np.abs(layer.weight.numpy()).max()
    x, y = X.astype(np.float32), Y.astype(np.float32)
    np.testing.assert_array_equal(layer(x, y).numpy(), F.bilinear(x, y, layer.weight, layer.bias).numpy())
    assert layer(input1=x, input2=y).dtype == np.float32 and nn.Bilinear(3, 4, 6, bias=False).bias is None
    with pytest.raises(TypeError, match="^Bilinear: input is float64, its parameters are float32"):
        layer(X, y)
    with pytest.raises(ValueError, match="^bilinear of Bilinear: input1 has 4 features"):
        layer(y, y)
    with pytest.raises(ValueError, match="in1_features must be above 0, not 0"):
        nn.Bilinear(0, 4, 6)
