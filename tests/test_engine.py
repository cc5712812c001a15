"""The tape: the walk, accumulation, hooks, grad modes, the version check, freeing of memory."""

import contextlib
import gc
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, engine, modes


def leaf(*shape, dtype=np.float64, seed=0):
    return Tensor(np.random.default_rng(seed).standard_normal(shape).astype(dtype), requires_grad=True)


@pytest.fixture
def no_gc():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


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
    with pytest.raises(RuntimeError, match="does not require"):
        Tensor(1.0).grad = np.ones(())


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
        assert modes.recording.get() and not modes.keeping_recipes.get()
        assert x.grad is None
    (x * 2).sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 2, 2])


# ------------------------------------------------------------------------------------ a user's own op


def make_op(gradients):
    @ag.op
    def mine(x, y):
        return x * y, lambda g: gradients(g, x, y)

    return mine


def test_own_op():
    mine = make_op(lambda g, x, y: (g * y, g * x))
    ag.gradcheck(mine, [leaf(3, 1), leaf(4, seed=1)])
    ag.gradcheck(mine, [leaf(3, 1), leaf(4, seed=1)], order=2)
    assert "mine" in repr(mine(leaf(2), 1.0))


@pytest.mark.parametrize(
    "gradients, message",
    [
        (lambda g, x, y: (g * y,), "mine: backward gave 1 gradients, .* each of 2 inputs"),
        (lambda g, x, y: (g * y, g * x, g), "mine: backward gave 3 gradients"),
        (lambda g, x, y: g * y, "mine: backward gave a ndarray, not a tuple"),
        (lambda g, x, y: None, "mine: backward gave a NoneType, not a tuple"),
        (lambda g, x, y: ((g * y).T, g * x), r"mine: .* shape \(3, 2\) for an input of \(2, 3\)"),
        (lambda g, x, y: (g * y, (g * x)[0]), r"mine: .* shape \(3,\) for an input of \(2, 3\)"),
        (lambda g, x, y: (g * y, (g * x)[:, :2]), r"mine: .* shape \(2, 2\) for an input of \(2, 3\)"),
        (lambda g, x, y: (g * y, (g * x).ravel()), r"mine: .* shape \(6,\) for an input of \(2, 3\)"),
        (lambda g, x, y: (g * y, 0), r"mine: .* shape \(\) for an input of \(2, 3\)"),
    ],
)
def test_own_op_with_a_faulty_backward(gradients, message):
    y = make_op(gradients)(leaf(2, 3), leaf(2, 3))
    with pytest.raises(RuntimeError, match=message):
        y.sum().backward()


def test_own_op_may_give_none_and_scalars():
    x, y = leaf(), leaf()
    make_op(lambda g, x, y: (None, np.float64(7)))(x, y).backward()
    assert x.grad is None and y.grad == 7 and type(y.grad) is np.ndarray


def test_own_op_with_attributes_defaults_and_keywords():
    @ag.op(inputs=2)
    def scaled(x, y=None, factor=2.0, *, needs):
        """x * y * factor"""
        y = 1.0 if y is None else y

        def backward(g):
            return g * y * factor, g * x * factor if needs[1] else None

        return x * y * factor, backward

    x, y = leaf(3), leaf(3, seed=1)
    np.testing.assert_allclose(scaled(y=y, x=x, factor=3.0).data, x.data * y.data * 3)
    np.testing.assert_allclose(scaled(x).data, x.data * 2)
    ag.gradcheck(lambda x, y: scaled(x, y, 5.0), [x, y])
    ag.gradcheck(lambda y: scaled(x.data, factor=5.0, y=y), [y])
    assert scaled.__doc__ == "x * y * factor"
    with pytest.raises(TypeError, match="misses its argument 'x'"):
        scaled(y=y)
    with pytest.raises(TypeError, match="scaled has no gradient for this argument"):
        scaled(x, y, leaf())


def test_own_op_that_returns_its_input():
    @ag.op
    def identity(x):
        return x, lambda g: (g,)

    x = leaf(3)
    y = identity(x)
    y *= 2
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 2, 2])
    assert not np.shares_memory(x.data, y.data)


