"""gradcheck: it accepts right gradients, and fails on what is off by a thousandth."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from leaves import leaf
from tapegrad.autograd import Tensor, special


def scaled_gradient(factor, in_second=1.0):
    @ag.op
    def cube(x):
        return x * x * x, lambda g: (g * x * x * (3 * factor),)

    return cube


def test_gradcheck_accepts_a_right_gradient_and_not_one_off_by_a_thousandth():
    x = leaf(5)
    assert ag.gradcheck(scaled_gradient(1.0), [x])
    assert ag.gradcheck(scaled_gradient(1.0), [x], order=2)
    for factor in (1.001, 0.999, -1, 0):
        with pytest.raises(AssertionError, match=r"gradient of input 0 \(shape \(5,\)\)"):
            ag.gradcheck(scaled_gradient(factor), [x])


def test_gradcheck_finds_a_fault_in_one_element_and_in_the_second_input():
    @ag.op
    def faulty(x, y):
        def backward(g):
            off = np.ones_like(y)
            off[-1] = 1.001
            return g * y, g * x * off

        return x * y, backward

    with pytest.raises(AssertionError, match="input 1"):
        ag.gradcheck(faulty, [leaf(20), leaf(20, seed=1)])
    ag.gradcheck(faulty, [leaf(20), leaf(20, seed=1).data])


def test_gradcheck_finds_a_fault_in_the_second_derivative():
    @ag.op
    def f(x):
        held = x.data if isinstance(x, Tensor) else x  # a constant by mistake, when it is run on Tensors
        return x * x, lambda g: (2 * g * held,)

    ag.gradcheck(f, [leaf(3)])
    with pytest.raises(AssertionError):
        ag.gradcheck(f, [leaf(3)], order=2)


def test_gradcheck_finds_a_missing_gradient():
    @ag.op
    def f(x):
        return x * x, lambda g: (None,)

    with pytest.raises(AssertionError):
        ag.gradcheck(f, [leaf(3)])


def test_gradcheck_compares_with_a_reference():
    ag.gradcheck(lambda x: special.softmax(x), [leaf(3)], reference=lambda x: np.exp(x) / np.exp(x).sum())
    with pytest.raises(AssertionError):
        ag.gradcheck(lambda x: special.softmax(x), [leaf(3)], reference=np.exp)


def test_gradcheck_asks_for_float64_and_something_to_check():
    with pytest.raises(TypeError, match="input 0 is float32; finite differences need float64"):
        ag.gradcheck(np.exp, [leaf(3, dtype=np.float32)])
    with pytest.raises(ValueError, match="no input requires a gradient"):
        ag.gradcheck(np.exp, [np.ones(3)])
    x = leaf(3)
    ag.gradcheck(np.exp, [x])
    assert x.grad is None


def test_in_place_under_no_grad_keeps_the_graph_as_in_pytorch():
    x = ag.Tensor(np.ones(3), requires_grad=True)
    y = x * 2
    with ag.no_grad():
        y += 1
        y[0] = 5
    np.testing.assert_array_equal(y.data, [5, 3, 3])
    (y * y).sum().backward()
    np.testing.assert_array_equal(x.grad, [20, 12, 12])
