"""Functions in, functions out: arrays and Tensors, arguments and trees."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad.autograd as ag
from derivative_cases import A, V, X, energy, wave, wave1, wave2
from tapegrad.autograd import Tensor, modes

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


def test_arguments_by_name():
    def f(x, y, *, p=None):
        return (x * y**2).sum() * p["scale"]

    p = {"scale": 3.0, "none": None}
    assert np.isclose(ag.grad(f, "p")(X, V, p=p)["scale"], X @ V**2)
    assert ag.grad(f, "p")(X, V, p=p)["none"] is None
    np.testing.assert_allclose(ag.grad(f, "y")(X, y=V, p=p), 6 * X * V)
    np.testing.assert_allclose(ag.grad(f, "y")(X, V, p=p), 6 * X * V)  # given by its place
    gp, gx = ag.grad(f, ("p", 0))(X, V, p=p)
    assert np.isclose(gp["scale"], X @ V**2)
    np.testing.assert_allclose(gx, 3 * V**2)
    (value, (gx,)) = ag.value_and_grad(f, ("x",))(p=p, y=V, x=X)
    np.testing.assert_allclose(gx, 3 * V**2)
    np.testing.assert_allclose(ag.hessian(f, "y")(X, V, p=p), np.diag(6 * X))
    np.testing.assert_allclose(ag.jacobian(lambda x, y: x * y, "y")(X, y=V), np.diag(X))
    np.testing.assert_allclose(ag.elementwise_grad(lambda x, y: x * y, "y")(X, y=V), X)
    assert ag.grad(ag.grad(lambda x=0.0: x**3, "x"), "x")(x=2.0) == 12.0
    assert p == {"scale": 3.0, "none": None}


def test_numbers_of_arguments_of_other_kinds():
    for argnums in ([1, 0], (np.int64(1), -2), range(1, -1, -1)):
        gy, gx = ag.grad(np.dot, argnums)(X, V)
        np.testing.assert_allclose([gx, gy], [V, X])
    np.testing.assert_allclose(ag.grad(np.dot, np.int64(1))(X, V), X)


def test_keywords_hold_trees_of_arrays_and_tensors_from_around():
    def f(x, *, p, names=()):
        return (x**2 * p["w"][0]).sum() * len(names)

    np.testing.assert_allclose(ag.grad(f)(X, p={"w": [V]}, names=("a", "b")), 4 * X * V)
    found = ag.grad(lambda w: (ag.grad(f)(X, p={"w": [w]}, names="a") * V).sum())(A[0])
    np.testing.assert_allclose(found, 2 * X * V)
    w = Tensor(A[0], requires_grad=True)
    (ag.grad(f)(Tensor(X), p={"w": [w]}, names="a") * V).sum().backward()
    np.testing.assert_allclose(w.grad, 2 * X * V)


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
    for mode in ("auto", "reverse", "forward"):
        j, aux = ag.jacobian(lambda x: (x**2, f(x)[1]), has_aux=True, mode=mode)(X)
        np.testing.assert_allclose(j, np.diag(aux["twice"]))
        assert type(aux["twice"]) is np.ndarray
    h, aux = ag.hessian(f, 0, True)(X)
    np.testing.assert_allclose(h, 2 * np.eye(4))
    assert type(aux["twice"]) is np.ndarray and aux["name"] == "f"
    np.testing.assert_allclose(aux["twice"], 2 * X)
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
