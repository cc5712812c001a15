"""What a Tensor has for life: its leaf with gradient, hooks and graphs, and its memory."""

import copy
import pickle

import numpy as np
import pytest

import tapegrad.autograd as ag
from leaves import leaf
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F


def frozen_and_thawed(p):
    p.requires_grad = False
    p.requires_grad = True


def test_freezing_and_thawing_keeps_the_gradient():
    p = leaf(2)
    (p * p).sum().backward()
    before = p.grad.copy()
    p.requires_grad = False
    np.testing.assert_array_equal(p.grad, before)
    p.requires_grad = True
    np.testing.assert_array_equal(p.grad, before)
    (p * p).sum().backward()
    np.testing.assert_array_equal(p.grad, 2 * before)


def test_freezing_and_thawing_keeps_hooks():
    p, seen = leaf(2), []
    p.register_hook(lambda g: seen.append(g.copy()))
    frozen_and_thawed(p)
    (p * 3).sum().backward()
    assert len(seen) == 1


def test_graphs_recorded_before_a_freeze_give_their_gradient():
    p = leaf(2)
    y = (p * 3).sum()
    frozen_and_thawed(p)
    y.backward()
    np.testing.assert_array_equal(p.grad, [3, 3])
    y = (p * 3).sum()
    p.requires_grad = False
    y.backward()  # into the frozen leaf, as the graph says
    np.testing.assert_array_equal(p.grad, [6, 6])


def test_a_frozen_parameter_takes_part_in_no_new_graph():
    p = leaf(2)
    p.requires_grad = False
    assert not (p * 3).requires_grad and p.is_leaf and p.node is None


def test_the_gradient_of_a_frozen_parameter_can_be_dropped():
    p = leaf(2)
    (p * p).sum().backward()
    p.requires_grad = False
    p.grad = None
    assert p.grad is None
    p.grad = None  # and again


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_module_in_another_dtype_keeps_gradients_and_hooks(dtype):
    model, seen = nn.Linear(3, 2), []
    model.weight.register_hook(lambda g: seen.append(g.dtype))
    F.mse_loss(model(np.ones((4, 3), np.float32)), np.zeros((4, 2), np.float32)).backward()
    before = model.weight.grad.copy()
    model.double() if dtype is np.float64 else model.float()
    assert model.weight.grad.dtype == dtype
    np.testing.assert_allclose(model.weight.grad, before, rtol=1e-6)
    F.mse_loss(model(np.ones((4, 3), dtype)), np.zeros((4, 2), dtype)).backward()
    assert seen == [np.float32, dtype]


@pytest.mark.parametrize("copied", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
@pytest.mark.parametrize("kind", [nn.optim.SGD, nn.optim.AdamW])
def test_a_model_and_its_optimizer_stay_together(copied, kind):
    model = nn.Linear(3, 2)
    optimizer = kind(model.parameters(), lr=0.1)

    def step(model, optimizer):
        optimizer.zero_grad()
        F.mse_loss(model(np.ones((4, 3), np.float32)), np.zeros((4, 2), np.float32)).backward()
        optimizer.step()

    step(model, optimizer)
    twin, other = copied((model, optimizer))
    before = model.weight.data.copy()
    step(twin, other)
    assert not np.array_equal(twin.weight.data, before) and np.array_equal(model.weight.data, before)
    step(model, optimizer)
    np.testing.assert_array_equal(twin.weight.data, model.weight.data)


@pytest.mark.parametrize("copied", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
def test_copies_keep_what_a_leaf_has(copied):
    p = leaf(2)
    (p * 3).sum().backward()
    q = copied(p)
    assert q.requires_grad and q.grad.tolist() == [3, 3]
    p.requires_grad = False
    q = copied(p)
    assert not q.requires_grad and q.grad.tolist() == [3, 3]
    q.requires_grad = True
    assert q.grad.tolist() == [3, 3]
    assert type(copied(nn.Parameter(np.ones(2)))) is nn.Parameter


@pytest.mark.parametrize("made", [np.zeros(2), np.zeros((2, 2))[0], np.zeros(4)[::2]])
@pytest.mark.parametrize("kind", [lambda a: Tensor(a, requires_grad=True), nn.Parameter])
def test_a_leaf_owns_its_memory(made, kind):
    a = kind(made)
    with ag.no_grad():
        a += 1
        a[0] = 5
    nn.optim.SGD([a], lr=0.1)
    assert not made.any() and not np.shares_memory(a.data, made)
    b = kind(Tensor(made))
    assert not np.shares_memory(b.data, made)


def test_a_constant_borrows_its_memory():
    array = np.zeros(3)
    assert Tensor(array).data is array


def test_plus_x_is_a_copy():
    x, c = leaf(3), Tensor(np.ones(3))
    for t in (x, c):
        assert +t is not t and not np.shares_memory((+t).data, t.data)
    (+x).sum().backward()
    np.testing.assert_array_equal(x.grad, [1, 1, 1])
    np.testing.assert_array_equal(np.positive(c).data, c.data)
