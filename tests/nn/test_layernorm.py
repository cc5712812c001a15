"""Layer norm of one row, as in a step of generation."""

import numpy as np
import pytest

from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F


@pytest.mark.parametrize("shape", [(1, 7), (7,), (1, 1, 300)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mean", [0, 3, 1e4, 1e30])
def test_layer_norm_of_one_row_without_a_gradient(shape, dtype, mean):
    """It takes a shorter way: the same numbers, of a large mean and of a constant row too."""
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(2, shape[-1])).astype(dtype)
    rows = [rng.normal(size=shape) + mean, np.full(shape, mean), np.full(shape, np.nan)]
    for x in (row.astype(dtype) for row in rows):
        for parts in ({}, {"weight": weight}, {"weight": weight, "bias": bias}):
            with np.errstate(invalid="ignore", over="ignore"):
                expected = F.layer_norm(Tensor(x, requires_grad=True), shape[-1:], **parts).numpy()
                found = F.layer_norm(x, shape[-1:], **parts).numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-5)
            assert found.dtype == dtype and found.shape == shape


def test_layer_norm_of_a_constant_row_without_eps():
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = F.layer_norm(Tensor(np.ones(4), requires_grad=True), 4, eps=0.0).numpy()
        np.testing.assert_array_equal(F.layer_norm(np.ones(4), 4, eps=0.0).numpy(), expected)