def test_gradients_that_nobody_wants_are_dropped():
    asked = []

    @ag.op
    def product(x, y, *, needs):
        asked.append(list(needs))
        return x * y, lambda g: (g * y if needs[0] else None, g * x if needs[1] else None)

    x, y = leaf(2), leaf(2)
    product(x, y.data).sum().backward()
    product(x.data, y).sum().backward()
    with ag.no_grad():
        product(x, y)
    product(x.data, y.data)
    assert asked == [[True, False], [False, True], [False, False], [False, False]]


# ------------------------------------------------------------------------------------------- memory


def deep(x):
    for _ in range(3):
        x = np.tanh(x @ x) + ag.softmax(x) * np.exp(-x * x)
        a, b = np.split(x, 2)
        x = np.concatenate([b, a])
    return x.sum()


def nodes_of(tensor):
    return [weakref.ref(node) for node in engine.reachable([tensor.edge]) if node.edges]


@pytest.mark.parametrize("how", ["forward only", "backward", "retained", "higher order", "second order"])
def test_a_graph_is_freed_with_its_last_tensor(no_gc, how):
    x = leaf(4, 4)
    if how in ("higher order", "second order"):
        with ag.higher_order():
            y = deep(x)
    else:
        y = deep(x)
    refs = nodes_of(y)
    assert len(refs) > 20 and all(ref() is not None for ref in refs)
    if how == "backward":
        y.backward()
    elif how == "retained":
        y.backward(retain_graph=True)
    elif how == "second order":
        (g,) = ag.grad(y, x, create_graph=True)
        refs += nodes_of(g)
        (g * g).sum().backward()
        del g
    del y
    assert [ref() for ref in refs if ref() is not None] == []


def test_a_graph_is_freed_after_an_error_in_forward_and_backward(no_gc):
    @ag.op
    def faulty(x):
        def backward(g):
            raise ZeroDivisionError

        return x * 1, backward

    x = leaf(3)
    y = faulty(np.exp(x)).sum()
    refs = nodes_of(y)
    with contextlib.suppress(ValueError):
        y @ np.ones((7, 7))
    with contextlib.suppress(ZeroDivisionError):
        y.backward()
    del y
    assert [ref() for ref in refs if ref() is not None] == []


def test_backward_frees_what_ops_saved_as_it_passes(no_gc):
    x = leaf(3)
    y = np.exp(x)
    saved = weakref.ref(y.data)
    z = (y * 2).sum()
    del y
    assert saved() is not None
    z.backward()
    assert saved() is None


def test_a_first_order_tape_holds_only_what_its_backward_uses(no_gc):
    x = leaf(3)
    a = x * 2
    data = weakref.ref(a.data)
    y = a + 1
    del a
    assert data() is None
    y.sum().backward()


def held():
    """Bytes in arrays, and the number of objects. (Other bytes grow until Python's free lists are full.)"""
    numpy_only = tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)
    traces = tracemalloc.take_snapshot().filter_traces([numpy_only]).traces
    return sum(trace.size for trace in traces), len(gc.get_objects())


def test_memory_is_flat_over_100_steps(no_gc):
    w = [leaf(32, 32, seed=i) for i in range(3)]
    x = np.random.default_rng(0).standard_normal((8, 32))

    def step(second_order):
        with ag.higher_order():
            h = x
            for v in w:
                h = np.tanh(h @ v)
            loss = (h * h).mean()
        if second_order:
            loss = loss + sum((g * g).sum() for g in ag.grad(loss, w, create_graph=True))
        loss.backward()
        with ag.no_grad():
            for v in w:
                v -= 0.01 * v.grad
                v.grad = None

    for second_order in (False, True):
        tracemalloc.start()
        try:
            step(second_order)
            start = held()
            for _ in range(100):
                step(second_order)
            arrays, objects = held()
            assert arrays == start[0] and objects - start[1] < 20
        finally:
            tracemalloc.stop()


# -------------------------------------------------------------------------------------------- hooks


def test_hooks_on_leaf_and_inner_tensor_see_and_replace_the_complete_gradient():
    x = leaf(3)
    h = x * 2
    seen = []
    h.register_hook(lambda g: seen.append(("h", g.copy())))
    h.register_hook(lambda g: g * 10)
    h.register_hook(lambda g: seen.append(("h again", g.copy())))
    x.register_hook(lambda g: seen.append(("x", g.copy())))
    x.register_hook(lambda g: -g)
    (h * 3 + h).sum().backward()
    assert [name for name, _ in seen] == ["h", "h again", "x"]
    assert [g[0] for _, g in seen] == [4, 40, 80]
    np.testing.assert_array_equal(x.grad, [-80, -80, -80])


