"""Derivatives of derivatives: `grad(..., create_graph=True)` under `higher_order()`."""

import contextlib

import numpy as np
import pytest

import kernels
import tapegrad.autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor, modes, special

X = np.random.default_rng(0).uniform(0.5, 1.5, (3, 3))


def leaf(data=X):
    return Tensor(np.array(data), requires_grad=True)


def derivatives(f, x, order):
    """f(x), then the sum's derivatives d/dx, d2/dx2 ... of an elementwise f."""
    with ag.higher_order():
        y = f(x)
    found = [y]
    for _ in range(order):
        (y,) = ag.grad(y, x, np.ones(y.shape), create_graph=True)
        found.append(y)
    return [y.data for y in found]


ELEMENTWISE = {  # f, its derivatives
    "tanh": (
        np.tanh,
        lambda x: 1 - np.tanh(x) ** 2,
        lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
        lambda x: (6 * np.tanh(x) ** 2 - 2) * (1 - np.tanh(x) ** 2),
    ),
    "cube": (lambda x: x**3, lambda x: 3 * x**2, lambda x: 6 * x, lambda x: 6 + 0 * x),
    "power": (
        lambda x: x**2.5,
        lambda x: 2.5 * x**1.5,
        lambda x: 3.75 * x**0.5,
        lambda x: 1.875 * x**-0.5,
    ),
    "exponential": (
        lambda x: 2.0**x,
        *[lambda x, k=k: np.log(2) ** k * 2.0**x for k in (1, 2, 3)],
    ),
    "log": (np.log, lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3),
    "sin": (np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x)),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3, lambda x: -6 / x**4),
    "sqrt": (np.sqrt, lambda x: 0.5 * x**-0.5, lambda x: -0.25 * x**-1.5, lambda x: 0.375 * x**-2.5),
    "composed": (
        lambda x: np.exp(np.sin(x)),
        lambda x: np.exp(np.sin(x)) * np.cos(x),
        lambda x: np.exp(np.sin(x)) * (np.cos(x) ** 2 - np.sin(x)),
        lambda x: np.exp(np.sin(x)) * np.cos(x) * (np.cos(x) ** 2 - 3 * np.sin(x) - 1),
    ),
    "in place": (
        lambda x: _in_place(x),
        lambda x: 2 * (x + 1) * (x + 1) ** 2 * 2,
        lambda x: 12 * (x + 1) ** 2,
        lambda x: 24 * (x + 1),
    ),
}


def _in_place(x):
    y = x * 1
    y += 1
    y *= y
    y *= y
    return y


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_three_derivatives_in_closed_form(name):
    f, *expected = ELEMENTWISE[name]
    for found, form in zip(derivatives(f, leaf(), 3), (f, *expected), strict=True):
        np.testing.assert_allclose(found, form(X), rtol=1e-12, atol=1e-14)


def test_the_derivatives_need_no_mode_after_the_forward():
    x = leaf()
    with ag.higher_order():
        y = x**3
    with ag.no_grad():
        (g,) = ag.grad(y, x, np.ones((3, 3)), create_graph=True)
        assert g.requires_grad
        (g,) = ag.grad(g, x, np.ones((3, 3)), create_graph=True)
    (g,) = ag.grad(g, x, np.ones((3, 3)))
    np.testing.assert_allclose(g.data, np.full((3, 3), 6.0))


def test_sums_of_gradients_are_differentiable_too():
    # a gradient with two arrivals and one that is unbroadcast: the engine's own sums
    x, b = leaf(), leaf(X[:1, :1])
    with ag.higher_order():
        y = (np.exp(x * b) * x).sum()
    with ag.no_grad():
        gx, gb = ag.grad(y, [x, b], create_graph=True)
    e = np.exp(X * X[0, 0])
    np.testing.assert_allclose(gb.data, [[(X * X * e).sum()]])
    (ggb,) = ag.grad(gb, b, retain_graph=True, create_graph=True)
    np.testing.assert_allclose(ggb.data, [[(X**3 * e).sum()]])
    (gggb,) = ag.grad(ggb, b, retain_graph=True)
    np.testing.assert_allclose(gggb.data, [[(X**4 * e).sum()]])
    (ggx,) = ag.grad(gx.sum(), x)
    np.testing.assert_allclose(ggx.data, e * (2 * X[0, 0] + X[0, 0] ** 2 * X))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: special.softmax(x, -1),
        lambda x: special.log_softmax(x, -1) * X,
        lambda x: x @ x,
        lambda x: x @ x[0],
        lambda x: np.tanh(x @ X) @ np.exp(-x),
        lambda x: np.einsum("ij,jk,kl->il", x, X, x),
        lambda x: special.softmax(x @ x.T, -1) @ x,
        lambda x: np.concatenate([x[1:], x[:1] * x[2:]]) ** 2,
        lambda x: np.split(x * x, 3)[1] * x.mean(axis=0),
        lambda x: np.var(x, axis=0) / (x.std() + 1),
        lambda x: kernels.layer_norm(x, x[0], x[1]),
        lambda x: np.where(x > 1, x * x, x**3),
        lambda x: x.reshape(9)[[0, 0, 3]] * x.T[0],
    ],
)
def test_second_derivatives_against_differences(f):
    ag.gradcheck(f, [leaf()], order=2, tolerance=1e-6)


