"""The backward walk: sums, ownership, freeing and refusing."""

import weakref

import numpy as np
import pytest

import tapegrad.autograd as ag
from leaves import leaf
from tapegrad.autograd import Tensor, modes

# ------------------------------------------------------------------------------------------- the walk


def test_chain():
    x = leaf(3)
    np.tanh(x * 2).sum().backward()
    np.testing.assert_allclose(x.grad, 2 * (1 - np.tanh(2 * x.data) ** 2))


def test_diamond():
    x = leaf(3)
    y = np.exp(x)
    (y * y + y).sum().backward()
    np.testing.assert_allclose(x.grad, 2 * np.exp(2 * x.data) + np.exp(x.data))


def test_a_gradient_that_two_parents_share_is_not_added_into():
    # x * 2 + (x + y): the backward of `+` passes one array to both sides
    x, y = leaf(3), leaf(3, seed=1)
    (x * 2 + (x + y)).sum().backward()
    np.testing.assert_array_equal(x.grad, [3, 3, 3])
    np.testing.assert_array_equal(y.grad, [1, 1, 1])


@pytest.mark.parametrize(
    "fn, expected",
    [
        (lambda x: x + x, lambda x: 2 + 0 * x),
        (lambda x: x * x, lambda x: 2 * x),
        (lambda x: x - x, lambda x: 0 * x),
        (lambda x: (x * x) * x, lambda x: 3 * x**2),
        (lambda x: np.concatenate([x, x * 3, x]), lambda x: 5 + 0 * x),
        (lambda x: np.stack([x, x]) @ x, lambda x: 4 * x),
        (lambda x: sum([x] * 7), lambda x: 7 + 0 * x),
    ],
)
def test_the_same_tensor_several_times(fn, expected):
    x = leaf(4)
    fn(x).sum().backward()
    np.testing.assert_allclose(x.grad, expected(x.data))


def test_one_weight_in_several_calls():
    w, h = leaf(3, 3), np.ones(3)
    ag.gradcheck(lambda w: np.tanh(w @ np.tanh(w @ np.tanh(w @ h))), [w])


def test_nodes_are_visited_after_all_their_consumers():
    # a long way and a short way to the same node: depth-first from the output would pass it too early
    x = leaf()
    y = x * 1
    z = y
    for _ in range(5):
        z = z * 2 + y
    z.backward()
    assert x.grad == 63


def test_zero_dimensional_arrays_all_the_way():
    x = leaf()
    (x * x * 3 + x).backward()
    assert type(x.grad) is np.ndarray and x.grad.shape == ()
    np.testing.assert_allclose(x.grad, 6 * x.data + 1)


@pytest.mark.parametrize("used", [[0], [1], [2], [0, 2], [0, 1, 2], [1, 1]])
def test_an_op_with_several_outputs_not_all_used(used):
    x = leaf(6)
    parts = np.split(x, [1, 3])
    total = sum((parts[i] * (i + 1)).sum() for i in used)
    total.backward()
    expected = np.zeros(6)
    for i in used:
        expected[[slice(0, 1), slice(1, 3), slice(3, 6)][i]] += i + 1
    np.testing.assert_array_equal(x.grad, expected)


def test_backward_from_one_of_several_outputs():
    x = leaf(4)
    a, b = np.split(x, 2)
    a.backward(np.array([1.0, 2.0]), retain_graph=True)
    b.backward(np.array([3.0, 4.0]))
    np.testing.assert_array_equal(x.grad, [1, 2, 3, 4])


def test_gradients_accumulate_over_calls():
    x = leaf(3)
    for _ in range(3):
        (x * 2).sum().backward()
    np.testing.assert_array_equal(x.grad, [6, 6, 6])
    x.grad = None
    assert x.grad is None
    (x * 2).sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 2, 2])


def test_broadcasting_is_undone():
    a, b, c, d = leaf(3, 1), leaf(4), leaf(), leaf(1, 1, 1)
    ((a + b) * c - d).backward(np.ones((1, 3, 4)))
    assert [t.grad.shape for t in (a, b, c, d)] == [(3, 1), (4,), (), (1, 1, 1)]
    np.testing.assert_allclose(a.grad, np.full((3, 1), 4 * c.data))
    np.testing.assert_allclose(c.grad, (a.data + b.data).sum())


def test_broadcasting_against_an_empty_axis():
    x = leaf(1, 3)
    (x + np.zeros((0, 3))).sum().backward()
    np.testing.assert_array_equal(x.grad, np.zeros((1, 3)))


def test_each_gradient_has_its_inputs_dtype():
    x, y = leaf(3, dtype=np.float32), leaf(3)
    z = x * y
    assert z.dtype == np.float64
    z.sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (np.float32, np.float64)


def test_a_chain_of_100_000_ops(no_gc):
    x = y = leaf(2)
    for _ in range(100_000):
        y = y + 1
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [1, 1])
    node = weakref.ref(y.node)
    del y
    assert node() is None


def test_a_chain_of_100_000_ops_is_freed_without_backward(no_gc):
    y = leaf(2)
    with ag.higher_order():
        for _ in range(100_000):
            y = np.tanh(y)
    node = weakref.ref(y.node)
    del y
    assert node() is None


# ---------------------------------------------------------------------------------- whose array is it


def graphs():
    """(leaves, output, seed) where gradients pass through ops that hand on views or the array itself."""
    a, b = leaf(3), leaf(3, seed=1)
    yield [a, b], a + b, np.ones(3)
    a = leaf(3)
    yield [a], a.reshape(3, 1), np.ones((3, 1))
    a, b = leaf(2, 3), leaf(2, 3)
    yield [a, b], np.concatenate([a, b]), np.ones((4, 3))
    a, b = leaf(2, 3), leaf(2, 3)
    yield [a, b], (a + b).T + (a * 1).T, np.ones((3, 2))
    a = leaf(2)
    yield [a], a, np.ones(2)
    a, b = leaf(3), leaf(3)
    yield [a, b], a * b, np.ones(3)


