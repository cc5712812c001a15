"""A user's own op around a solver that takes ndarrays alone: one derivative, or more where it is said how."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from leaves import leaf
from tapegrad.autograd import Tensor

BOTH = ("reverse", "forward")
MATRIX = np.array([[4.0, 1, 0], [1, 3, 1], [0, 2, 2]])


def decay_by(solve_ivp, **facts):
    """y(1) of y' = -k y^2 from y(0), whose gradient is the adjoint equation, solved backward in time."""

    def solved(slope, times, start):
        return solve_ivp(slope, times, start, rtol=1e-10, atol=1e-12).y[:, -1]

    @ag.op(**facts)
    def decay(start, k):
        n, end = len(start), solved(lambda t, y: -k * y * y, (0, 1), start)

        def backward(g):
            def slope(t, z):
                y, a = z[:n], z[n : 2 * n]
                return np.concatenate([-k * y * y, 2 * k * y * a, [a @ (y * y)]])

            z = solved(slope, (1, 0), np.concatenate([end, g, [0]]))
            return z[n : 2 * n], z[-1]

        return end, backward

    return decay


def test_an_adjoint_by_solve_ivp_has_a_first_derivative():
    decay = decay_by(pytest.importorskip("scipy.integrate").solve_ivp, once=True)
    start, k = Tensor([0.5, 1.0], requires_grad=True), Tensor(0.7, requires_grad=True)
    y = decay(start, k)
    np.testing.assert_allclose(y.data, start.data / (1 + 0.7 * start.data), rtol=1e-8)
    assert ag.gradcheck(decay, [start, k], tolerance=1e-6)
    ds, dk = ag.grad(y, [start, k], np.ones(2))
    by_hand = (1 + 0.7 * start.data) ** -2
    np.testing.assert_allclose(ds.data, by_hand, rtol=1e-8)
    np.testing.assert_allclose(dk.data, -(start.data**2 * by_hand).sum(), rtol=1e-8)


@pytest.mark.parametrize("options", [{"order": 2}, {"mode": "forward"}])
def test_a_second_derivative_of_a_solver_says_why_there_is_none(options):
    solve_ivp = pytest.importorskip("scipy.integrate").solve_ivp
    inputs = [Tensor([0.5, 1.0], requires_grad=True), Tensor(0.7, requires_grad=True)]
    with pytest.raises(RuntimeError, match=r"^decay has a first derivative only, .*once=True.*op\(plain="):
        ag.gradcheck(decay_by(solve_ivp, once=True), inputs, **options)
    with pytest.raises(
        TypeError,
        match=r"^decay: .*run on Tensors.*would lose the gradient\. Give it .*plain=.*op\(once=True\)",
    ):
        ag.gradcheck(decay_by(solve_ivp), inputs, **options)


def test_what_is_differentiated_once_does_not_stand_in_the_way_of_the_rest():
    @ag.op(once=True)
    def outside(x):
        return np.sin(np.asarray(x)), lambda g: (np.asarray(g) * np.cos(x),)

    x, y = leaf(3), leaf(3, seed=1)
    with ag.higher_order():
        z = (outside(x) * y**3).sum()
    (g,) = ag.grad(z, y, create_graph=True)  # not by way of x
    (gg,) = ag.grad(g.sum(), y, retain_graph=True)
    np.testing.assert_allclose(gg.data, 6 * y.data * np.sin(x.data))
    with pytest.raises(RuntimeError, match="outside has a first derivative only"):
        ag.grad(z, x, create_graph=True)
    (d,) = ag.grad(z, x)  # nothing was spoiled
    np.testing.assert_allclose(d.data, np.cos(x.data) * y.data**3)


@pytest.mark.parametrize("read", ["item", "tolist", "tobytes"])
def test_a_body_that_reads_numbers_of_its_input_loses_no_derivative_in_silence(read):
    """x of n numbers times the first of them, which it takes for a number of Python's."""

    @ag.op
    def scaled(x):
        found = getattr(x[:1], read)()
        c = float(np.frombuffer(found)[0]) if read == "tobytes" else np.ravel(found).tolist()[0]
        at = np.zeros_like(x)
        at[0] = 1
        return x * c, lambda g: (g * c + (g * x).sum() * at,)

    x = leaf(3)
    assert ag.gradcheck(scaled, [x])
    np.testing.assert_allclose(ag.jacobian(scaled)(x.data), ag.jacobian(lambda x: x * x[0])(x.data))
    for differentiate in (
        lambda: ag.gradcheck(scaled, [x], order=2),
        lambda: ag.hessian(lambda x: scaled(x).sum())(x.data),
        lambda: ag.hvp(lambda x: scaled(x).sum(), (x.data,), (x.data,)),
        lambda: ag.grad(ag.elementwise_grad(scaled))(x.data),
    ):
        with pytest.raises(TypeError, match=rf"^scaled: .*{read}\(\) makes numbers .*Give it a form"):
            differentiate()
    assert len(x.tolist()) == 3 and isinstance(x[0].item(), float)  # elsewhere they may be read


def test_numbers_that_are_read_beside_a_body():
    """By a hook, of a recorded gradient; of what has no gradient, in a body; and by that of var to decide."""
    seen = []

    @ag.op
    def times_its_length(x):
        n = np.sum(np.ones_like(x)).item()
        return x * n, lambda g: (g * n,)

    x = leaf(3)
    x.register_hook(lambda g: seen.append(g.sum().item()))
    with ag.higher_order():
        y = (times_its_length(x) ** 2).sum()
    (g,) = ag.grad(y, x, create_graph=True)
    np.testing.assert_allclose(g.data, 18 * x.data)
    np.testing.assert_allclose(seen, 18 * x.data.sum())
    np.testing.assert_allclose(ag.grad(g.sum(), x)[0].data, np.full(3, 18.0))
    np.testing.assert_allclose(ag.hessian(np.var)(x.data), (2 * np.eye(3) - 2 / 3) / 3)