def test_third_derivatives_against_differences():
    x, v = leaf(), np.random.default_rng(1).standard_normal((3, 3))

    def curvature(x):  # v^T H v
        with ag.higher_order():
            y = (special.softmax(np.tanh(x @ X), -1) * X).sum()
            (g,) = ag.grad(y, x, create_graph=True)
            (hv,) = ag.grad((g * v).sum(), x, create_graph=True)
            return (hv * v).sum()

    ag.gradcheck(curvature, [x], tolerance=1e-6)


def test_hessian_vector_products_make_the_hessian():
    A = X + X.T
    x = leaf(X[0])
    with ag.higher_order():
        y = x @ A @ x / 2 + np.exp(x).sum()
    (g,) = ag.grad(y, x, create_graph=True)
    np.testing.assert_allclose(g.data, A @ X[0] + np.exp(X[0]))
    hessian = [ag.grad((g * row).sum(), x, retain_graph=True)[0].data for row in np.eye(3)]
    np.testing.assert_allclose(hessian, A + np.diag(np.exp(X[0])))
    same = [ag.grad(g, x, row, retain_graph=True)[0].data for row in np.eye(3)]
    np.testing.assert_array_equal(same, hessian)


def test_mixed_derivatives_are_symmetric():
    x, y = leaf(), leaf(X.T)
    with ag.higher_order():
        z = (np.tanh(x @ y) * np.exp(x * y)).sum()
    gx, gy = ag.grad(z, [x, y], create_graph=True)
    u, v = np.random.default_rng(2).standard_normal((2, 3, 3))
    (xy,) = ag.grad((gx * u).sum(), y, retain_graph=True)
    (yx,) = ag.grad((gy * v).sum(), x)
    np.testing.assert_allclose((xy.data * v).sum(), (yx.data * u).sum())


def test_differentiating_with_respect_to_grad_outputs():
    # the double-backward trick: J^T v is linear in v, so its gradient in v is J
    x, v = leaf(X[0]), leaf(np.ones(3))
    with ag.higher_order():
        y = np.tanh(x) * x[0]
    (g,) = ag.grad(y, x, v, create_graph=True)
    u = np.array([1.0, 2.0, 3.0])
    (jvp,) = ag.grad((g * u).sum(), v)
    eps = 1e-6
    ahead, behind = (np.tanh(a) * a[0] for a in (X[0] + eps * u, X[0] - eps * u))
    np.testing.assert_allclose(jvp.data, (ahead - behind) / (2 * eps), rtol=1e-8)


def test_a_gradient_penalty_trains():
    rng = np.random.default_rng(0)
    w1, w2 = leaf(rng.standard_normal((4, 8)) * 0.5), leaf(rng.standard_normal((8, 1)) * 0.5)
    data = rng.standard_normal((16, 4))

    def loss_of():
        x = Tensor(data, requires_grad=True)
        with ag.higher_order():
            score = np.tanh(x @ w1) @ w2
            (g,) = ag.grad(score.sum(), x, create_graph=True)
            norm = np.sqrt((g * g).sum(axis=1))
            return (score * score).mean() + ((norm - 1) ** 2).mean() * 10, x

    losses = []
    for _ in range(30):
        loss, x = loss_of()
        loss.backward()
        losses.append(loss.item())
        assert x.grad.shape == data.shape
        with ag.no_grad():
            for w in (w1, w2):
                w -= 0.01 * w.grad
                w.grad = None
    assert losses[-1] < losses[0] / 2

    loss_of()[0].backward()
    eps, (i, j) = 1e-6, (2, 3)
    found = []
    for step in (eps, -eps):
        w1.data[i, j] += step
        found.append(loss_of()[0].item())
        w1.data[i, j] -= step
    np.testing.assert_allclose(w1.grad[i, j], (found[0] - found[1]) / (2 * eps), rtol=1e-6)


def test_a_result_joins_another_backward():
    x, w = leaf(), leaf(X.T)
    with ag.higher_order():
        y = (x**3).sum()
    (g,) = ag.grad(y, x, create_graph=True)
    (g * w).sum().backward()
    np.testing.assert_allclose(x.grad, 6 * X * X.T)
    np.testing.assert_allclose(w.grad, 3 * X**2)


