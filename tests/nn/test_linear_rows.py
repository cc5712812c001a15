"""Products of a few rows, which are made another way: the same numbers."""

import sys

import numpy as np
import pytest

from tapegrad.autograd import Tensor, no_grad
from tapegrad.nn import functional as F
from tapegrad.nn.parallel import cores

linear = sys.modules["tapegrad.nn.functional.linear"]  # the module: the package shows the function
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


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("rows", [1, 4])
def test_of_a_large_weight_blas_has_the_threads(monkeypatch, threads, rows):
    ways, vecdot = [], np.vecdot
    monkeypatch.setattr(linear, "LARGE", 35)
    monkeypatch.setattr(cores, "blas_threads", lambda: threads)
    monkeypatch.setattr(linear.np, "vecdot", lambda *a, **k: ways.append(1) or vecdot(*a, **k))
    x, weight = RNG.normal(size=(rows, 5)), RNG.normal(size=(7, 5))
    for w, dots in ((weight, threads == 1), (weight[:6], True)):
        ways.clear()
        np.testing.assert_allclose(F.linear(x, w).numpy(), x @ w.T, rtol=1e-12)
        assert bool(ways) == dots
