"""Flatten, Unflatten and Identity."""

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor

X = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("axes", "shape"),
    [((), (2, 12)), ((0,), (24,)), ((0, 1), (6, 4)), ((-2, -1), (2, 12)), ((1, 1), (2, 3, 4))],
)
def test_flatten(axes, shape):
    x = Tensor(X, requires_grad=True)
    y = nn.Flatten(*axes)(x)
    np.testing.assert_array_equal(y.numpy(), X.reshape(shape))
    (y * y).sum().backward()
    np.testing.assert_array_equal(x.grad, 2 * X)


def test_flatten_of_little():
    assert nn.Flatten(0)(np.float64(3)).shape == (1,) and nn.Flatten()(np.zeros((0, 2, 3))).shape == (0, 6)
    with pytest.raises(IndexError, match=r"flatten of Flatten: an input of shape \(3,\) has no axis 1"):
        nn.Flatten()(np.zeros(3))
    with pytest.raises(ValueError, match="start_dim 2 comes after 1"):
        nn.Flatten(2, 1)(X)


def test_unflatten():
    np.testing.assert_array_equal(nn.Unflatten(1, (3, 1))(X).numpy(), X[:, :, None])
    assert nn.Unflatten(-1, (2, -1))(X).shape == (2, 3, 2, 2) and nn.Unflatten(0, [0, 5])(X[:0]).shape == (
        0,
        5,
        3,
        4,
    )
    for sizes in ((2, -1), (-1, -1), (4,), ()):
        with pytest.raises(ValueError, match="do not make axis 1 of an input of shape"):
            nn.Unflatten(1, sizes)(X)
    with pytest.raises(IndexError, match="has no axis 3"):
        nn.Unflatten(3, (2, 2))(X)
    for dim, sizes in (("C", (("a", 2),)), (1, (("a", 2),)), (1, 4), (1, (2.0, 2)), (1, (True, 4))):
        with pytest.raises(TypeError, match="Unflatten: "):
            nn.Unflatten(dim, sizes)


def test_identity_takes_anything():
    layer = nn.Identity(54, unused=0.1)
    assert layer(X) is X and list(layer.parameters()) == []


def test_how_they_read():
    layers = [nn.Flatten(), nn.Unflatten(1, (2, -1)), nn.Identity(3)]
    reprs = ["Flatten(start_dim=1, end_dim=-1)", "Unflatten(dim=1, unflattened_size=(2, -1))", "Identity()"]
    assert list(map(repr, layers)) == reprs
