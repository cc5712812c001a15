"""A user's own ops, and the memory that graphs take."""

import contextlib
import gc
import pickle
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import tapegrad.autograd as ag
from leaves import leaf
from tapegrad.autograd import engine, special, versions

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
    with pytest.raises(TypeError, match="scaled has no gradient for factor="):
        scaled(x, y, leaf())


@pytest.mark.parametrize(
    "rules, saved",
    [
        ({"slope": lambda x: 3 * x * x}, ["x"]),
        ({"slope": lambda y, x: 3 * y / x}, ["x", "y"]),
        ({"gradient": lambda g, x: g * 3 * x * x}, ["x"]),
    ],
)
def test_own_elementwise_op(rules, saved):
    cube = ag.elementwise(lambda x: x * x * x, name="cube", doc="x^3.", **rules)
    ag.gradcheck(cube, [leaf(3, 4)], order=2)
    node = cube(leaf(3)).node
    assert sorted(dict(versions.saved_arrays(node))) == saved
    assert (node.name, cube.__name__, cube.__doc__) == (
        "cube",
        "cube",
        "x^3.\n\nElementwise: the result has the shape of x.",
    )


@pytest.mark.parametrize("rules", [{}, {"slope": lambda a: a}, {"slope": lambda g, x: g}])
def test_own_elementwise_op_with_another_rule_is_refused(rules):
    with pytest.raises(TypeError, match="elementwise: a slope takes x, y or both by these names"):
        ag.elementwise(np.cbrt, **rules)


def test_ops_can_be_pickled():
    for fn in (ag.exp, ag.sum, ag.less, special.expit, ag.einsum):
        assert pickle.loads(pickle.dumps(fn)) is fn


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
        x = np.tanh(x @ x) + special.softmax(x, -1) * np.exp(-x * x)
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
