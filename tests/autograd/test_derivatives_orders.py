"""Functions in, functions out: orders, nesting and matrices of derivatives."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tapegrad.autograd as ag
from derivative_cases import RNG, A, V, X, energy, several, wave, wave1, wave2, wave3
from tapegrad.autograd import Tensor
from tapegrad.autograd.stacked import Stacked

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


@pytest.mark.parametrize(
    "inner",
    [
        lambda f: ag.grad(f, has_aux=True)(X)[1],
        lambda f: ag.value_and_grad(f, has_aux=True)(X)[0][1],
        lambda f: ag.vjp(f, X, has_aux=True)[2],
        lambda f: ag.jvp(f, (X,), (V,), has_aux=True)[2],
    ],
)
def test_an_auxiliary_result_keeps_what_it_depends_on(inner):
    # that the value does not depend on it says nothing of aux
    found = ag.grad(lambda a: (a * inner(lambda y: ((y**2).sum(), {"a": a * 2}))["a"]).sum())(X)
    np.testing.assert_allclose(found, 4 * X)
    w = Tensor(V, requires_grad=True)
    _, aux = ag.grad(lambda y: ((y**2).sum(), y * w), has_aux=True)(Tensor(X))
    aux.sum().backward()
    np.testing.assert_allclose(w.grad, X)
    _, aux = ag.grad(lambda y: ((y**2).sum(), y * w), has_aux=True)(X)
    assert type(aux) is np.ndarray


@pytest.mark.parametrize("threads", [1, 3])
def test_a_function_may_compute_in_threads_of_its_own(threads):
    def f(a):
        def part(i):
            return a[i] * ag.grad(lambda b: b**2 * a[i])(1.0)  # 2 a_i^2

        with ThreadPoolExecutor(threads) as pool:
            return sum(pool.map(part, range(len(X))))

    np.testing.assert_allclose(ag.grad(f)(X), 4 * X)

    def g(a):
        with ThreadPoolExecutor(threads) as pool:
            return sum(pool.map(ag.higher_order(lambda i: a[i] ** 3), range(len(X))))

    np.testing.assert_allclose(ag.hessian(g)(X), np.diag(6 * X))
    with pytest.raises(RuntimeError, match="under `with higher_order.*`, inside of each thread"):
        ag.hessian(lambda a: ThreadPoolExecutor(threads).submit(lambda: (a**3).sum()).result())(X)


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
    assert wide.shape == (2, 20) and len(runs) == 1 and issubclass(runs[0], Stacked)


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


def test_the_order_of_the_keys_of_a_dict_does_not_matter():
    def f(p):
        return p["a"] ** 2 * p["b"]

    value, slope = ag.jvp(f, ({"a": X, "b": V},), ({"b": X, "a": V},))
    np.testing.assert_allclose(slope, 2 * X * V * V + X**3)
