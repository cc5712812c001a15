"""Parameters changed between forward and backward; gradients as values."""

import weakref

import numpy as np
import pytest

import kernels
import tapegrad.autograd as ag
from leaves import leaf
from tapegrad.autograd import Tensor, versions

# ------------------------------------------------------------------------------------ the version check


def touch(x):
    with ag.no_grad():
        x += 1


def write(x):
    x.data[...] = 2
    versions.mark_written(x.data)


def test_a_constant_that_was_written_to_is_noticed_too():
    frozen = ag.Tensor(np.ones(3))
    x = ag.Tensor(np.ones(3), requires_grad=True)
    y = (frozen * x).sum()
    write(frozen)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_notes_of_writes_go_with_their_arrays():
    before = len(versions._written)
    for _ in range(3):
        write(ag.Tensor(np.ones(3)))
    assert len(versions._written) == before


SAVES = {
    "multiply": lambda w, x: w * x,
    "matmul": lambda w, x: x @ w,
    "matmul of a view": lambda w, x: x @ w.mT,
    "matmul of a view of a view": lambda w, x: x @ w.T[::-1].reshape(3, 3),
    "square": lambda w, x: np.square(w),
    "divide": lambda w, x: x / w,
    "einsum, whose backward saves in a nested function": lambda w, x: np.einsum("ij,jk->ik", x, w),
    "linear": lambda w, x: kernels.linear(x, w),
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
    with pytest.raises(RuntimeError, match=r"shares memory with a Tensor that was changed in place"):
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
    assert list(dict(versions.saved_arrays(np.exp(x).node))) == ["y"]


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
    saved = [array for _, array in versions.saved_arrays(nested(x).node)]
    assert sorted(array[0] for array in saved) == sorted([0, 1, 2, x.data[0]])