def test_a_jacobian_through_what_is_differentiated_once_goes_in_reverse():
    @ag.op(once=True)
    def outside(x):
        return np.sin(np.asarray(x)), lambda g: (g * np.cos(x),)

    def wide(x):
        return np.concatenate([outside(x), x * x])

    x = leaf(2).data
    expected = np.concatenate([np.diag(np.cos(x)), np.diag(2 * x)])
    np.testing.assert_allclose(ag.jacobian(wide)(x), expected)  # forward would take fewer passes
    for forward in (lambda: ag.jacobian(wide, mode="forward")(x), lambda: ag.jvp(wide, (x,), (x,))):
        with pytest.raises(RuntimeError, match="outside has a first .*ag.jacobian in reverse mode"):
            forward()
    np.testing.assert_allclose(ag.jacobian(wide, mode="reverse")(x), expected)  # as it says


def test_the_error_of_a_body_that_takes_no_tensors_keeps_its_class_and_its_cause():
    @ag.op
    def picky(x):
        if type(x) is not np.ndarray:
            raise AttributeError("arrays only")
        return x * x, lambda g: (2 * g * x,)

    with pytest.raises(AttributeError, match="^picky: .*there it failed: arrays only. Give") as failed:
        ag.gradcheck(picky, [leaf(3)], order=2)
    assert str(failed.value.__cause__) == "arrays only"

    @ag.op
    def singular(x):
        def backward(g):
            raise np.linalg.LinAlgError("no derivative here")

        return x * 1, backward

    with pytest.raises(np.linalg.LinAlgError, match="^no derivative here$"):
        ag.gradcheck(singular, [leaf(3)], mode="forward")


@pytest.mark.parametrize("way", [lambda x: [x.item(i) for i in range(x.size)], lambda x: x.tolist()])
def test_a_body_that_makes_numbers_of_its_input_has_no_second_derivative(way):
    # it computes with numbers that carry no graph: the derivative of its gradient would silently be zero
    @ag.op
    def cube(x):
        numbers = np.array(way(x))
        return numbers**3, lambda g: (g * 3 * numbers**2,)

    x = leaf(3)
    assert ag.gradcheck(cube, [x])
    with pytest.raises(TypeError, match=r"^cube: .*there it failed: (item|tolist)\(\) makes .*plain="):
        ag.hessian(lambda x: cube(x).sum())(x.data)
    assert way(np.sin(x)), "of a Tensor outside of an op"

    @ag.op(inputs=1)
    def power(x, n):
        return x ** n.item(), lambda g: (g * n.item() * x ** (n.item() - 1),)

    assert ag.gradcheck(lambda x: power(x, np.array(3)), [x], order=2)


def test_the_advice_of_an_op_with_one_derivative_works():
    @ag.op(once=True)
    def cube(x):
        return x**3, lambda g: (g * 3 * x**2,)

    def f(x):
        return cube(x) * np.ones(3)

    with pytest.raises(RuntimeError, match="^cube has .*jvp.*jacobian in reverse mode"):
        ag.jacobian(f, mode="forward")(2.0)
    np.testing.assert_allclose(ag.jacobian(f, mode="reverse")(2.0), np.full(3, 12.0))


def test_a_body_is_written_in_python():
    with pytest.raises(TypeError, match="op: the body is a builtin.*, and must be a function written in"):
        ag.op(max)
    with pytest.raises(TypeError, match="op: plain is a int"):
        ag.op(plain=3)(lambda x: (x, lambda g: (g,)))


@pytest.fixture
def sparse_solve():
    """x of A x = b; its gradient is the op of A^T, whose gradient is this one: any number of derivatives."""
    sparse, splu = pytest.importorskip("scipy.sparse"), pytest.importorskip("scipy.sparse.linalg").splu
    factors = splu(sparse.csc_matrix(MATRIX))

    def plain(b):
        return solve(b), lambda g: (solve_transposed(g),)

    def plain_transposed(b):
        return solve_transposed(b), lambda g: (solve(g),)

    @ag.op(plain=plain)
    def solve(b):
        return factors.solve(b), lambda g: (factors.solve(g, "T"),)

    @ag.op(plain=plain_transposed)
    def solve_transposed(b):
        return factors.solve(b, "T"), lambda g: (factors.solve(g),)

    return solve


def test_a_sparse_solve_whose_gradient_is_made_of_ops(sparse_solve):
    b = leaf(3)
    np.testing.assert_allclose(sparse_solve(b).data, np.linalg.solve(MATRIX, b.data))
    assert ag.gradcheck(sparse_solve, [b], mode=BOTH)
    for order in (2, 3):
        assert ag.gradcheck(lambda b: np.exp(sparse_solve(b)), [b], order=order, mode=BOTH, tolerance=1e-6)


def test_a_sparse_solve_without_a_plain_form_has_one_derivative():
    sparse, linalg = pytest.importorskip("scipy.sparse"), pytest.importorskip("scipy.sparse.linalg")
    matrix = sparse.csc_matrix(MATRIX)

    @ag.op
    def solve(b):
        return linalg.spsolve(matrix, b), lambda g: (linalg.spsolve(matrix.T.tocsc(), g),)

    assert ag.gradcheck(solve, [leaf(3)])
    with pytest.raises(TypeError, match=r"^solve: .*run on Tensors.*@op\(plain=\.\.\.\)"):
        ag.gradcheck(solve, [leaf(3)], order=2)
