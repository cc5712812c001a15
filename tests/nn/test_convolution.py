"""Convolution: numbers by hand, what it refuses, replay; folding."""

import numpy as np
import pytest

from replay_cases import assert_same
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

RNG = np.random.default_rng(0)


def test_by_hand():
    x, w = [[1.0, 2.0, 3.0, 4.0]], [[[1.0, 10.0]]]
    assert F.conv1d(x, w).tolist() == [[21.0, 32.0, 43.0]]
    assert F.conv1d(x, w, [100.0], stride=2, padding=1).tolist() == [[110.0, 132.0, 104.0]]
    assert F.conv1d(x, w, padding="same").tolist() == [[21.0, 32.0, 43.0, 4.0]]
    assert F.conv1d(x, w, dilation=2, padding="valid").tolist() == [[31.0, 42.0]]
    assert F.conv_transpose1d(x, w).tolist() == [[1.0, 12.0, 23.0, 34.0, 40.0]]
    assert F.conv_transpose1d(x, w, stride=3, output_padding=1).tolist()[0] == [
        1,
        10,
        0,
        2,
        20,
        0,
        3,
        30,
        0,
        4,
        40,
        0,
    ]
    image = np.arange(9.0).reshape(1, 3, 3)
    assert F.conv2d(image, [[[[1, 0], [0, -1.0]]]]).tolist() == [[[-4.0, -4.0], [-4.0, -4.0]]]
    assert F.unfold(image, 2).tolist() == [[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]]
    assert F.fold(F.unfold(image, 2), (3, 3), 2).tolist() == [[[0, 2, 2], [6, 16, 10], [6, 14, 8]]]


@pytest.mark.parametrize(
    "mode, surrounded",
    [
        ("zeros", [0, 1, 2, 3, 0]),
        ("reflect", [2, 1, 2, 3, 2]),
        ("replicate", [1, 1, 2, 3, 3]),
        ("circular", [3, 1, 2, 3, 1]),
    ],
)
def test_padding_modes(mode, surrounded):
    layer = nn.Conv1d(1, 1, 1, padding=1, padding_mode=mode, bias=False)
    layer.weight.data[...] = 1
    assert layer(np.array([[1, 2, 3]], np.float32)).tolist() == [surrounded]


