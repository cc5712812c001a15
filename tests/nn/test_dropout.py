"""Dropout of channels, and dropout that keeps mean and variance."""

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

CHANNELS = [
    ("dropout1d", (40, 30, 5), 2),
    ("dropout1d", (400, 5), 1),
    ("dropout2d", (40, 30, 2, 3), 2),
    ("dropout2d", (40, 30, 5), 2),
    ("dropout3d", (40, 30, 2, 1, 3), 2),
    ("dropout3d", (400, 2, 1, 3), 1),
    ("feature_alpha_dropout", (40, 30, 2, 3), 2),
]


@pytest.fixture(autouse=True)
def seeded():
    nn.manual_seed(0)


@pytest.mark.parametrize(("name", "shape", "axes"), CHANNELS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_whole_channels_are_dropped(name, shape, axes, dtype):
    x = Tensor(np.ones(shape, dtype), requires_grad=True)
    y = getattr(F, name)(x, 0.3, True)
    y.sum().backward()
    channels = y.numpy().reshape(*shape[:axes], -1)
    assert (channels == channels[..., :1]).all() and y.dtype == dtype
    low, high = np.unique(channels)
    assert np.mean(channels == low) == pytest.approx(0.3, abs=0.06)
    kept = (channels == high).reshape(shape)
    assert (x.grad[~kept] == 0).all() and (x.grad[kept] > 0).all()
    if "alpha" not in name:
        assert low == 0 and high == pytest.approx(1 / 0.7, rel=1e-3)


def test_mean_and_variance_are_kept():
    x = np.random.default_rng(0).normal(size=(400, 500))
    for p in (0.1, 0.5, 0.9):
        y = F.alpha_dropout(x, p, True).numpy()
        assert y.mean() == pytest.approx(0, abs=0.02) and y.var() == pytest.approx(1, abs=0.02)
        z = F.feature_alpha_dropout(x[..., None], p, True).numpy()
        assert z.mean() == pytest.approx(0, abs=0.02) and z.var() == pytest.approx(1, abs=0.02)
    values = np.unique(F.alpha_dropout(np.ones(1000), 0.5, True).numpy())
    a = (0.5 * (1 + 0.5 * 1.7580993408473766**2)) ** -0.5
    np.testing.assert_allclose(values, [a * -1.7580993408473766 * 0.5, a * (1 + 1.7580993408473766 * 0.5)])


@pytest.mark.parametrize("name", ["dropout1d", "dropout2d", "alpha_dropout", "feature_alpha_dropout"])
def test_no_all_and_evaluation(name):
    fn, x = getattr(F, name), np.full((2, 3, 4), 2.0)
    x[0, 0, 0] = np.inf
    assert (fn(x, 0.0, True).numpy() == x).all()
    assert (fn(x, 0.5, False).numpy() == x).all()
    assert (fn(x, 1.0, True).numpy() == 0).all()  # of inf too
    dropped = fn(np.full((300, 3, 4), np.inf), 0.5, True).numpy()
    assert not np.isnan(dropped).any() and np.isinf(dropped).any() and np.isfinite(dropped).any()
    for p in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match=f"{name}: p must be from 0 to 1"):
            fn(x, p, True)


@pytest.mark.parametrize("name", ["Dropout1d", "Dropout2d", "AlphaDropout", "FeatureAlphaDropout"])
def test_in_place(name):
    layer = getattr(nn, name)(0.5, inplace=True)
    x = Tensor(np.ones((40, 30, 2), np.float32))
    y = layer(x)
    assert y is x and len(np.unique(x.numpy())) == 2
    layer.eval()
    before = x.numpy().copy()
    np.testing.assert_array_equal(layer(x).numpy(), before)
    leaf = Tensor(np.ones((4, 3, 2)), requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf"):
        layer.train()(leaf)


def test_the_numbers_of_axes():
    for layer, x in [
        (nn.Dropout1d(), np.ones((2, 3, 4, 5))),
        (nn.Dropout1d(), np.ones(3)),
        (nn.Dropout2d(), np.ones(3)),
        (nn.Dropout3d(), np.ones((2, 3, 4))),
        (nn.FeatureAlphaDropout(), np.ones(3)),
    ]:
        with pytest.raises(
            ValueError, match=rf"of {type(layer).__name__}: input of shape .* has {x.ndim} axes"
        ):
            layer(x)


def test_seeds_repeat_and_other_draws_follow():
    for name in ("dropout2d", "alpha_dropout"):
        nn.manual_seed(1)
        a, b = (getattr(F, name)(np.ones((20, 30, 2)), 0.5, True).numpy() for _ in range(2))
        nn.manual_seed(1)
        again = getattr(F, name)(np.ones((20, 30, 2)), 0.5, True).numpy()
        assert (a == again).all() and (a != b).any()
