"""Normalisation that learns its channels, against torch."""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from against_torch import RNG, compare
from tapegrad import nn

SHAPES = {"1d": (3, 4, 5), "2d": (3, 4, 5, 2), "3d": (3, 4, 2, 3, 2)}


@pytest.mark.parametrize("axes", SHAPES)
@pytest.mark.parametrize("kind", ["BatchNorm", "InstanceNorm"])
def test_lazy(kind, axes):
    name = f"Lazy{kind}{axes}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, that lazy modules are new
        theirs = getattr(torch.nn, name)().double()
    ours = getattr(nn, name)().double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x = RNG.normal(size=SHAPES[axes])
    compare(ours, theirs, [x])
    assert type(ours) is getattr(nn, f"{kind}{axes}") and ours.num_features == 4
    for (key, a), b in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-6, err_msg=key)
    if kind == "InstanceNorm":
        lazy = getattr(nn, name)().double()
        assert lazy(x[0]).shape == x[0].shape and lazy.num_features == 4
