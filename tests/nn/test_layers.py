"""Layers and losses against plain formulas; what they refuse and how they say it."""

import math

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

RNG = np.random.default_rng(0)
close = np.testing.assert_allclose


def x32(*shape):
    return RNG.normal(size=shape).astype(np.float32)


# ---------------------------------------------------------------------------------- Linear


@pytest.mark.parametrize("shape", [(4,), (2, 4), (2, 3, 4), (0, 4)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear(shape, bias):
    layer = nn.Linear(4, 3, bias=bias, dtype=np.float64)
    x = RNG.normal(size=shape)
    expected = x @ layer.weight.numpy().T + (layer.bias.numpy() if bias else 0)
    close(layer(x).numpy(), expected, rtol=1e-12)
    assert layer(x).shape == (*shape[:-1], 3) and (layer.bias is not None) == bias


def test_linear_starts_within_one_over_root_inputs():
    nn.manual_seed(0)
    layer = nn.Linear(16, 2000)
    for p in (layer.weight.numpy(), layer.bias.numpy()):
        assert 0.24 < abs(p).max() <= 0.25 and abs(p.mean()) < 0.01
    first = layer.weight.numpy().copy()
    nn.manual_seed(0)
    layer.reset_parameters()
    np.testing.assert_array_equal(layer.weight.numpy(), first)


def test_a_dtype_mismatch_names_the_layer_and_the_way_out():
    net = nn.Sequential(nn.Linear(2, 2))
    with pytest.raises(TypeError) as error:
        net(np.zeros((1, 2)))
    assert str(error.value) == (
        "Linear '0': input is float64, its parameters are float32; "
        "use x.astype(np.float32) or module.double()"
    )
    with pytest.raises(TypeError, match=r"Linear '0': input is int64, .*; use x.astype\(np.float32\)$"):
        net(np.zeros((1, 2), int))
    with pytest.raises(TypeError, match=r"are float64; use x.astype\(np.float64\)$"):
        net.double()(x32(1, 2))
    for layer in (nn.LayerNorm(2), nn.RMSNorm(2), nn.PositionalEncoding(2, 3)):
        with pytest.raises(TypeError, match=f"^{type(layer).__name__}: input is float64"):
            layer(np.zeros((1, 2)))


def test_linear_refuses_a_scalar():
    with pytest.raises(ValueError, match="^Linear: input has no features on its last axis, expected 2"):
        nn.Linear(2, 1)(np.float32(1))


# ---------------------------------------------------------------------------------- Embedding


def test_embedding_rows_and_their_gradient():
    layer = nn.Embedding(5, 3, padding_idx=-1)
    assert layer.padding_idx == 4 and (layer.weight.numpy()[4] == 0).all()
    ids = np.array([[0, 2], [2, 4]])
    out = layer(ids)
    np.testing.assert_array_equal(out.numpy(), layer.weight.numpy()[ids])
    out.sum().backward()
    np.testing.assert_array_equal(layer.weight.grad[:, 0], [1, 0, 2, 0, 0])  # none for the padding
    assert layer(3).shape == (3,) and layer(Tensor(ids)).shape == (2, 2, 3)


def test_embedding_refuses_what_is_outside():
    net = nn.Sequential(nn.Embedding(5, 3))
    with pytest.raises(IndexError) as error:
        net([[0, 1], [7, 2]])
    assert str(error.value) == (
        "embedding of Embedding '0': id 7 at (1, 0) is outside the vocabulary of 5 (0 to 4)"
    )
    with pytest.raises(IndexError, match="^embedding of Embedding '0': id -1 at"):
        net(-1)
    with pytest.raises(TypeError, match="Embedding '0': ids must be integers, not float64"):
        net([0.5])
    with pytest.raises(ValueError, match="padding_idx 5 is outside the 5 rows"):
        nn.Embedding(5, 3, padding_idx=5)


# ---------------------------------------------------------------------------------- Dropout


def test_dropout_zeros_scales_and_repeats_with_a_seed():
    layer, x = nn.Dropout(0.25), np.ones((100, 100), np.float32)
    nn.manual_seed(3)
    first = layer(x).numpy()
    assert set(np.unique(first)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs((first == 0).mean() - 0.25) < 0.02
    assert (layer(x).numpy() != first).any()
    nn.manual_seed(3)
    np.testing.assert_array_equal(layer(x).numpy(), first)
    np.testing.assert_array_equal(layer.eval()(x).numpy(), x)


def test_dropout_gives_the_gradient_of_what_it_kept():
    x = Tensor(np.ones(1000), requires_grad=True)
    y = nn.Dropout(0.5)(x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y.numpy())


def test_dropout_at_its_ends():
    x = Tensor(np.ones(10), requires_grad=True)
    assert F.dropout(x, 0.0) is x and F.dropout(x, 0.9, training=False) is x
    y = nn.Dropout(1.0)(x)
    y.sum().backward()
    assert (y.numpy() == 0).all() and (x.grad == 0).all()
    for p in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="p must be from 0 to 1"):
            nn.Dropout(p)
        with pytest.raises(ValueError, match="p must be from 0 to 1"):
            F.dropout(x, p, training=False)


# ---------------------------------------------------------------------------------- norms


@pytest.mark.parametrize("shape", [4, (4,), (3, 4), [2, 3, 4], np.int64(4)])
@pytest.mark.parametrize("affine", [True, False])
def test_layer_norm_over_the_last_axes(shape, affine):
    layer = nn.LayerNorm(shape, elementwise_affine=affine, dtype=np.float64)
    sizes = tuple(np.atleast_1d(shape))
    x, w, b = RNG.normal(size=(5, 2, 3, 4)), RNG.normal(size=sizes), RNG.normal(size=sizes)
    axes = tuple(range(-len(sizes), 0))
    expected = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    if affine:
        layer.load_state_dict({"weight": w, "bias": b})
        expected = expected * w + b
    close(layer(x).numpy(), expected, rtol=1e-10, atol=1e-12)
    assert list(layer.state_dict()) == (["weight", "bias"] if affine else [])


def test_layer_norm_options():
    layer = nn.LayerNorm(4, bias=False)
    assert layer.bias is None and list(layer.state_dict()) == ["weight"]
    assert repr(layer) == "LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=False)  # 4 parameters"
    big = nn.LayerNorm(4, eps=100.0, elementwise_affine=False)
    assert abs(big(x32(2, 4)).numpy()).max() < 1
    layer.weight.data += 1
    layer.reset_parameters()
    assert (layer.weight.numpy() == 1).all()
    for wrong in (x32(4, 3), np.float32(1)):
        with pytest.raises(ValueError, match=r"^LayerNorm '0': input of shape .* does not end in .*\(4,\)"):
            nn.Sequential(layer)(wrong)
    with pytest.raises(ValueError, match=r"^layer_norm: input of shape \(2, 3\) does not end in .*\(3, 2\)"):
        F.layer_norm(x32(2, 3), (3, 2))


@pytest.mark.parametrize("eps", [None, 1e-3])
@pytest.mark.parametrize("shape", [4, (3, 4)])
def test_rms_norm(eps, shape):
    layer = nn.RMSNorm(shape, eps)
    x = x32(2, 3, 4) * 1e-3  # so that eps counts
    axes = (-1,) if shape == 4 else (-2, -1)
    used = np.finfo(np.float32).eps if eps is None else eps
    close(layer(x).numpy(), x / np.sqrt((x**2).mean(axes, keepdims=True) + used), rtol=1e-5)
    assert list(layer.state_dict()) == ["weight"]


# ---------------------------------------------------------------------------------- activations


@pytest.mark.parametrize(
    "layer, expected",
    [
        (nn.ReLU(), lambda x: np.maximum(x, 0)),
        (nn.GELU(), lambda x: x * np.vectorize(math.erfc)(-x / math.sqrt(2)) / 2),
        (nn.GELU("tanh"), lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
        (nn.SiLU(), lambda x: x / (1 + np.exp(-x))),
        (nn.Tanh(), np.tanh),
        (nn.Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
        (nn.Softmax(0), lambda x: np.exp(x) / np.exp(x).sum(0)),
    ],
    ids=lambda given: repr(given) if isinstance(given, nn.Module) else "",  # a function's has its address
)
def test_activations(layer, expected):
    x = RNG.normal(size=(3, 4))
    close(layer(x).numpy(), expected(x), rtol=1e-7, atol=1e-12)
    assert list(layer.parameters()) == []


# ---------------------------------------------------------------------------------- losses


def nll(logits, target):
    logits = logits - logits.max(-1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return -np.take_along_axis(log_p, target[..., None], -1)[..., 0]


def test_cross_entropy_of_rows_one_row_and_images():
    x, t = RNG.normal(size=(6, 5)), RNG.integers(0, 5, 6)
    close(F.cross_entropy(x, t).item(), nll(x, t).mean())
    close(F.cross_entropy(Tensor(x[0]), t[0]).item(), nll(x[0], np.array(t[0])))
    image, target = RNG.normal(size=(2, 5, 3, 4)), RNG.integers(0, 5, (2, 3, 4))
    expected = nll(np.moveaxis(image, 1, -1), target)
    close(F.cross_entropy(image, target, reduction="none").numpy(), expected)
    close(nn.CrossEntropyLoss(reduction="sum")(image, target).item(), expected.sum())


def test_cross_entropy_ignores_and_smooths():
    x, t = RNG.normal(size=(4, 3)), np.array([0, 2, 1, 1])
    kept = nll(x, t)[[0, 2, 3]]
    close(F.cross_entropy(x, np.array([0, -100, 1, 1])).item(), kept.mean())
    close(F.cross_entropy(x, t, ignore_index=2).item(), kept.mean())
    each = np.stack([nll(x, np.full(4, c)) for c in range(3)])
    smooth = 0.9 * nll(x, t) + 0.1 * each.mean(0)
    close(nn.CrossEntropyLoss(label_smoothing=0.1)(x, t).item(), smooth.mean())


def test_cross_entropy_refuses():
    x = np.zeros((2, 3, 5))
    with pytest.raises(ValueError) as error:
        F.cross_entropy(x, np.zeros((2, 3), int))
    assert str(error.value) == (
        "cross_entropy: target of shape (2, 3) for input of shape (2, 3, 5); classes are on axis 1, as in "
        "PyTorch: if they are on the last, reshape to (-1, 5) and (-1,)"
    )
    with pytest.raises(IndexError, match="target 3"):
        F.cross_entropy(np.zeros((2, 3)), [0, 3])
    with pytest.raises(TypeError, match="integers, not float64; probabilities have the shape of input"):
        F.cross_entropy(np.zeros((2, 3)), np.zeros(2))
    with pytest.raises(ValueError, match="'none', not 'avg'"):
        nn.CrossEntropyLoss(reduction="avg")(np.zeros((2, 3)), [0, 1])
    with pytest.raises(ValueError, match="label_smoothing must be from 0 to 1, not 2"):
        F.cross_entropy(np.zeros((2, 3)), [0, 1], label_smoothing=2)


def test_mse_loss():
    x, t = Tensor(RNG.normal(size=(2, 3)), requires_grad=True), RNG.normal(size=(2, 3))
    squares = (x.numpy() - t) ** 2
    nn.MSELoss()(x, t).backward()
    close(x.grad, 2 * (x.numpy() - t) / 6)
    close(F.mse_loss(x, Tensor(t)).item(), squares.mean())
    close(nn.MSELoss(reduction="sum")(x, t).item(), squares.sum())
    close(F.mse_loss(x, t, reduction="none").numpy(), squares)
    with pytest.raises(ValueError, match=r"^mse_loss: input of shape \(2, 3\), target of shape \(2,\)"):
        F.mse_loss(x, t[:, 0])
    with pytest.raises(ValueError, match="'none', not 'avg'"):
        F.mse_loss(x, t, reduction="avg")