def test_a_hook_can_be_removed():
    x = leaf(3)
    calls = []
    remove = x.register_hook(lambda g: calls.append(1))
    other = x.register_hook(lambda g: calls.append(2))
    (x * 1).sum().backward()
    remove()
    remove()
    (x * 1).sum().backward()
    other()
    (x * 1).sum().backward()
    x.register_hook(lambda g: calls.append(3))
    (x * 1).sum().backward()
    assert calls == [1, 2, 2, 3]


def test_a_hook_gets_a_read_only_array_and_may_return_it():
    x = leaf(3)

    def scribble(g):
        with pytest.raises(ValueError, match="read-only"):
            g *= 2
        return g

    x.register_hook(scribble)
    (x * 2 + x).sum().backward()
    assert x.grad.flags.writeable
    np.testing.assert_array_equal(x.grad, [3, 3, 3])


@pytest.mark.parametrize("new", [Tensor(np.float32([1, 2, 3])), [1, 2, 3], np.array([1, 2, 3])])
def test_what_a_hook_returns_becomes_an_array_of_the_right_dtype(new):
    x = leaf(3)
    x.register_hook(lambda g: new)
    (x * 2).sum().backward()
    assert type(x.grad) is np.ndarray and x.grad.dtype == np.float64
    np.testing.assert_array_equal(x.grad, [1, 2, 3])


def test_a_hook_that_returns_another_shape():
    x = leaf(3)
    x.register_hook(lambda g: g[:2])
    with pytest.raises(ValueError, match=r"hook on leaf .* shape \(2,\), expected \(3,\)"):
        x.sum().backward()


def test_a_hook_on_one_of_several_outputs():
    a, b = np.split(leaf(4), 2)
    seen = []
    a.register_hook(lambda g: seen.append("a"))
    b.register_hook(lambda g: seen.append("b"))
    (b * 2).sum().backward()
    assert seen == ["b"]


def test_hooks_run_in_grad_and_are_differentiable_there():
    x = leaf(3)
    with ag.higher_order():
        h = x * x
        remove = h.register_hook(lambda g: g * 5)
        y = (h * h).sum()
    (g,) = ag.grad(y, x, create_graph=True)
    np.testing.assert_allclose(g.data, 5 * 4 * x.data**3)
    remove()
    (gg,) = ag.grad(g.sum(), x)
    np.testing.assert_allclose(gg.data, 5 * 12 * x.data**2)


def test_grad_runs_no_hook_beside_its_way():
    x, y = leaf(3), leaf(3)
    beside = y * 2
    y.register_hook(lambda g: pytest.fail("not on the way to x"))
    beside.register_hook(lambda g: pytest.fail("not on the way to x"))
    ag.grad((x * 2 + beside).sum(), x)


def test_a_hook_may_run_another_backward():
    x, y = leaf(3), leaf(3)
    x.register_hook(lambda g: (y * y).sum().backward())
    (x * 2).sum().backward()
    np.testing.assert_allclose(y.grad, 2 * y.data)
    np.testing.assert_array_equal(x.grad, [2, 2, 2])


def test_hooks_and_retain_grad_need_a_gradient():
    for method in (lambda t: t.register_hook(print), lambda t: t.retain_grad()):
        with pytest.raises(RuntimeError, match="does not require a gradient"):
            method(Tensor(1.0))


def test_retain_grad():
    x = leaf(3)
    h = (x * 2).retain_grad()
    h.retain_grad()
    assert h.grad is None
    y = (h * h).sum()
    y.backward(retain_graph=True)
    np.testing.assert_allclose(h.grad, 2 * h.data)
    y.backward()
    np.testing.assert_allclose(h.grad, 4 * h.data)
    assert not np.shares_memory(h.grad, x.grad)
    a, b = np.split(x * 1, [1])
    b.retain_grad()
    (b * 3).sum().backward()
    np.testing.assert_array_equal(b.grad, [3, 3])
    assert a.grad is None


