"""What grad and its kind refuse, and what they say."""

import math

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, functions

X = np.array([0.5, 1.0, 1.5])
ALL = {  # each as transform(f)(x)
    "grad": ag.grad,
    "value_and_grad": ag.value_and_grad,
    "elementwise_grad": ag.elementwise_grad,
    "jacobian": ag.jacobian,
    "hessian": ag.hessian,
    "vjp": lambda f: lambda x: ag.vjp(f, x),
    "jvp": lambda f: lambda x: ag.jvp(f, (x,), (x,)),
    "hvp": lambda f: lambda x: ag.hvp(f, (x,), (x,)),
}
every = pytest.mark.parametrize("name", ALL)


def refused(kind, message, fn, *args, **kwargs):
    with pytest.raises(kind) as caught:
        fn(*args, **kwargs)
    assert message in str(caught.value), str(caught.value)


@every
@pytest.mark.parametrize(
    "x", [3, True, np.arange(3), np.array([True]), Tensor(np.arange(3)), np.int64(2), 1j]
)
def test_inputs_that_are_no_floats(name, x):
    refused(TypeError, f"{'jacobian' if name == 'hessian' else name}: argument 0 is", ALL[name](np.sum), x)


def test_the_place_of_what_is_no_float_is_told_and_the_advice_works():
    def f(p):
        return (p["w"][1] * 2.0).sum()

    refused(TypeError, "argument 0['w'][1] is int64 of shape (3,)", ag.grad(f), {"w": [1.0, np.arange(3)]})
    assert ag.grad(f)({"w": [1.0, np.arange(3).astype(float)]})["w"][1].tolist() == [2, 2, 2]
    refused(TypeError, "argument 0 is int, and", ag.grad(np.sin), 2)
    refused(TypeError, "argument 0['w'] is a set, and must be an array", ag.grad(f), {"w": {1.0}})
    refused(TypeError, "argument 0 is a object", ag.grad(f), object())


@every
@pytest.mark.parametrize("result", [3.0, X, None, "words"])
def test_functions_that_return_no_tensor(name, result):
    refused(TypeError, "the function returns", ALL[name](lambda x: result), X)


def test_what_no_tensor_says():
    refused(TypeError, "is a float, and no Tensor", ag.grad(lambda x: x.sum().item()), X)
    refused(TypeError, "does not turn into a number", ag.grad(lambda x: math.sin(x)), 0.5)
    refused(TypeError, "returns is a ndarray of shape (3,), and no Tensor", ag.jacobian(lambda x: x.data), X)
    refused(TypeError, "returns[1] is a int", ag.jacobian(lambda x: (x, 3)), X)
    refused(TypeError, "a Tensor of int64, which has no derivative", ag.grad(np.argmax), X)
    refused(TypeError, "without any Tensor", ag.jacobian(lambda x: []), X)


@pytest.mark.parametrize("name", ["grad", "value_and_grad", "hvp"])
def test_outputs_that_are_no_number(name):
    refused(ValueError, "a Tensor of shape (3,), and must return one number", ALL[name](np.sin), X)
    refused(ValueError, "ag.jacobian", ALL[name](np.sin), X)
    refused(ValueError, "ag.elementwise_grad", ALL[name](np.sin), X)
    refused(TypeError, "returns a tuple, and must return one Tensor", ALL[name](lambda x: (x.sum(), x)), X)
    assert ag.grad(lambda x: x[:1] ** 2)(X).tolist() == [1, 0, 0]  # one element is a number, as in backward


def test_auxiliary_results_that_are_not_there():
    for fn in (ag.grad, ag.value_and_grad, ag.jacobian, ag.hessian):
        refused(TypeError, "has_aux=True the function returns (value, aux)", fn(np.sum, has_aux=True), X)
    refused(TypeError, "not a tuple", ag.grad(lambda x: (x.sum(), 1, 2), has_aux=True), X)
    refused(TypeError, "(value, aux)", ag.vjp, np.sum, X, has_aux=True)
    refused(TypeError, "(value, aux)", ag.jvp, np.sum, (X,), (X,), has_aux=True)