@pytest.mark.parametrize("number", [np.inf, np.nan])
@pytest.mark.parametrize("groups", [1, 2])
def test_what_is_not_finite_goes_no_further(number, groups):
    x = np.ones((1, 2, 6, 20))
    x[0, 0, 3, 4] = number
    x = Tensor(x, requires_grad=True)
    w = np.ones((2, 2 // groups, 3, 3))
    y = F.conv2d(x, w, padding=1, groups=groups)
    reached = np.zeros(y.shape, bool)
    reached[0, : 3 - groups, 2:5, 3:6] = True
    np.testing.assert_array_equal(np.isfinite(y.numpy()), ~reached)
    y.backward(np.where(reached, number, 1.0))
    assert np.isfinite(x.grad[0, :, :, 8:]).all() and np.isfinite(x.grad[0, :, 0]).all()


def test_groups_see_their_own_channels():
    x, w = RNG.normal(size=(2, 4, 6)), RNG.normal(size=(6, 2, 3))
    parts = [F.conv1d(x[:, 2 * i : 2 * i + 2], w[3 * i : 3 * i + 3]).numpy() for i in range(2)]
    np.testing.assert_allclose(F.conv1d(x, w, groups=2).numpy(), np.concatenate(parts, axis=1), rtol=1e-12)


@pytest.mark.parametrize(
    "shape, kernels, groups",
    [((2, 3, 8, 8), (4, 3, 3, 3), 1), ((2, 64, 12, 12), (8, 64, 1, 1), 1), ((2, 4, 8, 8), (4, 1, 3, 3), 4)],
)
def test_float32_and_float16(shape, kernels, groups):
    x, w = RNG.normal(size=shape), RNG.normal(size=kernels)
    y = F.conv2d(x, w, padding=1, groups=groups).numpy()
    for dtype, error in ((np.float32, 1e-6), (np.float16, 2e-3)):
        low = [Tensor(a.astype(dtype), requires_grad=True) for a in (x, w)]
        made = F.conv2d(*low, padding=1, groups=groups)
        made.sum().backward()
        assert made.dtype == low[0].grad.dtype == low[1].grad.dtype == dtype
        assert np.abs(made.numpy() - y).max() < error * np.abs(y).max() * 4


def test_sums_of_float16_do_not_overflow():
    x, w = np.full((1, 64, 9), 40, np.float16), np.full((1, 64, 9), 40, np.float16)
    assert F.conv1d(x, w * np.where(np.arange(64) < 32, 1, -1)[:, None].astype(np.float16)).item() == 0


def test_other_dtypes():
    x, w = RNG.normal(size=(1, 2, 5)), RNG.normal(size=(3, 2, 2))
    assert F.conv1d(x, w.astype(np.float32)).dtype == np.float64
    assert F.conv1d(np.ones((1, 2, 5), int), w.astype(np.float32)).dtype == np.float32
    with pytest.raises(TypeError, match="input is float64, its parameters are float32"):
        nn.Conv1d(2, 3, 2)(x)
    with pytest.raises(TypeError, match="conv1d: weight is int64, input float64"):
        F.conv1d(x, w.astype(int))


def test_empty_batch():
    layer = nn.Conv2d(3, 4, 3, padding=1)
    x = Tensor(np.zeros((0, 3, 5, 5), np.float32), requires_grad=True)
    y = layer(x)
    assert y.shape == (0, 4, 5, 5)
    y.sum().backward()
    assert x.grad.shape == x.shape and not layer.weight.grad.any() and not layer.bias.grad.any()


X, W = np.zeros((2, 3, 5, 5)), np.zeros((4, 3, 3, 3))


@pytest.mark.parametrize(
    "call, error, match",
    [
        (lambda: F.conv2d(np.zeros((3, 5)), W), ValueError, r"\(N, C, H, W\) or \(C, H, W\).*\(3, 5\)"),
        (lambda: F.conv2d(X, W[0]), ValueError, r"weight has 4 axes.*weight \(3, 3, 3\)"),
        (lambda: F.conv2d(X[:, :2], W), ValueError, "has 2 channels, weight of shape .* is for 3"),
        (lambda: F.conv2d(X, W, np.zeros(3)), ValueError, r"bias of shape \(3,\), expected \(4,\)"),
        (lambda: F.conv2d(X, W, groups=3), ValueError, "groups=3 has to divide the 4"),
        (lambda: F.conv2d(X, W, groups=0), ValueError, "groups is at least 1, not 0"),
        (lambda: F.conv2d(X, W, groups=True), TypeError, "groups is an integer, not True"),
        (lambda: F.conv2d(X, W, stride=0), ValueError, "stride is at least 1, not 0"),
        (lambda: F.conv2d(X, W, stride=1.0), TypeError, "stride is an integer or 2 of them, not 1.0"),
        (lambda: F.conv2d(X, W, stride=(1, True)), TypeError, "stride is an integer"),
        (lambda: F.conv2d(X, W, padding=-1), ValueError, "padding is at least 0"),
        (lambda: F.conv2d(X, W, padding=(1, 1, 1)), ValueError, "padding is an integer or 2 of them"),
        (lambda: F.conv2d(X, W, padding="full"), ValueError, "'same' or 'valid', not 'full'"),
        (lambda: F.conv2d(X, W, padding="same", stride=2), ValueError, "'same' is for stride 1"),
        (
            lambda: F.conv2d(X, W, dilation=3),
            ValueError,
            r"reach over \(7, 7\) do not fit into an input of \(5, 5\)",
        ),
        (lambda: F.conv2d(X, W[..., :0]), ValueError, "kernel without elements"),
        (lambda: F.conv2d(X[..., :0], W), ValueError, "do not fit"),
        (lambda: F.conv_transpose2d(X, W), ValueError, "has 3 channels, weight of shape .* is for 4"),
        (
            lambda: F.conv_transpose2d(X, W[:3], output_padding=1),
            ValueError,
            "less than stride=.* or dilation",
        ),
        (lambda: F.conv_transpose2d(X, W[:3], padding=4), ValueError, "nothing is left"),
        (lambda: F.conv_transpose2d(X, W[:3], padding="same"), ValueError, "padding is an integer"),
        (lambda: F.unfold(X, 6), ValueError, r"windows of \(6, 6\)"),
        (lambda: F.unfold(X[0, 0], 2), ValueError, r"input is \(N, C, H, W\)"),
        (lambda: F.fold(np.zeros((1, 4, 5)), (3, 3), 2), ValueError, r"is not \(N, C \* 4, 2 \* 2\)"),
        (lambda: F.fold(np.zeros((1, 5, 4)), (3, 3), 2), ValueError, r"is not \(N, C \* 4, 2 \* 2\)"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "groups=2 has to divide in_channels=3"),
        (lambda: nn.Conv2d(3, -4, 3), ValueError, "out_channels is at least 0"),
        (lambda: nn.Conv2d(3, 4, 0), ValueError, "kernel_size is at least 1"),
        (lambda: nn.Conv2d(3, 4, 3, padding="same", stride=2), ValueError, "Conv2d: padding='same'"),
        (
            lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"),
            ValueError,
            "padding_mode is one of zeros, reflect",
        ),
        (lambda: nn.Conv2d(3, 4, 3, device="cuda"), ValueError, "Conv2d: device='cuda' is not there"),
        (
            lambda: nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"),
            ValueError,
            "padding_mode is 'zeros' alone",
        ),
        (
            lambda: nn.Sequential(nn.Conv2d(2, 4, 3)).double()(X),
            ValueError,
            "conv2d of Conv2d '0': input of shape",
        ),
        (
            lambda: nn.Conv2d(3, 4, 3, padding=5, padding_mode="reflect").double()(X),
            ValueError,
            r"padding_mode='reflect' takes more than input of shape \(2, 3, 5, 5\)",
        ),
        (
            lambda: nn.ConvTranspose2d(3, 4, 3, stride=2).double()(X, (13, 11)),
            ValueError,
            r"output_size=\(13, 11\) is out of reach: from \(11, 11\) to \(12, 12\)",
        ),
    ],
)
def test_refused(call, error, match):
    with pytest.raises(error, match=match):
        call()


class Small(nn.Module):
    def __init__(self):
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1, groups=8, stride=2),
            nn.Conv2d(8, 4, 1, padding_mode="reflect"),
            nn.ConvTranspose2d(4, 3, 2, stride=2),
        )

    def forward(self, x):
        return self.layers(x)