def test_an_inner_tensor_keeps_no_gradient_unasked():
    x = leaf(3)
    h = x * 2
    h.sum().backward()
    assert h.grad is None
    with pytest.raises(RuntimeError, match="retain_grad"):
        h.grad = np.ones(3)


# ----------------------------------------------------------------------------------------- grad modes


def recording():
    return modes.recording.get()


def test_no_grad_and_enable_grad_nest():
    x = leaf(3)
    with ag.no_grad():
        assert not (x * 2).requires_grad
        with ag.enable_grad():
            assert (x * 2).requires_grad
            with ag.no_grad():
                assert not (x * 2).requires_grad
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_a_mode_object_is_reentrant():
    mode = ag.no_grad()
    with mode:
        with mode, ag.enable_grad():
            with mode:
                assert not recording()
            assert recording()
        assert not recording()
    assert recording()


def test_a_mode_ends_with_an_exception():
    for mode in (ag.no_grad, ag.higher_order):
        with pytest.raises(KeyError), mode():
            raise KeyError
    assert recording() and not modes.keeping_recipes.get()


@pytest.mark.parametrize("decorate", [ag.no_grad, ag.no_grad()])
def test_modes_decorate_functions(decorate):
    @decorate
    def factorial(n):
        """doc"""
        assert not recording()
        return 1 if n == 0 else n * factorial(n - 1)

    assert factorial(5) == 120 and factorial.__doc__ == "doc" and factorial.__name__ == "factorial"
    assert recording()

    @decorate
    def fails():
        raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert recording()


def test_higher_order_decorates_too():
    @ag.higher_order
    def f(x):
        return np.tanh(x).sum()

    x = leaf(3)
    (g,) = ag.grad(f(x), x, create_graph=True)
    assert g.requires_grad and not modes.keeping_recipes.get()


@pytest.mark.parametrize("decorate", [ag.no_grad, ag.no_grad()])
def test_a_decorated_generator_leaves_its_caller_alone(decorate):
    log = []

    @decorate
    def count(n):
        log.append(("start", recording()))
        try:
            for i in range(n):
                got = yield i
                log.append((got, recording()))
        except KeyError:
            log.append(("thrown", recording()))
            yield "caught"
        finally:
            log.append(("closed", recording()))
        return "done"

    steps = count(2)
    assert recording() and log == []
    assert next(steps) == 0 and recording()
    with ag.enable_grad():
        assert steps.send("hello") == 1 and recording()
    assert steps.throw(KeyError()) == "caught" and recording()
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value == "done" and recording()
    assert log == [("start", False), ("hello", False), ("thrown", False), ("closed", False)]

    log.clear()
    steps = count(2)
    next(steps)
    steps.close()
    assert log == [("start", False), ("closed", False)] and recording()
    with pytest.raises(StopIteration):
        next(steps)
    assert list(count(3)) == [0, 1, 2] and recording()


def test_two_decorated_generators_interleave():
    @ag.no_grad
    def off():
        for _ in range(3):
            yield recording()

    @ag.enable_grad
    def on():
        for _ in range(3):
            yield recording()

    with ag.no_grad():
        pairs = []
        for pair in zip(off(), on(), strict=True):
            pairs.append((*pair, recording()))
    assert pairs == [(False, True, False)] * 3
    assert recording()


def test_a_new_thread_records():
    found = {}

    def work(name):
        found[name, "before"] = recording()
        with ag.no_grad():
            barrier.wait()
            found[name, "inside"] = recording()
            barrier.wait()
        found[name, "after"] = recording()

    barrier = threading.Barrier(2)
    with ag.no_grad():
        threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not recording()
    assert found == {(i, when): when != "inside" for i in range(2) for when in ("before", "inside", "after")}


def test_threads_record_and_walk_at_once():
    results = []

    def work(seed):
        x = leaf(4, 4, seed=seed)
        for _ in range(50):
            x.grad = None
            deep(x).backward()
        results.append((seed, x.grad))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, g in results:
        x = leaf(4, 4, seed=seed)
        deep(x).backward()
        np.testing.assert_array_equal(x.grad, g)


# ------------------------------------------------------------------------------------ the version check


def touch(x):
    with ag.no_grad():
        x += 1


def write(x):
    x.data[...] = 2
    engine.mark_written(x.data)


