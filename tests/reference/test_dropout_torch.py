"""Dropout of elements and channels: how much is dropped, where, and by what, as in torch."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tapegrad import nn
from tapegrad.nn import functional as F

NAMES = ["dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"]
CLASSES = ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]


def accepts(fn, *args):
    try:
        fn(*args)
    except (ValueError, RuntimeError):
        return False
    return True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("training", [True, False])
def test_the_same_numbers_of_axes_are_taken(name, training):
    for n in range(7):
        x = np.ones((2,) * n)
        if name == "dropout3d" and n not in (4, 5):
            continue  # what torch announces to refuse one day, is refused
        theirs = accepts(getattr(torch.nn.functional, name), torch.tensor(x), 0.5, training)
        assert accepts(getattr(F, name), x, 0.5, training) == theirs, n


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_the_values_are_torchs(name):
    """All values that occur are those of torch, and as often."""
    x = np.ones((300, 40, 2) if name in ("dropout1d", "dropout2d") else (300, 40, 2, 1, 1))
    for p in (0.0, 0.3, 0.5, 1.0):
        y = getattr(F, name)(x, p, True).numpy()
        z = getattr(torch.nn.functional, name)(torch.tensor(x), p, True).numpy()
        assert y.shape == z.shape
        for value in np.unique(z):
            np.testing.assert_allclose(np.isclose(y, value).mean(), np.isclose(z, value).mean(), atol=0.02)


@pytest.mark.parametrize("name", CLASSES)
def test_modules(name):
    ours, theirs = getattr(nn, name)(0.25, True), getattr(torch.nn, name)(0.25, True)
    assert repr(ours) == repr(theirs) and ours.p == theirs.p and ours.inplace is theirs.inplace
    for bad in (-0.1, 1.1):
        with pytest.raises(ValueError, match=f"{name}: p must be"):
            getattr(nn, name)(bad)
