"""What a gradient that is recorded takes from the forward pass, in place of doing it again."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, engine
from tapegrad.autograd.once import saves_nothing

X = np.array([0.3, -0.7, 1.1])
SLOPE, BEND = 1 / np.cosh(X) ** 2, -2 * np.tanh(X) / np.cosh(X) ** 2


def recorded(f, x=X):
    x = Tensor(x, requires_grad=True)
    with ag.higher_order():
        return x, f(x)


def names(*roots):
    return [node.name for node in engine.reachable([t.edge for t in roots])]


def test_results_are_those_of_the_forward_pass():
    w = np.arange(9.0).reshape(3, 3)
    x, y = recorded(lambda x: np.tanh(w @ np.exp(x)).sum(axis=0))
    (slope,) = ag.grad(y, x, create_graph=True)
    found = names(slope, y)
    assert found.count("tanh") == found.count("exp") == 1
    assert found.count("matmul") == 2  # forward, and the gradient


def test_the_whole_graph_may_be_freed_on_the_way():
    x, y = recorded(np.tanh)
    (slope,) = ag.grad(y, x, np.ones(3), create_graph=True, retain_graph=False)
    np.testing.assert_allclose(slope.data, SLOPE)
    slope.sum().backward()
    np.testing.assert_allclose(x.grad, BEND)


def test_a_result_that_was_written_to_is_computed_again():
    x, y = recorded(np.tanh)
    y.detach()[...] = 5
    (slope,) = ag.grad(y, x, np.ones(3), create_graph=True)
    np.testing.assert_allclose(slope.data, SLOPE)
    np.testing.assert_allclose(ag.grad(slope.sum(), x)[0].data, BEND)


def test_an_op_within_its_own_body_is_another_call():
    def by_halves(x):
        s = sine(x * 0.5)
        y = 2 * s * np.sqrt(1 - s * s)
        return y, lambda g: (g * np.sqrt(1 - y * y),)

    @ag.op(plain=by_halves)
    def sine(x):
        y = np.sin(x)
        return y, lambda g: (g * np.cos(x),)

    _, tangent = ag.jvp(sine, (X,), (np.ones(3),))  # runs it on constants
    np.testing.assert_allclose(tangent, np.cos(X))
    np.testing.assert_allclose(ag.elementwise_grad(ag.elementwise_grad(sine))(X), -np.sin(X))


@pytest.mark.parametrize("change", [{"axis": 0}, {"axis": 1}, {"axis": (0, 1)}, {"keepdims": True}])
def test_other_arguments_are_another_call(change):
    @ag.op
    def centred(x, axis=None, keepdims=False):
        total = np.sum(np.sum(x * x, **change))

        def backward(g):
            return (g * 2 * x,)

        return total, backward

    x, y = recorded(centred, np.outer(X, X))
    (slope,) = ag.grad(y, x, create_graph=True)
    np.testing.assert_allclose(ag.grad(slope.sum(), x)[0].data, np.full((3, 3), 2.0))


# ------------------------------------------------------------------ backwards that are linear as they stand


def test_a_backward_that_saves_shapes_alone_is_recorded_as_it_is():
    runs = []

    @ag.op
    def spread(x):
        runs.append(type(x))
        n = x.shape[0]

        def backward(g):
            return (g.reshape(n),)

        return x.reshape(n, 1), backward

    x, y = recorded(lambda x: (spread(x) ** 3).sum())
    (slope,) = ag.grad(y, x, create_graph=True)
    assert runs == [np.ndarray]
    np.testing.assert_allclose(ag.grad(slope.sum(), x)[0].data, 6 * X)


class Product:
    """A backward that is no plain function."""

    def __init__(self, x):
        self.x = x

    def __call__(self, g):
        return (2 * g * self.x,)


def of_an_object(x):
    return x * x, Product(x)


def of_a_default(x):
    def backward(g, x=x):
        return (2 * g * x,)

    return x * x, backward


def of_a_keyword(x):
    def backward(g, *, x=x):
        return (2 * g * x,)

    return x * x, backward


def of_a_list(x):
    kept = [x]
    return x * x, lambda g: (2 * g * kept[0],)


def of_a_function(x):
    def slope():
        return 2 * x

    return x * x, lambda g: (g * slope(),)


@pytest.mark.parametrize("body", [of_an_object, of_a_default, of_a_keyword, of_a_list, of_a_function])
def test_what_a_backward_saves_elsewhere_is_seen(body):
    x, y = recorded(ag.op(body))
    (slope,) = ag.grad(y, x, np.ones(3), create_graph=True)
    np.testing.assert_allclose(ag.grad(slope.sum(), x)[0].data, [2, 2, 2])


def test_a_number_computed_from_the_input_is_not_taken_for_a_constant():
    @ag.op
    def scaled(x):
        size = float(abs(x).max())
        return x * size, lambda g: (g * size,)

    x, y = recorded(scaled)
    with pytest.raises((TypeError, RuntimeError), match="scaled"):
        ag.grad(y, x, np.ones(3), create_graph=True)


def test_what_saves_nothing():
    n, shape, parts, factor = 3, (2, 3), [slice(2), (1, ...)], 0.5
    assert saves_nothing(lambda g: g.reshape(shape)[n]) and saves_nothing(lambda g: [g[p] for p in parts])
    assert not saves_nothing(lambda g: g * factor)
    assert not saves_nothing(lambda g: g * X if shape is later else later)
    later = X


def test_values_are_nobody_elses():
    x = X.copy()
    value, slope = ag.value_and_grad(lambda x: x[:1].reshape(()))(x)
    value[...] = 7
    assert x[0] == X[0] and slope[0] == 1
    value, pull = ag.vjp(lambda x: x, x)
    value[...] = 7
    np.testing.assert_array_equal(x, X)
    seed = np.ones(3)
    (found,) = pull(seed)
    found[...] = 7
    np.testing.assert_array_equal(seed, np.ones(3))
    tall = ag.jacobian(lambda x: np.concatenate([x, x, x * x]), mode="forward")(x)
    assert tall.flags.c_contiguous and tall.flags.writeable and tall.base is None