def test_a_constant_that_was_written_to_is_noticed_too():
    frozen = ag.Tensor(np.ones(3))
    x = ag.Tensor(np.ones(3), requires_grad=True)
    y = (frozen * x).sum()
    write(frozen)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_notes_of_writes_go_with_their_arrays():
    before = len(engine._written)
    for _ in range(3):
        write(ag.Tensor(np.ones(3)))
    assert len(engine._written) == before


SAVES = {
    "multiply": lambda w, x: w * x,
    "matmul": lambda w, x: x @ w,
    "matmul of a view": lambda w, x: x @ w.mT,
    "matmul of a view of a view": lambda w, x: x @ w.T[::-1].reshape(3, 3),
    "square": lambda w, x: np.square(w),
    "divide": lambda w, x: x / w,
    "einsum, whose backward saves in a nested function": lambda w, x: np.einsum("ij,jk->ik", x, w),
    "linear": lambda w, x: ag.linear(x, w),
    "a constant view": lambda w, x: x * w.detach() + w,
}
SAVES_NOT = {
    "add": lambda w, x: x + w,
    "exp saves its result": lambda w, x: np.exp(w),
    "sum": lambda w, x: w.sum(axis=0),
    "slice": lambda w, x: w[1:],
    "concatenate": lambda w, x: np.concatenate([w, x]),
}


@pytest.mark.parametrize("change", [touch, write])
@pytest.mark.parametrize("name", SAVES)
def test_backward_refuses_data_that_changed(name, change):
    w, x = leaf(3, 3), leaf(3, 3, seed=1)
    y = SAVES[name](w, x).sum()
    change(w)
    with pytest.raises(
        RuntimeError, match=r"shares memory with a leaf of shape \(3, 3\) that was changed in place"
    ):
        y.backward()
    SAVES[name](w, x).sum().backward()  # a new forward is fine


@pytest.mark.parametrize("change", [touch, write])
@pytest.mark.parametrize("name", SAVES_NOT)
def test_backward_goes_through_where_nothing_changed_was_saved(name, change):
    w, x = leaf(3, 3), leaf(3, 3, seed=1)
    expected = ag.grad(SAVES_NOT[name](w, x).sum(), w)[0].data
    y = SAVES_NOT[name](w, x).sum()
    change(w)
    y.backward()
    np.testing.assert_array_equal(w.grad, expected)


def test_what_a_rerun_of_the_forward_would_read_is_checked_too():
    x = leaf(3)
    with ag.higher_order():
        y = np.exp(x).sum()
    touch(x)
    with pytest.raises(RuntimeError, match="exp: `an input`, which it saved"):
        ag.grad(y, x, create_graph=True)
    y.backward()  # exp saved its result


def test_a_write_elsewhere_does_not_matter():
    w, other = leaf(3, 3), leaf(3, 3)
    touch(w)
    y = (w * w).sum()
    touch(other)
    y.backward(retain_graph=True)
    y.backward()


def test_training_is_not_refused():
    w, v, x = leaf(3, 3), leaf(3, 3), np.ones((2, 3))
    for _ in range(3):
        loss = (np.tanh(x @ w) @ v).sum()
        loss.backward(retain_graph=True)
        loss.backward()
        touch(w)
        touch(v)
    generator = x @ w  # two alternating optimizers, as in a GAN: v changes while the graph of w is pending
    (generator.detach() @ v).sum().backward()
    touch(v)
    (generator @ v).sum().backward()


def test_the_check_is_quick_on_a_long_graph():
    w = y = leaf(2)
    for _ in range(20_000):
        y = y + 1
    touch(leaf(2))
    y.sum().backward()
    assert w.grad is not None


def test_written_leaves_are_not_kept_alive(no_gc):
    x = leaf(3)
    touch(x)
    node = weakref.ref(x.node)
    del x
    assert node() is None


# ---------------------------------------------------------------------------------------------- grad


def test_grad_of_several_outputs_for_several_inputs():
    x, y = leaf(3), leaf(3, seed=1)
    gx, gy = ag.grad([(x * y).sum(), x * 2], [x, y], [None, np.array([1.0, 2, 3])])
    np.testing.assert_allclose(gx.data, y.data + [2, 4, 6])
    np.testing.assert_allclose(gy.data, x.data)
    assert x.grad is None and y.grad is None
    assert isinstance(gx, Tensor) and not gx.requires_grad


