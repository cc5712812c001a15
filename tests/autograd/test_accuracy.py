"""Variances of hard inputs, held to float64: large means, constant rows; what has no element or one."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor

MEANS = (0, 20, -4e5 / 7, 1e6, 1e7 / 3)
SHAPES = [((20, 3), 1), ((20, 512), 1), ((8, 5000), -1), ((30, 40), 0), ((9, 70), None)]


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("shape, axis", SHAPES)
def test_variance_of_large_means_in_float32(mean, shape, axis):
    x = (np.random.default_rng(0).standard_normal(shape) + mean).astype(np.float32)
    leaf, exact = Tensor(x, requires_grad=True), x.astype(float)
    centred = exact - exact.mean(axis=axis, keepdims=True)
    for f, expected in ((ag.var, exact.var(axis)), (ag.std, exact.std(axis))):
        y = f(leaf, axis)
        np.testing.assert_allclose(y.data, expected, rtol=3e-6, atol=1e-7 * expected.max())
    (d,) = ag.grad(ag.var(leaf, axis).sum(), leaf)
    np.testing.assert_allclose(d.data, 2 * centred / (x.size if axis is None else x.shape[axis]), atol=1e-5)


@pytest.mark.parametrize("value", [0, 0.1, 1234.567, 1e6 / 3, 1e15, -1e-30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 10, 512, 768])
def test_constant_rows_have_no_variance_and_no_gradient(value, dtype, n):
    x = Tensor(np.full((4, n), value, dtype), requires_grad=True)
    for f in (ag.var, ag.std):
        y = f(x, 1)
        assert y.data.tolist() == [0, 0, 0, 0]
        (d,) = ag.grad(y.sum(), x)
        assert not d.data.any()


@pytest.mark.parametrize("data", [[2.0], [3.0, 3.0], [0.1] * 10])
def test_second_derivative_of_std_of_equals_is_zero(data):
    x = Tensor(np.array(data), requires_grad=True)
    with ag.higher_order():
        y = ag.std(x)
    (d,) = ag.grad(y, x, create_graph=True)
    (second,) = ag.grad((d * np.arange(1.0, len(data) + 1)).sum(), x)
    assert not d.data.any() and not second.data.any()


@np.errstate(divide="ignore", invalid="ignore")
def test_as_many_degrees_of_freedom_as_elements_or_fewer():
    for f, numpy in ((ag.var, np.var), (ag.std, np.std)):
        for x, ddof in (([1.0, 2.0], 3), ([1.0, 2.0], 2), ([1.0], 1)):
            with pytest.warns(RuntimeWarning, match="Degrees of freedom"):
                expected = numpy(x, ddof=ddof)
            np.testing.assert_array_equal(f(x, ddof=ddof).data, expected)


def test_products_with_zeros_to_second_order():
    x = Tensor(np.array([[0.0, 2, 3], [0, 0, 4], [1, 2, 3]]), requires_grad=True)
    with ag.higher_order():
        y = ag.prod(x, 1).sum()
    (d,) = ag.grad(y, x, create_graph=True)
    np.testing.assert_array_equal(d.data, [[6, 0, 0], [0, 0, 0], [6, 3, 2]])
    (second,) = ag.grad(d[:, 0].sum(), x)  # d2 / dx0 dxi
    np.testing.assert_array_equal(second.data, [[0, 3, 2], [0, 4, 0], [0, 3, 2]])
