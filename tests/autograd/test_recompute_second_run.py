"""checkpoint: what the second run finds, and what is kept meanwhile."""

import contextvars
import random
import tracemalloc
import weakref

import numpy as np

from recompute_cases import leaf, plain
from tapegrad import autograd as ag
from tapegrad.autograd import checkpoint


def test_random_numbers_of_numpy_and_python():
    np.random.seed(0)
    random.seed(0)
    drawn = []

    def fn(x):
        drawn.append((np.random.rand(), random.random(), np.random.standard_normal()))
        return x * drawn[-1][0] * drawn[-1][1] * drawn[-1][2]

    x = leaf(2)
    y = checkpoint(fn, x)
    np.random.rand()
    after = random.random(), np.random.get_state(), random.getstate()
    y.sum().backward()
    assert drawn[0] == drawn[1]
    assert random.getstate() == after[2] and str(np.random.get_state()) == str(after[1])


def test_context_variables_and_errstate():
    variable = contextvars.ContextVar("variable", default=1.0)

    def fn(x):
        np.log(np.zeros(1))  # warns unless told not to
        return x * variable.get()

    x = leaf(2)
    variable.set(3.0)
    with np.errstate(all="ignore"):
        y = checkpoint(fn, x)
    variable.set(5.0)
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_backward_under_no_grad():
    x = leaf(2)
    y = checkpoint(lambda x: np.exp(x) * x, x).sum()
    with ag.no_grad():
        y.backward()
        assert (x * 2).edge is None
    np.testing.assert_allclose(x.grad, np.exp(x.data) * (1 + x.data))


def test_a_long_chain_and_memory():
    x = leaf(1000)

    def peak(run):
        tracemalloc.start()
        try:
            h = x
            for _ in range(20):
                h = run(lambda h: np.sin(np.cos(np.sin(np.cos(np.sin(np.cos(h)))))), h)
            h.sum().backward()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    checkpoint(np.sin, x)  # what is made once
    assert peak(checkpoint) < 0.45 * peak(plain)


def test_the_graph_goes_without_gc():
    x = leaf(3)
    y = checkpoint(lambda x: np.exp(np.sin(x)), x).sum()
    nodes = [weakref.ref(y.node), weakref.ref(y.node.edges[0][0])]
    del y
    assert all(node() is None for node in nodes)
    inside = []

    def fn(x):
        h = np.sin(x)
        inside.append(weakref.ref(h.node))
        return np.exp(h)

    y = checkpoint(fn, x).sum()
    assert inside[0]() is None
    y.backward()
    assert inside[1]() is None


def test_many_in_a_row():
    x = leaf(1)
    h = x
    for _ in range(3000):
        h = checkpoint(np.sin, h)
    (g,) = ag.grad(h, x)
    assert 0 < abs(g.item()) < 1


def test_the_graph_draws_one_node():
    x = leaf(3)
    graph = ag.Graph(checkpoint(lambda x: np.exp(np.sin(x)), x).sum())
    assert [node.op for node in graph.nodes] == ["leaf", "checkpoint", "sum"]