def test_grad_at_inner_tensors():
    x = leaf(3)
    h = np.tanh(x)
    y = (h * h).sum()
    gh, gx, gy = ag.grad(y, [h, x, y], retain_graph=True)
    np.testing.assert_allclose(gh.data, 2 * h.data)
    np.testing.assert_allclose(gx.data, 2 * h.data * (1 - h.data**2))
    assert gy.data == 1
    (again,) = ag.grad(y, h)
    np.testing.assert_allclose(again.data, gh.data)
    assert ag.grad(x, x, np.ones(3))[0].data.tolist() == [1, 1, 1]


def test_grad_at_one_of_several_outputs():
    a, b = np.split(leaf(4), 2)
    ga, gb = ag.grad((a * b).sum(), [a, b])
    np.testing.assert_array_equal(ga.data, b.data)
    np.testing.assert_array_equal(gb.data, a.data)


def test_grad_of_the_same_output_or_input_twice():
    x = leaf(3)
    y = (x * x).sum()
    a, b = ag.grad([y, y], [x, x])
    np.testing.assert_allclose(a.data, 4 * x.data)
    np.testing.assert_allclose(b.data, 4 * x.data)
    assert a is not b and not np.shares_memory(a.data, b.data)


def test_grad_of_an_unused_input():
    x, y = leaf(3), leaf(3)
    with pytest.raises(
        RuntimeError, match=r"input 1 \(shape \(3,\)\) does not reach the outputs; allow_unused"
    ):
        ag.grad((x * 2).sum(), [x, y])
    gx, gy = ag.grad((x * 2).sum(), [x, y], allow_unused=True)
    assert gx is not None and gy is None


def test_grad_frees_by_default_and_keeps_with_retain_graph():
    x = leaf(3)
    y = np.exp(x).sum()
    ag.grad(y, x, retain_graph=True)
    ag.grad(y, x)
    with pytest.raises(RuntimeError, match="second time"):
        ag.grad(y, x)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x: ag.grad(x.sum(), Tensor(1.0)), "input 0 .* does not require"),
        (lambda x: ag.grad(Tensor(1.0), x), "outputs have no graph"),
        (lambda x: ag.grad(x * 2, x), r"shape \(3,\) needs a gradient"),
        (lambda x: ag.grad([x.sum(), x.sum()], x, [None]), "1 grad_outputs for 2 outputs"),
        (lambda x: ag.grad(x * 2, x, np.ones(2)), r"shape \(2,\) for a Tensor of shape \(3,\)"),
    ],
)
def test_grad_called_wrongly(call, message):
    with pytest.raises((RuntimeError, ValueError), match=message):
        call(leaf(3))


def test_grad_visits_only_what_leads_to_its_inputs():
    run = []

    def traced(name):
        @ag.op
        def step(x):
            def backward(g):
                run.append(name)
                return (g * 1,)

            return x * 1, backward

        return step

    x, y = leaf(3), leaf(3)
    below = traced("below")(x)
    middle = traced("middle")(below)
    beside = traced("beside")(y)
    out = traced("out")(middle + beside).sum()
    ag.grad(out, middle)
    assert run == ["out"]
    run.clear()
    beside.sum().backward()  # neither visited nor freed
    middle.sum().backward()
    assert run == ["beside", "middle", "below"]
    assert x.grad is not None


# ------------------------------------------------------------------------------------------- drawing


def test_a_node_says_what_it_is():
    x = leaf(2, 3)
    assert repr(x.node).startswith("<Node leaf #") and "(2, 3)" in repr(x.node)
    assert (x + 1).node.name == "add"
    assert list(dict(engine.saved_arrays(np.exp(x).node))) == ["y"]


def test_saved_arrays_are_found_in_functions_and_containers():
    @ag.op
    def nested(x):
        a, b, c = (np.full(3, i) for i in range(3))

        def first(g):
            return g * a

        def second(g):
            return first(g) * c if g is None else second(None)

        kept = {"b": [b, (x, 1.5)]}

        def backward(g):
            return (first(g) + second(g) + kept["b"][0],)

        return x * 1, backward

    x = leaf(3)
    saved = [array for _, array in engine.saved_arrays(nested(x).node)]
    assert sorted(array[0] for array in saved) == sorted([0, 1, 2, x.data[0]])
