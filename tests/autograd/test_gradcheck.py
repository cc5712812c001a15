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


@pytest.mark.parametrize(
    ("fn", "inputs", "says"),
    [
        (3, [], "the first argument is a int, and must be a function"),
        (np.exp, leaf(3), "inputs is a Tensor; give a list of Tensors"),
        (
            lambda x: x.data,
            [leaf(3)],
            "output 0 of the function is a ndarray, and must be a Tens",
        ),
        (lambda x: None, [leaf(3)], "output 0 of the function is a NoneType"),
        (lambda x: (x, x.argmax()), [leaf(3)], "output 1 of the function is a Tensor of int64"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"order": 2}, {"mode": "forward"}])
def test_gradcheck_says_what_it_takes(fn, inputs, says, options):
    with pytest.raises(TypeError, match=f"^gradcheck: {says}"):
        ag.gradcheck(fn, inputs, **options)


def test_gradcheck_of_what_has_no_graph_and_under_no_grad():
    for order in (1, 2):
        assert ag.gradcheck(lambda x: ag.Tensor(1.0), [leaf(3)], order=order, mode=("reverse", "forward"))
        with pytest.raises(AssertionError, match=r"gradient of input 0 .*0\.0, finite difference: "):
            ag.gradcheck(lambda x: ag.Tensor(np.exp(x.data)), [leaf(3)])
        with ag.no_grad():
            assert ag.gradcheck(np.exp, [leaf(3)], order=order, mode=("reverse", "forward"))


def test_in_place_under_no_grad_keeps_the_graph_as_in_pytorch():
    x = ag.Tensor(np.ones(3), requires_grad=True)
    y = x * 2
    with ag.no_grad():
        y += 1
        y[0] = 5
    np.testing.assert_array_equal(y.data, [5, 3, 3])
    (y * y).sum().backward()
    np.testing.assert_array_equal(x.grad, [20, 12, 12])


# ---------------------------------------------------------------------------- orders and both modes


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("mode", ["forward", ("reverse", "forward")])
def test_gradcheck_goes_forward_in_any_order(order, mode):
    def f(x, y):
        return [np.tanh(x) * y, np.sum(x * x)]

    assert ag.gradcheck(f, [leaf(2, 3), leaf(3, seed=1)], order=order, mode=mode)
    assert ag.gradcheck(f, [leaf(2, 3), leaf(3, seed=1).data], order=order, mode=mode)
    assert ag.gradcheck(lambda x: special.softmax(x), [leaf(0)], order=order, mode=mode)


def test_gradcheck_forward_finds_what_is_off_and_where():
    """An error in one output that the weighted sum of a reverse check could miss in others."""

    @ag.op
    def faulty(x, y):
        def backward(g):
            off = np.ones_like(g)
            off[2] = 1.001
            return g * y, g * x * off

        return x * y, backward

    def two(x, y):
        return [x * y, faulty(x, y)]

    with pytest.raises(
        AssertionError,
        match=r"^gradient of input 1 \(shape \(4,\)\), forward, at element 2 of output 1: .*difference: ",
    ):
        ag.gradcheck(two, [leaf(4), leaf(4, seed=1)], mode="forward")


def test_gradcheck_forward_finds_a_missing_gradient():
    @ag.op
    def f(x):
        return x * x, lambda g: (None,)

    with pytest.raises(AssertionError, match="forward, at element 0 of output 0: 0.0, finite difference"):
        ag.gradcheck(f, [leaf(3)], mode="forward")


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_gradcheck_says_which_order_is_off(mode):
    @ag.op(plain=lambda x: (x * x, lambda g: (g * (2.002 * x),)))
    def square(x):
        return x * x, lambda g: (g * (2 * x),)

    @ag.op(plain=lambda x: (x * square(x), lambda g: (g * (3 * square(x)),)))
    def cube(x):
        return x * x * x, lambda g: (g * (3 * x * x),)

    assert ag.gradcheck(square, [leaf(3)])
    with pytest.raises(AssertionError, match=r"^second derivative, gradient of input 0 \(shape \(3,\)\)"):
        ag.gradcheck(square, [leaf(3)], order=2, mode=mode)
    assert ag.gradcheck(cube, [leaf(3)], order=2)
    with pytest.raises(AssertionError, match=r"^third derivative, gradient of input 0"):
        ag.gradcheck(cube, [leaf(3)], order=3, mode=mode)


@pytest.mark.parametrize("mode", ["backward", (), ("reverse", "both"), "rev"])
def test_gradcheck_takes_two_modes(mode):
    with pytest.raises(ValueError, match=r'gradcheck: mode=.*takes "reverse", "forward" or'):
        ag.gradcheck(np.exp, [leaf(3)], mode=mode)


@pytest.mark.parametrize("order", [0, -1, 1.5, "2"])
def test_gradcheck_takes_an_order(order):
    with pytest.raises(ValueError, match=r"gradcheck: order=.*it takes 1, 2"):
        ag.gradcheck(np.exp, [leaf(3)], order=order)


def test_gradcheck_asks_each_mode():
    """Both of two: a sum of outputs that hides an error reverse, and a second derivative that is none."""

    @ag.op(once=True)
    def once(x):
        return x * x, lambda g: (2 * g * x,)

    assert ag.gradcheck(once, [leaf(3)], mode="reverse")
    for mode in (("reverse", "forward"), ("forward", "reverse"), "forward"):
        with pytest.raises(RuntimeError, match="once has a first derivative only"):
            ag.gradcheck(once, [leaf(3)], mode=mode)
