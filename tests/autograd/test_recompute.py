"""checkpoint: the same gradients to the bit, from what is computed again."""

import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recompute_cases import Pair, both, leaf, plain
from tapegrad import autograd as ag
from tapegrad.autograd import Tensor, checkpoint

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