@pytest.mark.parametrize("case", range(len(list(graphs()))))
def test_grad_shares_memory_with_nothing(case):
    leaves, out, seed = list(graphs())[case]
    before = [x.data.copy() for x in leaves]
    for _ in range(2):
        out.backward(seed, retain_graph=True)
        for x, old in zip(leaves, before, strict=True):
            assert x.grad.flags.owndata and x.grad.flags.writeable
            others = [seed, out.data, *(y.data for y in leaves), *(y.grad for y in leaves if y is not x)]
            assert not any(np.shares_memory(x.grad, other) for other in others)
            np.testing.assert_array_equal(x.data, old)
        assert (seed == 1).all()


def test_results_of_grad_share_memory_with_nothing():
    x, y = leaf(3), leaf(3)
    seed = np.ones(3)
    gx, gy = ag.grad(x + y, [x, y], seed)
    assert not np.shares_memory(gx.data, gy.data) and not np.shares_memory(gx.data, seed)
    with ag.higher_order():
        z = x + y
    gx, gy = ag.grad(z, [x, y], Tensor(seed), create_graph=True)
    assert gx is not gy
    gx += 1
    np.testing.assert_array_equal(gy.data, [1, 1, 1])


def test_grad_can_be_assigned_and_is_copied():
    x, y = leaf(3), leaf(3)
    x.grad = y.grad = g = np.ones(3)
    (x * 2).sum().backward()
    np.testing.assert_array_equal(x.grad, [3, 3, 3])
    np.testing.assert_array_equal(y.grad, [1, 1, 1])
    np.testing.assert_array_equal(g, [1, 1, 1])
    held = x.grad
    x.grad *= 2
    assert x.grad is held
    x.grad = Tensor(np.zeros(3))
    assert type(x.grad) is np.ndarray
    with pytest.raises(ValueError, match=r"\(2,\) float64 for a Tensor of \(3,\) float64"):
        x.grad = np.ones(2)
    with pytest.raises(ValueError, match="float32"):
        x.grad = np.ones(3, np.float32)
    frozen = Tensor(1.0)  # as in PyTorch, a constant may hold one
    frozen.grad = None
    frozen.grad = np.ones(())
    assert frozen.grad == 1 and not frozen.requires_grad
    with pytest.raises(TypeError, match="int64"):
        Tensor(1).grad = np.ones((), int)


def test_an_assigned_zero_dimensional_grad_accumulates():
    x = leaf()
    x.grad = np.float64(2)
    (x * 3).backward()
    assert x.grad == 5


# ------------------------------------------------------------------------------- freeing and refusing


def test_a_second_backward_names_the_op():
    y = np.exp(leaf(3)).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="through sum a second time.*retain_graph"):
        y.backward()


def test_a_second_backward_through_a_shared_part_names_the_op():
    h = np.exp(leaf(3))
    (h * 2).sum().backward()
    with pytest.raises(RuntimeError, match="through exp a second time"):
        (h * 3).sum().backward()


def test_retain_graph():
    x = leaf(3)
    y = np.tanh(x * x).sum()
    y.backward(retain_graph=True)
    first = x.grad.copy()
    y.backward()
    np.testing.assert_array_equal(x.grad, 2 * first)


@pytest.mark.parametrize("shape", [(2,), (2, 3), (0,)])
def test_backward_needs_a_gradient_unless_there_is_one_element(shape):
    y = leaf(*shape) * 2
    with pytest.raises(RuntimeError, match=f"shape {y.shape}".replace("(", r"\(").replace(")", r"\)")):
        y.backward()


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_backward_from_one_element(shape):
    x = leaf(*shape)
    (x * 2).backward()
    np.testing.assert_array_equal(x.grad, np.full(shape, 2.0))


def test_a_gradient_of_the_wrong_shape():
    with pytest.raises(ValueError, match=r"shape \(3,\) for a Tensor of shape \(2,\)"):
        (leaf(2) * 1).backward(np.ones(3))


@pytest.mark.parametrize(
    "gradient", [[1, 2], np.array([1, 2]), Tensor([1.0, 2.0]), np.float32([1, 2]), leaf(2)]
)
def test_forms_of_the_gradient(gradient):
    x = Tensor(np.ones(2, np.float32), requires_grad=True)
    (x * 1).backward(gradient)
    assert type(x.grad) is np.ndarray and x.grad.dtype == np.float32
    np.testing.assert_allclose(x.grad, gradient.data if isinstance(gradient, Tensor) else gradient)
    x.grad = None
    x.backward(gradient)  # from the leaf itself
    assert type(x.grad) is np.ndarray and x.grad.dtype == np.float32


def test_backward_of_a_constant():
    for constant in (Tensor(1.0), leaf(2).detach(), Tensor(1.0) * 2):
        with pytest.raises(RuntimeError, match="no graph"):
            constant.backward()


def test_an_error_in_backward_leaves_the_process_usable():
    @ag.op
    def faulty(x):
        def backward(g):
            raise ZeroDivisionError("planted")

        return x * 1, backward

    x = leaf(3)
    for create_graph in (False, True):
        with ag.higher_order():
            y = faulty(np.tanh(x)).sum()
        with pytest.raises(ZeroDivisionError, match="planted"):
            ag.grad(y, x, create_graph=create_graph)
        assert modes.current.get().grad and not modes.current.get().recipes
        assert x.grad is None
    (x * 2).sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 2, 2])
