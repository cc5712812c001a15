"""Functions of nn with empty arrays, one element, numbers, lists, and integers."""

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

close = np.testing.assert_allclose
AFFINE = {"layer_norm": (F.layer_norm, 2), "rms_norm": (F.rms_norm, 1)}


@pytest.mark.parametrize("fn, arrays", AFFINE.values(), ids=AFFINE)
@pytest.mark.parametrize(
    "shape, width", [((3, 0), (0,)), ((0, 3), (3,)), ((0, 0), (0,)), ((2, 0, 3), (0, 3)), ((0,), (0,))]
)
def test_norms_of_empty_arrays(fn, arrays, shape, width):
    x = Tensor(np.zeros(shape), requires_grad=True)
    weights = [Tensor(np.ones(width), requires_grad=True) for _ in range(arrays)]
    for given in ([], weights):
        y = fn(x, width, *given)
        assert y.shape == shape
        y.sum().backward()
    assert x.grad.shape == shape and all(w.grad.shape == width for w in weights)


def test_norms_of_one_element():
    close(F.layer_norm([5.0], (1,)).numpy(), [0.0])
    close(F.rms_norm([[5.0]], 1).numpy(), [[1.0]])
    close(F.layer_norm([[5.0]], 1, bias=[2.0]).numpy(), [[2.0]])
    with pytest.raises(ValueError, match=r"layer_norm: input of shape \(\) does not end"):
        F.layer_norm(3.0, (1,))
    with pytest.raises(ValueError, match=r"rms_norm: .* normalized_shape \(\)"):
        F.rms_norm([3.0], ())


LISTS = {
    "relu": (F.relu, [-1.0, 2.0], [0.0, 2.0]),
    "silu": (F.silu, [0.0], [0.0]),
    "gelu": (F.gelu, [0.0, 1.0], [0.0, 0.841344746]),
    "tanh": (F.tanh, 0.0, 0.0),
    "sigmoid": (F.sigmoid, [0.0], [0.5]),
    "softmax": (F.softmax, [[1.0, 1.0]], [[0.5, 0.5]]),
    "log_softmax": (F.log_softmax, [[1.0, 1.0]], [[-0.693147181, -0.693147181]]),
    "dropout": (lambda x: F.dropout(x, 1.0), [1.0], [0.0]),
    "embedding": (lambda x: F.embedding([1, 0], x), [[1.0], [2.0]], [[2.0], [1.0]]),
    "linear": (lambda x: F.linear(x, [[1.0, 2.0]], [3.0]), [[1.0, 1.0]], [[6.0]]),
    "layer_norm": (lambda x: F.layer_norm(x, (2,), [1.0, 1.0], [1.0, 1.0]), [[1.0, 1.0]], [[1.0, 1.0]]),
    "layer_norm, two axes": (lambda x: F.layer_norm(x, (1, 2), [[1.0, 1.0]]), [[1.0, 1.0]], [[0.0, 0.0]]),
    "rms_norm": (lambda x: F.rms_norm(x, (2,), [1.0, 2.0], eps=0.0), [[3.0, 3.0]], [[1.0, 2.0]]),
    "cross_entropy": (lambda x: F.cross_entropy(x, [0]), [[0.0, 0.0]], 0.693147181),
    "mse_loss": (lambda x: F.mse_loss(x, [0.0, 0.0]), [1.0, 3.0], 5.0),
    "mse_loss of numbers": (lambda x: F.mse_loss(x, 1.0), 3.0, 4.0),
    "attention": (lambda x: F.scaled_dot_product_attention([[0.0]], [[0.0]], x), [[7.0]], [[7.0]]),
    "heads": (lambda x: F.multi_head_attention([x, x, x], 1), [[[2.0]]], [[[2.0]]]),
}


@pytest.mark.parametrize("f, given, expected", LISTS.values(), ids=LISTS)
def test_numbers_and_lists_are_arrays(f, given, expected):
    y = f(given)
    close(y.numpy(), expected, rtol=1e-8)
    assert y.dtype == np.float64


WHOLE = {name: LISTS[name] for name in LISTS if name not in ("relu", "linear", "embedding")}


@pytest.mark.parametrize("f, given, expected", WHOLE.values(), ids=WHOLE)
def test_integers_are_taken_as_float64(f, given, expected):
    """As by NumPy's functions; relu, linear and embedding compute with integers."""
    y = f(np.asarray(given).astype(int))
    close(y.numpy(), expected, rtol=1e-8)
    assert y.dtype == np.float64


def test_integers_do_not_widen_float32():
    ones, weight = np.ones((2, 3), int), np.ones(3, np.float32)
    assert F.layer_norm(ones, 3, weight).dtype == F.rms_norm(ones, 3, weight).dtype == np.float32
    assert F.mse_loss(ones, np.ones((2, 3), np.float32)).dtype == np.float32
    q = np.ones((2, 3), np.float32)
    assert F.scaled_dot_product_attention(q, ones, ones).dtype == np.float32


@pytest.mark.parametrize("shape", [(2, 3, 4), (200, 3, 4), (4,)])
def test_a_table_of_any_shape(shape):
    table = Tensor(np.random.default_rng(0).normal(size=shape), requires_grad=True)
    y = F.embedding([[0, 1], [1, 1]], table)
    np.testing.assert_array_equal(y.numpy(), table.numpy()[np.array([[0, 1], [1, 1]])])
    y.sum().backward()
    expected = np.zeros(shape)
    expected[0], expected[1] = 1, 3
    np.testing.assert_array_equal(table.grad, expected)


@pytest.mark.parametrize("layer", [nn.GELU(), nn.ReLU(), nn.SiLU(), nn.Sigmoid(), nn.Tanh(), nn.Dropout()])
def test_layers_of_0d_and_of_nothing(layer):
    for x in (np.float64(0.0), np.zeros((0, 3)), np.zeros((2, 0))):
        leaf = Tensor(x, requires_grad=True)
        y = layer(leaf)
        y.sum().backward()
        assert y.shape == leaf.grad.shape == np.shape(x)


def test_the_mean_over_no_row_is_nan():
    """As in PyTorch; the sum is 0."""
    x = np.zeros((0, 3))
    assert np.isnan(F.cross_entropy(x, np.zeros(0, int)).numpy())
    assert F.cross_entropy(x, np.zeros(0, int), reduction="sum").numpy() == 0