def test_what_no_path_leads_to_has_zeros():
    gx, gy = ag.grad(lambda x, y: (x * x).sum(), (0, 1))(X, {"y": X})
    assert gy["y"].tolist() == [0, 0, 0] and gx.tolist() == [1, 2, 3]
    assert ag.grad(lambda x: Tensor(3.0))(X).tolist() == [0, 0, 0]
    value, tangent = ag.jvp(lambda x: (x, Tensor([1.0, 2.0])), (X,), (X,))
    assert tangent[1].tolist() == [0, 0]
    assert ag.vjp(lambda x, y: x, X, X)[1](X)[1].tolist() == [0, 0, 0]
    assert ag.hvp(lambda x: x.sum(), (X,), (X,)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("argnums", [1, -2, (0, 1), 5])
def test_arguments_that_are_not_there(argnums):
    for fn in (ag.grad, ag.value_and_grad, ag.jacobian, ag.hessian, ag.elementwise_grad):
        refused(
            ValueError, f"argnums is {argnums!r}; the function was given 1 positional", fn(np.sum, argnums), X
        )
    refused(ValueError, "0 positional arguments, which have numbers, and by name ['a']", ag.grad(np.sum), a=X)
    np.testing.assert_allclose(ag.grad(np.sum, argnums="a")(a=X), np.ones(3))  # as it says
    refused(ValueError, "argnums is 'b'; the function was given 1 positional", ag.grad(np.sum, "b"), X)
    refused(ValueError, "by name ['axis']", ag.grad(np.sum, "keepdims"), X, axis=0)
    refused(ValueError, "argnums is 'rest'", ag.grad(lambda *rest: rest[0].sum(), "rest"), X)

    def unnamed(x):
        return x.sum()

    unnamed.__signature__ = "none"  # as of some functions written in C
    refused(ValueError, "argnums is 'x'", ag.grad(unnamed, "x"), X)


def test_argnums_of_another_kind():
    for argnums in (1.0, Tensor(X), (0, 1.0), None, True, ("x", True), {0}):
        for fn in (ag.grad, ag.value_and_grad, ag.jacobian, ag.hessian, ag.elementwise_grad):
            refused(TypeError, "must be an int, the name of an argument, or", fn, np.sum, argnums)
    refused(TypeError, "grad(f)(x)", ag.grad, np.sum, X)
    refused(ValueError, "names an argument twice", ag.grad(np.dot, (0, -2)), X, X)
    refused(ValueError, "names an argument twice", ag.grad(lambda x, y: x @ y, (0, "x")), X, X)
    refused(ValueError, "grad: no argument is given to", ag.grad(np.dot, ()), X, X)
    refused(ValueError, "vjp: no argument is given to", ag.vjp, lambda: Tensor(1.0))
    refused(ValueError, "jvp: no argument is given to", ag.jvp, lambda: Tensor(1.0), (), ())
    refused(ValueError, "hvp: no argument is given to", ag.hvp, np.sum, (), ())


@pytest.mark.parametrize("x", [None, "x"])
def test_an_argument_without_any_number(x):
    for fn in (ag.grad, ag.value_and_grad, ag.jacobian, ag.hessian, ag.elementwise_grad):
        refused(
            TypeError, f"argument 0 is {x!r}, and derivatives are with respect to floats", fn(lambda x: x), x
        )
    assert ag.grad(lambda a: a["x"] * 2)({"x": 1.0, "of": x}) == {"x": 2.0, "of": x}


def test_what_is_no_function():
    for fn in (ag.value_and_grad, ag.elementwise_grad, ag.jacobian, ag.hessian):
        refused(TypeError, "first argument is a Tensor of shape (3,), and must be a function", fn, Tensor(X))
    refused(TypeError, "vjp: the first argument is a ndarray", ag.vjp, X, X)
    refused(TypeError, "jvp: the first argument is a float", ag.jvp, 2.0, (X,), (X,))
    refused(TypeError, "hvp: the first argument is None", ag.hvp, None, (X,), (X,))
    refused(TypeError, "grad() got an unexpected keyword argument 'argnum'", ag.grad, np.sum, argnum=1)
    refused(TypeError, "grad: outputs is float", ag.grad, 2.0, Tensor(X))
    refused(
        ValueError, "mode is one of 'auto', 'reverse', 'forward', not 'fwd'", ag.jacobian, np.sum, mode="fwd"
    )


@pytest.mark.parametrize("fn", [ag.jvp, ag.hvp])
def test_tangents_that_do_not_fit(fn):
    def f(p, q):
        return (p["a"] * q).sum()

    primals = {"a": X}, 2.0
    refused(TypeError, "primals is a ndarray, and must be a tuple", fn, np.sum, X, X)
    refused(TypeError, "tangents is a ndarray, and must be a tuple", fn, np.sum, (X,), X)
    refused(ValueError, "1 tangents for 2 primals", fn, f, primals, (primals[0],))
    refused(ValueError, "tangents[0] is a ndarray, and must be a dict", fn, f, primals, (X, 1.0))
    refused(ValueError, "tangents[0] has ['b'], and must be a dict of ['a']", fn, f, primals, ({"b": X}, 1.0))
    refused(ValueError, "tangents[0]['a'] is a list, and must be an array", fn, f, primals, ({"a": [1]}, 1.0))
    refused(ValueError, "shape (2,) for a Tensor of shape (3,)", fn, f, primals, ({"a": X[:2]}, 1.0))
    refused(ValueError, "shape () for a Tensor of shape (3,)", fn, f, primals, ({"a": 1.0}, 1.0))
    refused(TypeError, ".astype(np.float64)", fn, f, primals, ({"a": X.astype("f4")}, 1.0))
    refused(TypeError, "bool", fn, f, primals, ({"a": X}, True))
    refused(TypeError, "bool", fn, f, primals, ({"a": X > 1}, 1.0))
    refused(TypeError, "complex128", fn, f, primals, ({"a": X * 1j}, 1.0))
    refused(TypeError, "int64", fn, f, primals, ({"a": Tensor(np.arange(3))}, 1.0))
    fn(f, primals, ({"a": X}, 1))  # a number of Python's has the dtype of what is beside it
    fn(lambda x: x**2, (np.float32(1),), (1.0,))


def test_vectors_that_do_not_fit():
    value, pull = ag.vjp(lambda x: (x, {"sum": x.sum()}), X)
    refused(ValueError, "the vector has ['1 items'], and must be a tuple of ['2 items']", pull, (X,))
    refused(
        ValueError, "the vector[1] has ['total'], and must be a dict of ['sum']", pull, (X, {"total": 1.0})
    )
    refused(ValueError, "the vector is a ndarray, and must be a tuple", pull, X)
    refused(ValueError, "shape (2,) for a Tensor of shape (3,)", pull, (X[:2], {"sum": 1.0}))
    refused(TypeError, "float32 for a Tensor of float64", pull, (X.astype("f4"), {"sum": 1.0}))
    assert pull([X, {"sum": 1.0}])[0].tolist() == (X + 1).tolist()


def test_tensors_that_leave_the_function_have_no_gradient_to_give():
    kept = []

    def f(x):
        kept.append(x * 2)
        return (x * x).sum()

    ag.grad(f)(X)
    refused(RuntimeError, "arrives at an argument of a function", kept[0].sum().backward)
    ag.grad(f)(X)
    refused(RuntimeError, "has_aux=True", kept[1].sum().backward)
    assert kept[0].detach().data.tolist() == [1, 2, 3]

    slots = Tensor(np.zeros(3))

    def g(x):
        slots[0] = x[0]
        return x.sum()

    ag.grad(g)(X)
    refused(TypeError, "does not turn into a number", float, slots[0])
    refused(RuntimeError, "arrives at an argument", (slots * 2).sum().backward)


def test_functions_that_change_what_is_around_them():
    weight, total, log = Tensor(X, requires_grad=True), [Tensor(np.zeros(3))], np.zeros(3)

    def after_use(x):
        y = (weight * x).sum()
        with ag.no_grad():
            weight[...] = weight * 2
        return y

    refused(RuntimeError, "was changed in place after the forward pass", ag.grad(after_use), X)
    np.testing.assert_array_equal(weight.data, 2 * X)

    def summed(x):
        total[0] = total[0] + x
        return (total[0] * x).sum()

    np.testing.assert_array_equal(ag.grad(summed)(X), 2 * X)
    np.testing.assert_array_equal(ag.grad(summed)(X), 3 * X)  # the first x is a constant

    def logged(x):
        log[...] = x
        return (log * x).sum()

    refused(TypeError, "does not turn into an ndarray by itself", ag.grad(logged), X)
    np.testing.assert_array_equal(log, np.zeros(3))


def test_a_tree_that_changes_from_call_to_call():
    keys = iter("abcdef")

    def f(x):
        return {next(keys): x**2}

    _, pull = ag.vjp(f, X)
    f(X)
    np.testing.assert_array_equal(pull({"a": X})[0], 2 * X * X)  # the tree of its own run
    refused(ValueError, "the vector has ['b'], and must be a dict of ['a']", pull, {"b": X})
    assert list(ag.jacobian(f)(X)) == ["c"] and list(ag.hessian(f)(X)) == ["d"]


def test_backward_inside_of_a_function_is_refused():
    def f(x):
        y = (x * x).sum()
        y.backward()
        return y

    refused(RuntimeError, "use ag.grad there", ag.grad(f), X)
    assert not functions.running


def test_the_mode_is_as_before_after_an_error():
    def f(x):
        raise KeyError("mine")

    for name, transform in ALL.items():
        with pytest.raises(KeyError, match="mine"):
            transform(f)(X)
        assert not functions.running, name
        assert not np.sin(Tensor(X, requires_grad=True)).node.recipe, name


def test_a_pull_without_a_vector_is_called_what_the_docstring_calls_it():
    _, pull = ag.vjp(np.sin, X)
    refused(TypeError, "pull() missing 1 required positional argument", pull)


def test_the_second_form_gives_zeros_where_asked():
    x, y = Tensor(X, requires_grad=True), Tensor(X, requires_grad=True)
    z = (x * x).sum()
    gx, gy = ag.grad(z, [x, y], materialize_grads=True, retain_graph=True)
    assert gx.data.tolist() == [1, 2, 3] and gy.data.tolist() == [0, 0, 0]
    assert ag.grad(z, [x, y], allow_unused=True, retain_graph=True)[1] is None
    refused(RuntimeError, "does not reach the outputs", ag.grad, z, [x, y], retain_graph=True)
    refused(ValueError, "leave out allow_unused", ag.grad, z, x, materialize_grads=True, allow_unused=False)
    (g,) = ag.grad(outputs=z, inputs=x)
    assert g.data.tolist() == [1, 2, 3]


def test_the_second_form_takes_a_number_for_one_output():
    x = Tensor(X, requires_grad=True)
    for weight in (2.0, 2, np.float64(2), np.array(2.0), [2.0], Tensor(2.0)):
        assert ag.grad((x * 3).sum(), x, weight)[0].tolist() == [6, 6, 6]
    refused(ValueError, "a gradient of shape () for a Tensor of shape (3,)", ag.grad, x * 3, x, 2.0)


def test_the_second_form_inside_of_the_first():
    def f(x):
        with ag.higher_order():
            y = (x**3).sum()
        (g,) = ag.grad(y, x, create_graph=True)
        return (g * g).sum()

    np.testing.assert_allclose(ag.grad(f)(X), 36 * X**3)


def test_the_functions_have_the_signature_of_what_they_differentiate():
    import inspect

    def density(x, *, width=1.0):
        """Of a normal distribution."""
        return np.exp(-(x**2) / width)

    g = ag.grad(density)
    assert g.__name__ == "grad(density)" and g.__doc__ == density.__doc__
    assert inspect.signature(g) == inspect.signature(density)
    assert not hasattr(ag.grad(ag.tanh), "facts")  # an op, which the gradient is not
