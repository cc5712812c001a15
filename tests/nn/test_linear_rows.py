"""Products of a few rows, which are made another way: the same numbers."""

import numpy as np
import pytest

from tapegrad.autograd import Tensor, no_grad
from tapegrad.nn import functional as F

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "shape", [(5,), (1, 5), (2, 5), (4, 5), (5, 5), (4, 8, 5), (33, 5), (65, 5), (2, 1, 5), (0, 5), (3, 0, 5)]
)
@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("bias", [None, RNG.normal(size=7)])
def test_without_a_gradient(shape, order, bias):
    x, weight = RNG.normal(size=shape), np.asarray(RNG.normal(size=(7, 5)), order=order)
    given = [x, weight] if bias is None else [x, weight, bias]
    before = [a.copy() for a in given]
    with no_grad():
        found = F.linear(*map(Tensor, given)).numpy()
    expected = x @ weight.T + (0 if bias is None else bias)
    assert found.shape == (*shape[:-1], 7)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    with_gradient = F.linear(Tensor(x, requires_grad=True), *given[1:])
    np.testing.assert_array_equal(with_gradient.numpy(), found)  # recording must not change a bit
    for a, b in zip(given, before, strict=True):
        np.testing.assert_array_equal(a, b)
