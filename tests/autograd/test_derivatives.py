"""Functions in, functions out: grad, value_and_grad, vjp, jvp, jacobian, hessian, hvp, elementwise_grad."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, modes
from tapegrad.autograd.stacked import Stacked

RNG = np.random.default_rng(0)
X = RNG.uniform(0.5, 1.5, 4)
V = RNG.normal(size=4)
A = RNG.normal(size=(3, 4))


def wave(x):
    """Of NumPy alone."""
    return np.sin(x) * x**2


def wave1(x):
    return np.cos(x) * x**2 + np.sin(x) * 2 * x


def wave2(x):
    return -np.sin(x) * x**2 + 4 * x * np.cos(x) + 2 * np.sin(x)


def wave3(x):
    return -np.cos(x) * x**2 - 6 * x * np.sin(x) + 6 * np.cos(x)


def energy(x):
    return np.exp(-(x @ x)) + (x**3).sum() * x[0]


def several(x):
    return np.tanh(A @ x) * x[1]


# ---------------------------------------------------------------------- arrays in, arrays out


def test_the_gradient_of_a_number():
    g = ag.grad(wave)(0.5)
    assert type(g) is np.ndarray and g.shape == ()
    np.testing.assert_allclose(g, wave1(0.5), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_come_back_as_arrays(dtype):
    x = X.astype(dtype)
    value, g = ag.value_and_grad(lambda x: (x**3).sum())(x)
    assert type(value) is type(g) is np.ndarray
    assert value.dtype == g.dtype == dtype
    np.testing.assert_allclose(g, 3 * x**2, rtol=1e-6)


def test_tensors_come_back_as_tensors_with_their_graph():
    t = Tensor(X, requires_grad=True)
    value, g = ag.value_and_grad(energy)(t)
    assert isinstance(value, Tensor) and isinstance(g, Tensor)
    (g * V).sum().backward()
    np.testing.assert_allclose(t.grad, ag.hessian(energy)(X) @ V, rtol=1e-12)
    constant = ag.grad(energy)(Tensor(X))
    assert isinstance(constant, Tensor) and not constant.requires_grad


def test_a_tensor_in_the_arguments_leaves_the_graph_of_what_the_function_reads():
    # a penalty on the gradient of a critic with respect to its input
    w = Tensor(A, requires_grad=True)
    g = ag.grad(lambda x: np.tanh(w @ x).sum())(Tensor(X))
    (g**2).sum().backward()
    found, w.grad = w.grad, None
    x = Tensor(X, requires_grad=True)
    with ag.higher_order():
        y = np.tanh(w @ x).sum()
    (g,) = ag.grad(y, x, create_graph=True)
    (g**2).sum().backward()
    np.testing.assert_allclose(found, w.grad, rtol=1e-12)
    assert type(ag.grad(lambda x: np.tanh(w @ x).sum())(X)) is np.ndarray


def test_recording_is_switched_on_inside_no_grad():
    with ag.no_grad():
        np.testing.assert_allclose(ag.grad(wave)(0.5), wave1(0.5))
        np.testing.assert_allclose(ag.grad(ag.grad(wave))(0.5), wave2(0.5))
        np.testing.assert_allclose(ag.jvp(wave, (0.5,), (1.0,))[1], wave1(0.5))
        np.testing.assert_allclose(ag.hessian(energy)(X), ag.jacobian(ag.grad(energy))(X))
        t = Tensor(X, requires_grad=True)
        assert not ag.grad(energy)(t).requires_grad
    assert not modes.current.get().recipes and modes.current.get().grad


def test_a_first_gradient_of_arrays_keeps_no_recipes():
    seen = []

    def f(x):
        y = np.exp(x)
        seen.append((y.node.recipe, modes.current.get().recipes))
        return y

    ag.grad(f)(0.5)
    ag.value_and_grad(f)(0.5)
    ag.elementwise_grad(f)(X)
    assert seen == [(None, False)] * 3


def test_results_are_nobody_elses_and_arguments_are_untouched():
    x = X.copy()

    def f(x):
        x[0] = x[1] * 2  # in place, as NumPy has it
        x += 1
        return (x * x).sum()

    g = ag.grad(f)(x)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_allclose(g, [0, 4 * (2 * X[1] + 1) + 2 * (X[1] + 1), *2 * (X[2:] + 1)])
    value, pull = ag.vjp(lambda x: x, x)
    (found,) = pull(V)
    assert not np.shares_memory(value, x) and not np.shares_memory(found, V)


def test_a_vjp_is_not_changed_by_what_is_written_to_its_argument():
    x = X.copy()
    _, pull = ag.vjp(lambda x: x**2, x)
    x[:] = 0
    np.testing.assert_allclose(pull(V)[0], 2 * X * V)
    np.testing.assert_allclose(pull(V)[0], 2 * X * V)


# ---------------------------------------------------------------------- arguments


def test_argnums_and_keywords():
    def f(x, y, *, scale=1.0):
        return (x * y**2).sum() * scale

    np.testing.assert_allclose(ag.grad(f)(X, V, scale=3.0), 3 * V**2)
    np.testing.assert_allclose(ag.grad(f, 1)(X, V), 2 * X * V)
    np.testing.assert_allclose(ag.grad(f, argnums=-1)(X, V), 2 * X * V)
    gy, gx = ag.grad(f, (1, 0))(X, V)
    np.testing.assert_allclose(gy, 2 * X * V)
    np.testing.assert_allclose(gx, V**2)
    (only,) = ag.grad(f, (-2,))(X, V)
    np.testing.assert_allclose(only, V**2)
    np.testing.assert_allclose(ag.grad(f=f, argnums=1)(X, V), 2 * X * V)


def test_auxiliary_results():
    def f(x):
        return (x**2).sum(), {"twice": 2 * x, "name": "f"}

    g, aux = ag.grad(f, has_aux=True)(X)
    assert type(aux["twice"]) is np.ndarray and aux["name"] == "f"
    np.testing.assert_allclose(g, aux["twice"])
    (value, aux), g = ag.value_and_grad(f, has_aux=True)(X)
    np.testing.assert_allclose(value, X @ X)
    value, pull, aux = ag.vjp(f, X, has_aux=True)
    np.testing.assert_allclose(pull(1.0)[0], aux["twice"])
    value, tangent, aux = ag.jvp(f, (X,), (V,), has_aux=True)
    np.testing.assert_allclose(tangent, aux["twice"] @ V)
    t = Tensor(X, requires_grad=True)
    _, aux = ag.grad(f, has_aux=True)(t)
    assert aux["twice"].requires_grad


class Pair(NamedTuple):
    first: Any
    second: Any


@dataclasses.dataclass(frozen=True)
class Params:
    w: Any
    rest: Any
    name: str = "params"

    def __post_init__(self):
        if not isinstance(self.name, str):
            raise TypeError


def test_trees_of_every_kind():
    tree = Params({"a": X, "b": [X, (Pair(0.5, X[:2]), None)]}, ())

    def f(p):
        pair = p.w["b"][1][0]
        return (p.w["a"] * p.w["b"][0] ** 2).sum() * pair.first + (pair.second**2).sum()

    g = ag.grad(f)(tree)
    assert type(g) is Params and g.name == "params" and g.rest == ()
    assert type(g.w["b"]) is list and g.w["b"][1][1] is None
    pair = g.w["b"][1][0]
    assert type(pair) is Pair
    np.testing.assert_allclose(g.w["a"], X**2 / 2)
    np.testing.assert_allclose(g.w["b"][0], X * X)
    np.testing.assert_allclose(pair.first, (X**3).sum())
    np.testing.assert_allclose(pair.second, 2 * X[:2])


def leaves(tree):
    if isinstance(tree, dict):
        return [leaf for item in tree.values() for leaf in leaves(item)]
    return [leaf for item in tree for leaf in leaves(item)] if isinstance(tree, list | tuple) else [tree]


arrays = st.lists(st.floats(-2, 2), min_size=1, max_size=3).map(np.array)
TREES = st.recursive(
    arrays,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.sampled_from("abc"), inner, min_size=1),
        st.builds(Pair, inner, inner),
    ),
    max_leaves=6,
)


def mapped(fn, tree):
    if isinstance(tree, dict):
        return {key: mapped(fn, item) for key, item in tree.items()}
    if isinstance(tree, Pair):
        return Pair(*(mapped(fn, item) for item in tree))
    return type(tree)(mapped(fn, item) for item in tree) if isinstance(tree, list | tuple) else fn(tree)


@settings(max_examples=40, deadline=None)
@given(TREES, st.integers(0, 100))
def test_jvp_is_the_transpose_of_vjp_on_any_tree(tree, seed):
    rng = np.random.default_rng(seed)

    def f(tree):
        total = sum((leaf**2).sum() for leaf in leaves(tree))
        return mapped(lambda leaf: np.sin(leaf) * total, tree)

    def random(x):
        return rng.normal(size=np.shape(x))

    v = mapped(random, tree)
    value, tangent = ag.jvp(f, (tree,), (v,))
    again, pull = ag.vjp(f, tree)
    u = mapped(random, value)
    (pulled,) = pull(u)
    assert repr(mapped(np.shape, pulled)) == repr(mapped(np.shape, tree))

    def product(a, b):
        return sum(float((p * q).sum()) for p, q in zip(leaves(a), leaves(b), strict=True))

    np.testing.assert_allclose(product(u, tangent), product(pulled, v), rtol=1e-9, atol=1e-9)
    for a, b in zip(leaves(value), leaves(again), strict=True):
        np.testing.assert_array_equal(a, b)


# ---------------------------------------------------------------------- orders


def test_three_orders_by_every_way():
    for order, expected in enumerate([wave1, wave2, wave3], 1):
        g = f = wave
        j = wave
        for _ in range(order):
            f, g = ag.grad(f), ag.elementwise_grad(g)
            j = (lambda inner: lambda x: ag.jvp(inner, (x,), (np.ones_like(x),))[1])(j)
        np.testing.assert_allclose(f(0.7), expected(0.7), rtol=1e-12)
        np.testing.assert_allclose(g(X), expected(X), rtol=1e-12)
        np.testing.assert_allclose(j(X), expected(X), rtol=1e-12)


def test_the_order_falls_to_zero():
    def f(x):
        return x**2

    for expected in (6.0, 2.0, 0.0, 0.0):
        f = ag.grad(f)
        assert f(3.0) == expected


def test_perturbations_are_not_confused():
    g = ag.grad
    assert g(lambda x: x * g(lambda y: x + y)(1.0))(1.0) == 1.0
    assert g(lambda x: x * g(lambda y: x * y)(1.0))(2.0) == 4.0
    assert g(lambda x: g(lambda y: y * y)(3.0) + 0 * x)(2.0) == 0.0
    assert g(lambda x: x * g(lambda x: x * x)(x))(3.0) == 12.0
    assert g(lambda x: g(lambda y: x * y)(x))(3.0) == 1.0  # the same number, and two arguments
    forward = g(lambda x: ag.jvp(lambda y: x * y * y * x, (3.0,), (1.0,))[1])(2.0)
    assert forward == 24.0
    assert ag.jvp(lambda x: x * ag.jvp(lambda y: x + y, (1.0,), (1.0,))[1], (1.0,), (1.0,))[1] == 1.0
    assert ag.jvp(lambda x: g(lambda y: x**2 * y**2)(3.0), (2.0,), (1.0,))[1] == 24.0
    product = g(lambda x: ag.hvp(lambda y: x**2 * y**3, (2.0,), (1.0,)))(3.0)
    assert product == 2 * 3 * 6 * 2
    assert g(lambda x: ag.vjp(lambda y: y**2, 3.0)[1](x)[0])(1.0) == 6.0  # linear in the vector
    np.testing.assert_allclose(g(lambda x: ag.jacobian(lambda y: x * y * y)(X).sum())(2.0), 2 * X.sum())
    three = g(lambda x: g(lambda y: g(lambda z: x**2 * y**3 * z**2)(2.0))(3.0))(1.0)
    assert three == 2 * 27 * 4


def test_inside_of_no_grad_nothing_is_linked():
    def f(x):
        with ag.no_grad():
            slope = ag.grad(lambda y: x * y)(1.0)
        assert type(slope) is np.ndarray
        return x * slope

    assert ag.grad(f)(3.0) == 3.0


def test_numbers_of_a_solver_inside_stay_arrays():
    # what depends on nothing that is differentiated is an array there, too
    def f(x):
        slope = ag.grad(wave)(0.5)
        assert type(slope) is np.ndarray
        return x * slope

    np.testing.assert_allclose(ag.grad(f)(3.0), wave1(0.5))


def test_products_with_vectors_that_have_a_graph():
    u = RNG.normal(size=3)
    value, pull = ag.vjp(several, X)
    _, (twice,) = ag.jvp(pull, (u,), (u,))
    np.testing.assert_allclose(twice, pull(u)[0])
    t = Tensor(u, requires_grad=True)
    (pull(t)[0] * V).sum().backward()
    np.testing.assert_allclose(t.grad, ag.jvp(several, (X,), (V,))[1], rtol=1e-12)
    v = Tensor(V, requires_grad=True)
    (ag.jvp(several, (X,), (v,))[1] * u).sum().backward()
    np.testing.assert_allclose(v.grad, pull(u)[0], rtol=1e-12)
    assert type(ag.jvp(several, (X,), (Tensor(V),))[1]) is np.ndarray


def test_the_product_of_gauss_and_newton():
    _, u = ag.jvp(several, (X,), (V,))
    _, pull = ag.vjp(several, X)
    (product,) = pull(u)
    j = ag.jacobian(several)(X)
    np.testing.assert_allclose(product, j.T @ (j @ V), rtol=1e-12)


# ---------------------------------------------------------------------- matrices


@pytest.mark.parametrize("mode", ["auto", "reverse", "forward"])
def test_jacobians(mode):
    y = np.tanh(A @ X)
    expected = (1 - y**2)[:, None] * A * X[1] + np.outer(y, [0, 1, 0, 0])
    np.testing.assert_allclose(ag.jacobian(several, mode=mode)(X), expected, rtol=1e-12)
    j = ag.jacobian(lambda x, m: m @ x, argnums=(0, 1), mode=mode)(X, A)
    np.testing.assert_allclose(j[0], A)
    np.testing.assert_allclose(j[1], np.einsum("ij,k->ijk", np.eye(3), X))


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_jacobians_of_trees(mode):
    def f(p, x):
        y = p["w"] @ x + p["b"]
        return {"y": y, "parts": [(y**2).sum(), p["b"] * 2]}

    j = ag.jacobian(f, mode=mode)({"w": A, "b": A[:, 0]}, X)
    y = A @ X + A[:, 0]
    np.testing.assert_allclose(j["y"]["w"], np.einsum("ij,k->ijk", np.eye(3), X))
    np.testing.assert_allclose(j["y"]["b"], np.eye(3))
    np.testing.assert_allclose(j["parts"][0]["w"], 2 * np.outer(y, X))
    np.testing.assert_allclose(j["parts"][0]["b"], 2 * y)
    np.testing.assert_array_equal(j["parts"][1]["w"], np.zeros((3, 3, 4)))
    np.testing.assert_array_equal(j["parts"][1]["b"], 2 * np.eye(3))


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("shape, cut", [((), 0), ((0,), 0), ((1,), 0), ((2, 3), 1), ((3, 0), 1)])
def test_jacobians_at_edges(mode, shape, cut):
    x = np.linspace(0.5, 1.5, int(np.prod(shape))).reshape(shape)
    found = ag.jacobian(lambda x: (x * 2).sum(tuple(range(cut))) if cut else x * 2, mode=mode)(x)
    identity = 2 * np.eye(x.size).reshape(shape + shape)
    assert found.shape == shape[cut:] + shape
    np.testing.assert_array_equal(found, identity.sum(tuple(range(cut))) if cut else identity)


def test_auto_walks_the_fewer_times():
    runs = []

    @ag.op
    def double(x):
        def backward(g):
            runs.append(type(g))
            return (2 * g,)

        return 2 * x, backward

    tall = ag.jacobian(lambda x: double(x) * np.ones((50, 2)))(X[:2])
    assert tall.shape == (50, 2, 2) and runs == [Tensor]  # while it is recorded
    runs.clear()
    wide = ag.jacobian(lambda x: double(x).reshape(2, 10).sum(1))(np.ones(20))
    assert wide.shape == (2, 20) and runs == [Stacked]


def test_the_function_runs_once():
    calls = []

    def f(x):
        calls.append(1)
        return several(x)

    for transform in (ag.jacobian(f), ag.jacobian(f, mode="forward"), ag.hessian(f)):
        calls.clear()
        transform(X)
        assert calls == [1]


def test_hessians():
    h = ag.hessian(energy)(X)
    np.testing.assert_allclose(h, h.T, rtol=1e-12)
    np.testing.assert_allclose(ag.hvp(energy, (X,), (V,)), h @ V, rtol=1e-12)
    np.testing.assert_allclose(ag.jvp(ag.grad(energy), (X,), (V,))[1], h @ V, rtol=1e-12)
    np.testing.assert_allclose(ag.jacobian(ag.grad(energy), mode="forward")(X), h, rtol=1e-12)
    np.testing.assert_array_equal(ag.hessian(lambda x: (3 * x).sum())(X), np.zeros((4, 4)))
    assert ag.hessian(several)(X).shape == (3, 4, 4)
    blocks = ag.hessian(lambda x, y: (x**2 * y).sum(), (0, 1))(X, V)
    np.testing.assert_allclose(blocks[0][0], np.diag(2 * V))
    np.testing.assert_allclose(blocks[0][1], np.diag(2 * X))
    np.testing.assert_array_equal(blocks[1][1], np.zeros((4, 4)))


def test_a_hessian_of_a_tree_and_products_with_it():
    def f(p):
        return (p["a"] ** 2).sum() * p["b"] ** 3

    h = ag.hessian(f)({"a": X, "b": 2.0})
    np.testing.assert_allclose(h["a"]["a"], 16 * np.eye(4))
    np.testing.assert_allclose(h["a"]["b"], h["b"]["a"])
    np.testing.assert_allclose(h["b"]["b"], 12 * X @ X)
    found = ag.hvp(f, ({"a": X, "b": 2.0},), ({"a": V, "b": 1.0},))
    np.testing.assert_allclose(found["a"], h["a"]["a"] @ V + h["a"]["b"])
    x, y = ag.hvp(lambda x, y: (x * y**2).sum(), (X, V), (V, X))
    np.testing.assert_allclose(x, 2 * V * X)
    np.testing.assert_allclose(y, 2 * V * V + 2 * X * X)


def test_long_chains_are_differentiated_twice():
    def f(x):
        for _ in range(20_000):
            x = x * 1.00001
        return x * x

    np.testing.assert_allclose(ag.grad(ag.grad(f))(0.5), 2 * 1.00001**40_000, rtol=1e-9)


def test_scipy_takes_them_as_they_are():
    optimize = pytest.importorskip("scipy.optimize")

    def valley(x, scale):
        return scale * ((x[1:] - x[:-1] ** 2) ** 2).sum() + ((1 - x[:-1]) ** 2).sum()

    for start in (np.zeros(3), [0.0, 0.0, 0.0]):
        found = optimize.minimize(ag.value_and_grad(valley), start, args=(100.0,), jac=True)
        np.testing.assert_allclose(found.x, np.ones(3), rtol=1e-5)
    found = optimize.minimize(
        lambda x: valley(x, 100.0),
        np.zeros(3),
        method="trust-ncg",
        jac=ag.grad(lambda x: valley(x, 100.0)),
        hessp=lambda x, v: ag.hvp(lambda x: valley(x, 100.0), (x,), (v,)),
    )
    np.testing.assert_allclose(found.x, np.ones(3), rtol=1e-5)


def test_the_order_of_the_keys_of_a_dict_does_not_matter():
    def f(p):
        return p["a"] ** 2 * p["b"]

    value, slope = ag.jvp(f, ({"a": X, "b": V},), ({"b": X, "a": V},))
    np.testing.assert_allclose(slope, 2 * X * V * V + X**3)
