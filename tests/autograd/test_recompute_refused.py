"""checkpoint: a second run that differs from the first is refused, and says why."""

import numpy as np
import pytest

from recompute_cases import leaf
from tapegrad import autograd as ag
from tapegrad.autograd import Tensor, checkpoint


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