def test_a_training_step_is_replayed():
    def loss(model, x, y):
        return ((model(x) - y) ** 2).mean()

    model = Small()
    images = [RNG.normal(size=(2, 3, 8, 8)).astype(np.float32) for _ in range(6)]
    assert_same(model, nn.replay(model, loss), loss, list(zip(images[:3], images[3:], strict=True)))


def test_a_step_makes_the_loss_smaller():
    nn.manual_seed(0)
    model = Small()
    optimizer = nn.optim.Adam(model.parameters(), lr=1e-2)
    x = RNG.normal(size=(4, 3, 8, 8)).astype(np.float32)
    losses = []
    for _ in range(30):
        loss = ((model(x) - x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_a_class_may_compute_its_weight():
    class Centred(nn.Conv2d):
        def forward(self, input):
            weight = self.weight - self.weight.mean(axis=(1, 2, 3), keepdims=True)
            return self._conv_forward(input, weight, self.bias)

    layer = Centred(2, 3, 3, padding=1, padding_mode="circular")
    y = layer(np.ones((1, 2, 4, 4), np.float32))
    np.testing.assert_allclose(
        y.numpy(), np.broadcast_to(layer.bias.numpy()[:, None, None], y.shape), atol=1e-6
    )
    y.sum().backward()
    assert layer.weight.grad is not None


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (nn.Conv2d(4, 6, 3, padding=1), (5, 4, 9, 8)),
        (nn.Conv2d(4, 6, 3, stride=2, groups=2), (5, 4, 9, 8)),
        (nn.Conv1d(3, 2, 1), (3, 3, 200)),
        (nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1), (5, 4, 9, 8)),
    ],
)
def test_images_are_taken_several_at_a_time(module, shape):
    """As many as fit, whatever their number: what comes of each is what comes of it alone."""
    module = module.double()
    rng = np.random.default_rng(0)
    images = rng.standard_normal(shape)
    for count in range(1, len(images) + 1):
        x = Tensor(images[:count], requires_grad=True)
        module.zero_grad()
        y = module(x)
        g = rng.standard_normal(y.shape)
        y.backward(g)
        together = [p.grad for p in module.parameters()]
        module.zero_grad()
        for i in range(count):
            alone = Tensor(images[i : i + 1], requires_grad=True)
            made = module(alone)
            made.backward(g[i : i + 1])
            np.testing.assert_allclose(y.numpy()[i : i + 1], made.numpy(), rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(x.grad[i : i + 1], alone.grad, rtol=1e-10, atol=1e-12)
        for found, p in zip(together, module.parameters(), strict=True):
            np.testing.assert_allclose(found, p.grad, rtol=1e-10, atol=1e-12)