def test_create_graph_retains_the_graph_unless_told_otherwise():
    x = leaf()
    with ag.higher_order():
        y = np.exp(x).sum()
    ag.grad(y, x, create_graph=True)
    ag.grad(y, x, create_graph=True, retain_graph=False)
    with pytest.raises(RuntimeError, match="second time"):
        ag.grad(y, x, create_graph=True)


def test_an_unused_gradient_and_one_that_is_constant():
    x, y = leaf(), leaf()
    with ag.higher_order():
        z = (x * 2).sum()
    gx, gy = ag.grad(z, [x, y], create_graph=True, allow_unused=True)
    assert gy is None and isinstance(gx, Tensor) and not gx.requires_grad
    np.testing.assert_array_equal(gx.data, np.full((3, 3), 2.0))
    (gs,) = ag.grad(z, z, create_graph=True)
    assert isinstance(gs, Tensor) and gs.data == 1


def test_create_graph_without_higher_order_says_so():
    x = leaf()
    y = np.tanh(x).sum()
    with pytest.raises(
        RuntimeError, match=r"needs the inputs of sum: run the forward under `with higher_order\(\):`"
    ):
        ag.grad(y, x, create_graph=True)
    y.backward()  # nothing was spoiled
    with ag.higher_order():
        z = np.tanh(x)
    with pytest.raises(RuntimeError, match="inputs of sum"):
        ag.grad(z.sum(), x, create_graph=True)


def test_recipes_are_kept_on_demand_only_and_freed_by_backward():
    x = leaf()
    assert np.tanh(x).node.recipe is None
    with ag.higher_order(), ag.no_grad():
        assert np.tanh(x).node is None
    with ag.higher_order():
        y = np.tanh(x)
    assert y.node.recipe is not None
    y.sum().backward()
    assert y.node.recipe is None and y.node.backward is None


def test_an_ordinary_backward_of_a_higher_order_recording():
    x = leaf()
    with ag.higher_order():
        y = np.tanh(x).sum()
    y.backward()
    np.testing.assert_allclose(x.grad, 1 - np.tanh(X) ** 2)


def test_rebinding_after_the_forward_does_not_matter():
    x = leaf()
    with ag.higher_order():
        h = x * 1
        y = (h**3).sum()
        h += 100
    (g,) = ag.grad(y, x, create_graph=True)
    (gg,) = ag.grad(g.sum(), x)
    np.testing.assert_allclose(gg.data, 6 * X)


def test_ops_with_none_and_list_inputs():
    x = leaf()
    with ag.higher_order():
        y = (kernels.layer_norm(x, None, x[0]) ** 2).sum() + (np.concatenate([x, X, x * x]) ** 3).sum()
    (g,) = ag.grad(y, x, create_graph=True)
    assert g.requires_grad and modes.current.get().grad
    ag.grad(g.sum(), x)


def test_a_plain_form_is_what_derivatives_are_made_of():
    def plain(x, n):
        return x * x * n, lambda g: (g * x * (2 * n),)

    @ag.op(inputs=1, plain=plain)
    def fast(x, n):
        assert type(x) is np.ndarray
        return x * x * n, lambda g: (np.asarray(g) * x * (2 * n),)

    ag.gradcheck(lambda x: fast(x, 3.0), [leaf()])
    ag.gradcheck(lambda x: fast(x, 3.0), [leaf()], order=2)


# ---------------------------------------------------------------------- entries, and the advice they give


def test_backward_says_where_gradients_with_a_graph_come_from():
    x = leaf()
    with pytest.raises(
        TypeError, match=r"^backward: .*create_graph=True.*ag\.grad\(outputs, inputs, create_"
    ):
        (x**3).sum().backward(create_graph=True)
    assert x.grad is None
    with ag.higher_order():
        (g,) = ag.grad((x**3).sum(), x, create_graph=True)
    g.sum().backward()
    np.testing.assert_allclose(x.grad, 6 * X)


def test_a_gradient_without_a_graph_says_how_it_had_one():
    x = leaf()
    (g,) = ag.grad((x**3).sum(), x)
    with pytest.raises(RuntimeError, match=r"it is a gradient that grad gave without create_graph=True"):
        g.sum().backward()


def test_the_advice_works_for_what_a_module_computes():
    layer = nn.Linear(3, 2).double()
    x = leaf(X)

    def penalty(mode):
        with mode:
            (g,) = ag.grad(np.tanh(layer(x)).sum(), x, create_graph=True)
        return (g * g).sum()

    with pytest.raises(RuntimeError, match=r"run the forward under `with higher_order\(\):`"):
        penalty(contextlib.nullcontext())
    penalty(ag.higher_order()).backward()
    assert layer.weight.grad.any()
