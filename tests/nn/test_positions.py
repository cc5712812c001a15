"""nn.PositionalEncoding: the paper's waves, and learned positions."""

import math

import numpy as np
import pytest

from tapegrad import nn

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("width", [8, 7, 1])
def test_sinusoids_are_the_papers(width):
    layer = nn.PositionalEncoding(width, 50, dtype=np.float64)
    x = RNG.normal(size=(2, 30, width))
    added = layer(x).numpy() - x
    for t, j in np.ndindex(30, width):
        angle = t / 10000 ** (2 * (j // 2) / width)
        np.testing.assert_allclose(added[:, t, j], math.cos(angle) if j % 2 else math.sin(angle), atol=1e-12)
    assert list(layer.parameters()) == [] and layer.state_dict() == {}
    assert repr(layer) == "PositionalEncoding(max_len=50, learned=False)"


def test_learned_positions():
    layer = nn.PositionalEncoding(4, 10, learned=True)
    x = np.zeros((2, 3, 4), np.float32)
    y = layer(x)
    np.testing.assert_array_equal(y.numpy()[1], layer.weight.numpy()[:3])
    assert nn.PositionalEncoding(64, 64, learned=True).weight.data.std() == pytest.approx(0.02, rel=0.1)
    y.sum().backward()
    np.testing.assert_array_equal(layer.weight.grad, np.repeat([[2.0], [0.0]], [3, 7], axis=0) + np.zeros(4))


def test_positions_with_dropout_and_refusals():
    layer = nn.PositionalEncoding(4, 10, dropout=0.5)
    x = np.ones((1, 10, 4), np.float32)
    assert (layer(x).numpy() == 0).any() and not (layer.eval()(x).numpy() == 0).all()
    net = nn.Sequential(layer)
    with pytest.raises(ValueError, match=r"^PositionalEncoding '0': .*\(1, 11, 4\) is longer than"):
        net(np.zeros((1, 11, 4), np.float32))
    for shape in [(1, 3, 1), (4,)]:
        with pytest.raises(ValueError, match=r"^PositionalEncoding '0': .*expected \(.., length, 4\)"):
            net(np.zeros(shape, np.float32))
