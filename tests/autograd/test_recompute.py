"""checkpoint: the same gradients to the bit, from what is computed again."""

import contextvars
import random
import tracemalloc
import weakref
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegrad import autograd as ag
from tapegrad.autograd import Tensor, checkpoint


def leaf(*shape, seed=0):
    return Tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def plain(fn, *args, **kwargs):
    return fn(*args, **kwargs)


def both(program, *leaves):
    """Gradients of program(run, *leaves), a Tensor, with run=plain and run=checkpoint; equal to the bit."""
    found = []
    for run in (plain, checkpoint):
        for x in leaves:
            x.grad = None
        out = program(run, *leaves)
        out.sum().backward()
        found.append([out.data, *(x.grad for x in leaves)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
    return found[1]


class Pair(NamedTuple):
    a: object
    b: object


# ------------------------------------------------------------------ the same as without


def test_arguments_and_captured_leaves():
    w = leaf(3, 3, seed=1)

    def program(run, x, w):
        h = x * 2.0
        for _ in range(3):
            h = run(lambda h: np.tanh(h @ w) * h, h)
        return h * w.sum()

    both(program, leaf(2, 3), w)


def test_captured_tensors_with_a_graph_and_a_leaf_inside_and_outside():
    def program(run, x, w):
        scaled = np.exp(w)
        return run(lambda: np.sin(x * scaled) * w + x) * scaled + x

    both(program, leaf(3), leaf(3, seed=1))


def test_trees_of_arguments_and_results():
    def fn(pair, more, *, scale, none, word):
        assert none is None and word == "word" and isinstance(pair, Pair)
        y = np.sin(pair.a) * more["x"][0] * scale
        return {"y": y, "list": [y + 1.0, None, "text"], "pair": Pair(y, 3), "constant": Tensor([1.0])}

    def program(run, a, b, scale):
        out = run(fn, Pair(a * 1.0, 5), {"x": [b, "other"]}, scale=scale, none=None, word="word")
        assert out["list"][1:] == [None, "text"] and out["pair"].b == 3 and out["pair"].a is out["y"]
        return out["y"] * 2.0 + out["list"][0] * out["constant"]

    both(program, leaf(2), leaf(2, seed=1), leaf(1, seed=2))


def test_several_outputs_of_which_one_is_used():
    def program(run, x):
        a, b = run(lambda x: np.split(np.exp(x), 2), x)
        return b * 3.0

    both(program, leaf(4))


def test_an_output_that_is_an_input_or_a_constant():
    x, c = leaf(3), np.ones(3)
    y = x * 2.0
    out, same, array, made = checkpoint(lambda y: (np.sin(y), y, c, np.sin(Tensor(c))), y)
    assert same is y and array is c and made.edge is None and out.edge[0].name == "checkpoint"
    assert checkpoint(lambda x: x, x) is x
    assert checkpoint(lambda: None) is None
    both(lambda run, x: np.multiply(*run(lambda y: (np.sin(y), y), x * 2.0)), x)


def test_arguments_that_want_no_gradient():
    x = Tensor(np.arange(3.0))
    assert checkpoint(np.sin, x).edge is None
    w = leaf(3)
    y = checkpoint(lambda x: x * w, x)  # as PyTorch's reentrant one could not
    y.sum().backward()
    np.testing.assert_array_equal(w.grad, x.data)


def test_views_are_views_of_what_is_outside():
    x = leaf(4)
    h = x * 1.0
    y = checkpoint(lambda h: h[1:], h)
    y += 1.0  # hands the change on
    np.testing.assert_array_equal(h.data[1:], x.data[1:] + 1)
    (h * h).sum().backward()
    np.testing.assert_array_equal(x.grad, 2 * h.data)
    h = x * 1.0
    y = checkpoint(lambda h: h[1:], h)
    h[0] = 5.0
    with pytest.raises(RuntimeError, match="take the view again"):
        y + 1.0


def test_a_view_of_what_is_inside_does_not_keep_it():
    inner = []

    def fn(x):
        h = np.exp(x)
        inner.append(weakref.ref(h))
        return h.reshape(2, 2)

    y = checkpoint(fn, leaf(4))
    assert inner[0]() is None
    y += 1.0
    y.sum().backward()


def test_nested():
    def layer(h, w):
        return np.tanh(h @ w)

    def program(run, x, *weights):
        def segment(h, ws):
            for w in ws:
                h = run(layer, h, w)
            return h * weights[0].sum()  # captured too

        h = x
        for i in range(0, 4, 2):
            h = run(segment, h, weights[i : i + 2])
        return h

    both(program, leaf(2, 3), *(leaf(3, 3, seed=i) for i in range(1, 5)))


def test_no_grad_only_calls():
    x = leaf(3)
    calls = []
    with ag.no_grad():
        y = checkpoint(lambda x: calls.append(1) or np.sin(x), x)
    assert y.edge is None and calls == [1]


def test_retain_graph_and_a_second_backward():
    x = leaf(3)
    y = checkpoint(lambda x: np.exp(np.sin(x)), x).sum()
    y.backward(retain_graph=True)
    first = x.grad.copy()
    y.backward()
    np.testing.assert_array_equal(x.grad, first + first)
    with pytest.raises(RuntimeError, match="backward through checkpoint a second time|sum a second time"):
        y.backward()


def test_grad_of_inputs_only_goes_where_they_are():
    x, w = leaf(3), leaf(3, seed=1)
    h = x * 2.0
    y = checkpoint(lambda h: np.sin(h * w) + w, h)
    z = checkpoint(lambda y: np.exp(y), y)
    (dh,) = ag.grad(z.sum(), h, retain_graph=True)
    dw, dy = ag.grad(z.sum(), [w, y])
    plain_y = np.sin(h * w) + w
    expected = ag.grad(np.exp(plain_y).sum(), [h, w, plain_y])
    for found, right in zip((dh, dw, dy), expected, strict=True):
        np.testing.assert_array_equal(found.data, right.data)
    assert x.grad is None and w.grad is None
    with pytest.raises(RuntimeError, match="does not reach"):
        ag.grad(checkpoint(np.sin, x).sum(), w)


def test_second_derivatives():
    x, w = leaf(3), leaf(3, seed=1)

    def derivatives(run):
        with ag.higher_order():
            y = run(lambda x: np.sin(x * w) * run(np.exp, x), x).sum()
            dx, dw = ag.grad(y, [x, w], create_graph=True)
            again = run(lambda dx: (dx * dx).sum() + dw.sum(), dx)
        second = ag.grad(again, [x, w], create_graph=True)
        return [dx, dw, *second, *ag.grad(second[0].sum(), [x, w])]

    for a, b in zip(derivatives(plain), derivatives(checkpoint), strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-12)


def test_a_gradient_inside():
    def energy(x, w):
        with ag.higher_order():
            (slope,) = ag.grad((np.sin(x) * w).sum(), x, create_graph=True)
        return slope * slope

    both(lambda run, x, w: run(energy, x * 1.0, w), leaf(3), leaf(3, seed=1))


def test_hooks_run_once():
    x = leaf(3)
    seen = []

    def fn(h):
        inner = np.sin(h)
        inner.register_hook(lambda g: seen.append("inner"))
        return inner * 2.0

    h = x * 1.0
    h.register_hook(lambda g: seen.append("argument"))
    y = checkpoint(fn, h)
    y.register_hook(lambda g: seen.append("output") or g * 2)
    x.register_hook(lambda g: seen.append("leaf"))
    y.sum().backward()
    assert seen == ["output", "inner", "argument", "leaf"]
    np.testing.assert_array_equal(x.grad, 4 * np.cos(x.data))


def test_arguments_may_change_afterwards():
    x = leaf(3)
    h, parts = x * 1.0, [x * 2.0]
    y = checkpoint(lambda h, parts: np.sin(h) * parts[0], h, parts)
    parts.append(None)
    parts[0] = None
    h[0] = 7.0  # another Tensor from now on
    y.sum().backward()
    np.testing.assert_allclose(x.grad, np.cos(x.data) * 2 * x.data + np.sin(x.data) * 2)


def test_what_is_hidden_in_an_object_has_its_gradient():
    class Box:
        pass

    def fn(x):
        box = Box()
        box.y = np.sin(x)
        return box

    x = leaf(3)
    checkpoint(fn, x).y.sum().backward()
    np.testing.assert_array_equal(x.grad, np.cos(x.data))


# ------------------------------------------------------------------ what the second run finds


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


# ------------------------------------------------------------------ refused


def test_in_place_changes_of_an_argument():
    def scale(x):
        x *= 2.0
        return x

    h = leaf(3) * 1.0
    before, edge = h.data.copy(), h.edge
    with pytest.raises(
        RuntimeError, match=r"checkpoint of .*scale: it changes an argument \(of shape \(3,\)\)"
    ):
        checkpoint(scale, h)
    assert h.edge is edge and (h.data == before).all()
    checkpoint(lambda x: scale(x.copy()), h).sum().backward()  # the advice


def test_a_counter():
    count = [0]

    def fn(x):
        count[0] += 1
        return x * float(count[0])

    y = checkpoint(fn, leaf(3))
    with pytest.raises(
        RuntimeError, match="fn: its second run, in backward, gives other numbers than the first"
    ):
        y.sum().backward()


def test_other_random_numbers():
    rng = np.random.default_rng(0)
    y = checkpoint(lambda x: x * rng.random(3), leaf(3))
    with pytest.raises(RuntimeError, match="gives other numbers than the first, in a Tensor of shape"):
        y.sum().backward()


@pytest.mark.parametrize(
    "second, message",
    [
        (lambda x, w: np.cos(x), r"records as op 0 cos of \(3,\), the first sin of \(3,\)"),
        (lambda x, w: np.sin(x) * 2.0, "records 2 ops, the first 1"),
        (lambda x, w: np.sin(w), "reads other Tensors that require a gradient"),
        (lambda x, w: (np.sin(x), np.sin(x))[1].data, "records 2 ops"),
        (lambda x, w: np.sin(x).data, "gives other Tensors than the first"),
        (lambda x, w: np.sin(x[:2]), "records as op 0 getitem of"),
        (lambda x, w: None, "records 0 ops"),
    ],
)
def test_another_graph(second, message):
    runs = iter([lambda x, w: np.sin(x), second])
    w = leaf(3, seed=1)
    y = checkpoint(lambda x: next(runs)(x, w), leaf(3))
    with pytest.raises(RuntimeError, match=message):
        y.sum().backward()


def test_a_leaf_frozen_in_between():
    w = leaf(3, seed=1)
    y = checkpoint(lambda x: x * w, leaf(3))
    w.requires_grad = False
    with pytest.raises(RuntimeError, match="reads other Tensors"):
        y.sum().backward()


@pytest.mark.parametrize("captured", [False, True])
def test_what_it_reads_is_written_to_in_between(captured):
    x, w = leaf(3), leaf(3, seed=1)
    y = checkpoint(lambda x: x * w, x)
    with ag.no_grad():
        (w if captured else x).__imul__(2.0)
    with pytest.raises(RuntimeError, match="checkpoint: `inputs`, which it saved, .* changed in place"):
        y.sum().backward()


def test_a_constant_written_to_in_between():
    c = Tensor(np.ones(3))
    x = leaf(3)
    captured, given = checkpoint(lambda x: x * c, x), checkpoint(lambda x, c: x * c, x, c)
    c += 1.0
    with pytest.raises(RuntimeError, match="gives other numbers than the first"):
        captured.sum().backward()
    with pytest.raises(RuntimeError, match="`inputs`, which it saved, .* changed in place"):
        given.sum().backward()


def test_an_error_in_either_run_leaves_all_as_it_was():
    x, fails = leaf(3), [True]
    np.random.seed(3)

    def fn(x):
        np.random.rand()
        if fails[0]:
            raise KeyError("mine")
        return np.exp(x) * np.sin(x)

    with pytest.raises(KeyError):
        checkpoint(fn, x)
    assert np.sin(x).edge[0].name == "sin"
    fails[0] = False
    y = checkpoint(fn, x).sum()
    fails[0] = True
    state = str(np.random.get_state())
    with pytest.raises(KeyError):
        y.backward(retain_graph=True)
    assert str(np.random.get_state()) == state
    fails[0] = False
    y.backward()
    np.testing.assert_allclose(x.grad, np.exp(x.data) * (np.sin(x.data) + np.cos(x.data)))


def test_a_leaf_made_inside():
    """Of a copy that is made anew the gradient would be lost; inside it may have one, or be given back."""
    x = leaf(3)
    y = checkpoint(lambda x: x * Tensor(x.data, requires_grad=True), x)
    with pytest.raises(RuntimeError, match="reads other Tensors that require a gradient"):
        y.sum().backward()

    def slope(x):
        own = Tensor(x.data, requires_grad=True)
        return x * ag.grad(np.sin(own).sum(), own)[0]

    checkpoint(slope, x).sum().backward()
    np.testing.assert_array_equal(x.grad, np.cos(x.data))
    made = checkpoint(lambda: Tensor([1.0], requires_grad=True))
    (made * 2.0).sum().backward()
    assert made.is_leaf and made.grad.tolist() == [2.0]


def test_wrong_arguments():
    with pytest.raises(TypeError, match="the first argument is a function, not Tensor"):
        checkpoint(leaf(3), np.sin)
    with pytest.raises(TypeError, match="use_reentrant is PyTorch's; leave it out"):
        checkpoint(np.sin, leaf(3), use_reentrant=False)


# ------------------------------------------------------------------ random programs

STEPS = {
    "sin": lambda a, b, w: np.sin(a),
    "product": lambda a, b, w: a * b,
    "weight": lambda a, b, w: a @ w + b,
    "view": lambda a, b, w: a[::-1],
    "row": lambda a, b, w: a[0] + b,
    "twice": lambda a, b, w: np.tanh(a) + np.cos(a) * w.sum(),
    "written": lambda a, b, w: written(a, b),
    "constant": lambda a, b, w: Tensor(a.data) * b,
}


def written(a, b):
    c = a.copy()
    c[0] = b[1]
    return c


def run_program(steps, x, w, checkpointed):
    values = [x * 1.0, np.exp(x)]
    for name, i, j, inside, both_out in steps:
        a, b = values[i % len(values)], values[j % len(values)]
        fn = STEPS[name]

        def part(a, b, fn=fn, both_out=both_out):
            y = fn(a, b, w)
            return (y, y * a) if both_out else (y,)

        run = checkpoint if inside and checkpointed else plain
        if inside == 2 and checkpointed:  # in another
            values += checkpoint(lambda a, b, part=part: checkpoint(part, a, b), a, b)
        else:
            values += run(part, a, b)
    return sum((v * v).sum() for v in values[-3:])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(STEPS)),
            st.integers(0, 20),
            st.integers(0, 20),
            st.integers(0, 2),
            st.booleans(),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_random_programs_partly_checkpointed(steps):
    found = []
    for checkpointed in (False, True):
        x, w = Tensor(np.linspace(-1, 1, 6).reshape(3, 2), True), Tensor([[0.5, -0.2], [0.1, 0.3]], True)
        with np.errstate(all="ignore"):
            run_program(steps, x, w, checkpointed).backward()
        found.append((x.grad, w.grad))
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
