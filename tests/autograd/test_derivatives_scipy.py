"""SciPy's solvers take functions of ag as they are."""

import warnings

import numpy as np
import pytest

import tapegrad.autograd as ag

optimize = pytest.importorskip("scipy.optimize")
integrate = pytest.importorskip("scipy.integrate")
START = np.array([0.8, 1.1, 0.9])


def valley(x, scale=100.0):
    return scale * ((x[1:] - x[:-1] ** 2) ** 2).sum() + ((1 - x[:-1]) ** 2).sum()


def curves(x):
    return np.stack([x[0] ** 2 + x[1] - 3, x[0] - x[1] ** 2 + 1])


def product(x, v):
    return ag.hvp(valley, (x,), (v,))


@pytest.mark.parametrize("method", ["CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP", "trust-constr"])
def test_minimizers_of_first_order(method):
    for start in (START, [0.8, 1.1, 0.9]):
        found = optimize.minimize(ag.value_and_grad(valley), start, (10.0,), jac=True, method=method)
        np.testing.assert_allclose(found.x, np.ones(3), atol=5e-3)


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"])
def test_minimizers_with_products(method):
    # trust-constr tries the product on zeros of int8
    found = optimize.minimize(valley, START, jac=ag.grad(valley), hessp=product, method=method)
    np.testing.assert_allclose(found.x, np.ones(3), rtol=1e-3)


@pytest.mark.parametrize("method", ["Newton-CG", "dogleg", "trust-ncg", "trust-exact", "trust-krylov"])
def test_minimizers_with_hessians(method):
    start = [1.1, 1.2, 1.4] if method == "dogleg" else START  # which needs it to be positive definite
    found = optimize.minimize(valley, start, jac=ag.grad(valley), hess=ag.hessian(valley), method=method)
    np.testing.assert_allclose(found.x, np.ones(3), rtol=1e-3)


@pytest.mark.parametrize("method", ["Nelder-Mead", "Powell", "COBYLA"])
def test_minimizers_without_derivatives_see_the_same_function(method):
    assert optimize.minimize(valley, START, method=method).fun == pytest.approx(0, abs=0.1)


def test_constraints():
    def square(x):
        return (x * x).sum()

    disc = optimize.NonlinearConstraint(
        square, 0, 1, jac=ag.grad(square), hess=lambda x, v: v[0] * ag.hessian(square)(x)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own approximations
        found = optimize.minimize(
            ag.value_and_grad(valley), [0.1, 0.2], jac=True, method="trust-constr", constraints=disc
        )
    np.testing.assert_allclose(found.x, [0.78642, 0.61769], atol=1e-4)


@pytest.mark.parametrize("method", ["hybr", "lm", "trf", "dogbox"])
def test_systems_of_equations(method):
    solve = optimize.root if method == "hybr" else optimize.least_squares
    found = solve(curves, [1.0, 1.0], jac=ag.jacobian(curves), method=method)
    np.testing.assert_allclose(curves(found.x), [0, 0], atol=1e-7)


def test_equations_of_one_unknown():
    def f(x):
        return np.cos(x) - x

    found = optimize.root_scalar(f, x0=0.5, fprime=ag.grad(f), fprime2=ag.grad(ag.grad(f)), method="halley")
    assert f(found.root) == pytest.approx(0, abs=1e-12)
    squares = np.array([0.25, 1.0, 2.0])
    root = optimize.newton(
        lambda x: x**2 - squares, np.ones(3), fprime=ag.elementwise_grad(lambda x: x**2 - squares)
    )
    np.testing.assert_allclose(root, np.sqrt(squares))


def test_curves_are_fitted():
    def model(x, a, b):
        return a * np.exp(-b * x)

    x = np.linspace(0, 1, 20)

    def slopes(x, a, b):
        return np.stack(ag.jacobian(model, ("a", "b"))(x, a, b), -1)

    found, _ = optimize.curve_fit(model, x, model(x, 2.0, 3.0), p0=[1.0, 1.0], jac=slopes)
    np.testing.assert_allclose(found, [2, 3])


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
def test_stiff_equations(method):
    def robertson(t, y):
        slow, fast = -0.04 * y[0] + 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
        return np.stack([slow, -slow - fast, fast])

    slopes = ag.jacobian(robertson, "y")

    def jac(t, y):  # f2py, by which older SciPy calls it for LSODA, passes as many arguments as it sees here
        return slopes(t, y)

    found = integrate.solve_ivp(robertson, (0, 10), [1.0, 0, 0], method=method, jac=jac, rtol=1e-6)
    np.testing.assert_allclose(found.y[:, -1], [0.841370, 1.6234e-5, 0.158614], rtol=1e-3)
