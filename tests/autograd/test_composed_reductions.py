"""Reductions and scans that are composed of ops: replayed with other numbers, and on foreign arrays."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from foreign import Foreign, native
from tapegrad.autograd import Tensor
from tapegrad.autograd.replay import Program

rng = np.random.default_rng(0)
X, OTHER = rng.standard_normal((2, 4, 5))
for array in (X, OTHER):
    array[rng.random(array.shape) < 0.2] = np.nan

COMPOSED = {
    "nansum": lambda x: ag.nansum(x, 1),
    "nanmean": lambda x: ag.nanmean(x, 1),
    "nanstd": lambda x: ag.nanstd(x, (0, 1), ddof=1),
    "nancumprod": lambda x: ag.nancumprod(x, 1),
    "median": lambda x: ag.median(ag.where(x > 0, x, 0.5), 1),
    "nanmedian": lambda x: ag.nanmedian(x, 1),
    "quantile": lambda x: ag.quantile(ag.where(x > 0, x, 0.5), [0.2, 0.7], 1, method="hazen"),
    "cummax": lambda x: ag.cummax(x, 1)[0],
    "ptp": lambda x: ag.ptp(ag.where(x > 0, x, 0.5), 0),
    "diff": lambda x: ag.diff(x, 2, prepend=0),
    "gradient": lambda x: ag.gradient(x, axis=1, edge_order=2),
    "trapezoid": lambda x: ag.trapezoid(x, axis=0),
    "average": lambda x: ag.average(ag.where(x > 0, x, 0.5), 1, ag.where(x > 0, x, 0.5).detach()),
    "cov": lambda x: ag.cov(ag.where(x > 0, x, 0.5)),
    "cumulative_sum": lambda x: ag.cumulative_sum(x, axis=0, include_initial=True),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_replayed_with_other_numbers(name):
    def value():
        y = COMPOSED[name](x)
        return (ag.where(y == y, y, 0) ** 2).sum()

    x = Tensor(X, requires_grad=True)
    program = Program(value, [], [x])
    for numbers in (OTHER, X):
        x.data[...] = numbers
        found, expected = program.run([]), value()
        np.testing.assert_array_equal(found.data, expected.data)
        np.testing.assert_array_equal(ag.grad(found, x)[0].data, ag.grad(expected, x)[0].data)


@pytest.mark.parametrize("name", [name for name in COMPOSED if name != "quantile"])  # q is NumPy's
def test_on_arrays_of_another_library(name):
    ours, theirs = Tensor(X, requires_grad=True), Tensor(Foreign(X), requires_grad=True)
    y, z = COMPOSED[name](ours), COMPOSED[name](theirs)
    assert type(z.data) is Foreign
    np.testing.assert_allclose(native(z.data), y.data, rtol=1e-12)
    y.backward(np.ones(y.shape))
    z.backward(Foreign(np.ones(y.shape)))
    np.testing.assert_allclose(native(theirs.grad), ours.grad, rtol=1e-12)
