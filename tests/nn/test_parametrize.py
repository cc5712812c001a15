"""Parameters that are computed from others: what is trained, saved, cached, copied and refused."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor, no_grad
from tapegrad.nn.utils import parametrize as P

X = np.arange(6.0).reshape(2, 3)


class Symmetric(nn.Module):
    def forward(self, X):
        return ag.triu(X) + ag.triu(X, 1).mT

    def right_inverse(self, A):
        return ag.triu(A)


class Doubled(nn.Module):
    def __init__(self):
        self.calls = 0

    def forward(self, X):
        self.calls += 1
        return X * 2


class TwoParts(nn.Module):
    def forward(self, low, high):
        return low + high

    def right_inverse(self, W):
        return W * 0.25, W * 0.75


class First(nn.Module):
    def forward(self, X):
        return X[:1]


def layer(*parametrizations):
    made = nn.Linear(3, 3, dtype=np.float64)
    for parametrization in parametrizations:
        P.register_parametrization(made, "weight", parametrization)
    return made


def test_a_weight_is_computed_from_what_is_trained():
    net = nn.Linear(3, 3, dtype=np.float64)
    kept, before = net.weight, net.weight.data.copy()
    P.register_parametrization(net, "weight", Symmetric())
    assert list(net.state_dict()) == ["bias", "parametrizations.weight.original"]
    assert net.parametrizations.weight.original is kept and type(net) is nn.Linear
    np.testing.assert_array_equal(kept.data, np.triu(before))
    np.testing.assert_array_equal(net.weight.data, np.triu(before) + np.triu(before, 1).T)
    net(X).sum().backward()
    g = np.tile(X.sum(0), (3, 1))
    np.testing.assert_allclose(kept.grad, np.triu(g) + np.triu(g.T, 1))
    kept.data[...] = 1
    np.testing.assert_array_equal(net.weight.data, np.ones((3, 3)))  # at once


def test_an_assigned_weight_goes_through_the_right_inverse():
    net = layer(Symmetric())
    wanted = X.T @ X
    net.weight = wanted
    np.testing.assert_array_equal(net.weight.data, wanted)
    np.testing.assert_array_equal(net.parametrizations.weight.original.data, np.triu(wanted))
    for value, error, words in [
        (nn.Parameter(wanted), KeyError, "Linear.weight is parametrized; remove_parametrizations first"),
        (None, ValueError, "a Tensor or an array is wanted, not a NoneType"),
        (wanted.astype(np.float32), ValueError, "right_inverse gives float32"),
        (np.ones((2, 2)), ValueError, r"right_inverse gives float64\(2, 2\) for original"),
    ]:
        with pytest.raises(error, match=words):
            net.weight = value
    np.testing.assert_array_equal(net.weight.data, wanted)
    P.register_parametrization(net, "weight", Doubled())
    with pytest.raises(TypeError, match="parametrization Doubled has no right_inverse"):
        net.weight = wanted
    with pytest.raises(AttributeError):
        del net.weight
    with pytest.raises(KeyError, match="is an attribute already"):
        net.register_parameter("weight", nn.Parameter(wanted))


def test_several_are_called_in_turn_and_taken_away():
    net = layer(Symmetric(), Doubled())
    original = net.parametrizations.weight.original
    wanted = 2 * (np.triu(original.data) + np.triu(original.data, 1).T)
    np.testing.assert_array_equal(net.weight.data, wanted)
    assert len(net.parametrizations.weight) == 2
    assert P.is_parametrized(net) and P.is_parametrized(net, "weight") and not P.is_parametrized(net, "bias")
    assert P.remove_parametrizations(net, "weight") is net and net.weight is original
    np.testing.assert_array_equal(net.weight.data, wanted)
    assert list(net.state_dict()) == ["bias", "weight"] and not hasattr(net, "parametrizations")
    assert not P.is_parametrized(net) and P.type_before_parametrizations(net) is nn.Linear
    with pytest.raises(ValueError, match="Linear.weight is not parametrized"):
        P.remove_parametrizations(net, "weight")


def test_what_is_trained_may_be_left():
    net = layer(Doubled())
    numbers = net.parametrizations.weight.original.data.copy()
    P.remove_parametrizations(net, "weight", leave_parametrized=False)
    np.testing.assert_array_equal(net.weight.data, numbers)


def test_several_tensors_may_be_trained():
    net = nn.Linear(3, 3, dtype=np.float64)
    before = net.weight.data.copy()
    P.register_parametrization(net, "weight", TwoParts())
    parts = "parametrizations.weight.original0", "parametrizations.weight.original1"
    assert list(net.state_dict()) == ["bias", *parts]
    np.testing.assert_allclose(net.weight.data, before)
    net.weight = 4 * np.ones((3, 3))
    assert (net.state_dict()[parts[0]] == 1).all() and (net.state_dict()[parts[1]] == 3).all()
    with pytest.raises(ValueError, match="several tensors, which are not left"):
        P.remove_parametrizations(net, "weight", leave_parametrized=False)
    P.remove_parametrizations(net, "weight")
    assert isinstance(net.weight, nn.Parameter) and (net.weight.data == 4).all()


def test_a_buffer_may_be_parametrized():
    net = nn.Module()
    net.register_buffer("mean", X.T @ X)
    P.register_parametrization(net, "mean", Symmetric())
    assert list(net.state_dict()) == ["parametrizations.mean.original"] and list(net.parameters()) == []
    np.testing.assert_array_equal(net.mean.data, X.T @ X)
    P.remove_parametrizations(net, "mean")
    assert type(net.mean) is np.ndarray and list(net.state_dict()) == ["mean"]


def test_what_would_change_the_shape_is_refused_and_changes_nothing():
    net = layer()
    before = net.weight.data.copy()
    with pytest.raises(ValueError, match=r"float64\(3, 3\) gives float64\(1, 3\), which needs unsafe=True"):
        P.register_parametrization(net, "weight", First())
    assert list(net.state_dict()) == ["weight", "bias"] and np.array_equal(net.weight.data, before)

    class Halved(First):
        def right_inverse(self, A):
            return A / 2

    with pytest.raises(ValueError, match="which needs unsafe=True"):
        P.register_parametrization(net, "weight", Halved())
    np.testing.assert_array_equal(net.weight.data, before)
    with pytest.raises(ValueError, match="Linear has no parameter or buffer 'gain'"):
        P.register_parametrization(net, "gain", First())
    P.register_parametrization(net, "weight", First(), unsafe=True)
    assert net.weight.shape == (1, 3)
    other = layer(Symmetric())
    with pytest.raises(ValueError, match="which needs unsafe=True"):
        P.register_parametrization(other, "weight", First())
    assert len(other.parametrizations.weight) == 1


def test_a_weight_is_computed_once_in_a_call_and_once_while_cached():
    """A layer that reads its weight twice makes one power iteration."""
    counting = Doubled()
    net = layer(counting)
    counting.calls = 0
    net(X)
    assert counting.calls == 1
    net(X)
    assert counting.calls == 2 and net.weight is not net.weight
    counting.calls = 0
    with P.cached():
        weight = net.weight
        with P.cached():
            (net(X).sum() + net(X).sum()).backward()
        assert net.weight is weight and counting.calls == 1
        with no_grad():
            assert net.weight is not weight
    assert net.weight is not weight
    np.testing.assert_allclose(net.parametrizations.weight.original.grad, 4 * np.tile(X.sum(0), (3, 1)))


def test_an_error_in_a_call_forgets_the_weight():
    counting = Doubled()
    net = layer(counting)
    with pytest.raises(ValueError):
        net(np.ones((2, 5)))
    counting.calls = 0
    assert net.weight is not net.weight and counting.calls == 2


def test_a_replay_inside_of_cached_computes_for_itself():
    net = layer(Doubled())
    net.parametrizations.weight[0].forward = lambda X: X * 2  # without a counter, which would be refused

    def loss(model, x):
        return (model(x) ** 2).mean() + model.weight.sum()

    loss_of = nn.replay(net, loss)
    for i in range(8):
        with P.cached():
            value = loss_of(X + i)
            value.backward()
        assert value.item() == loss(net, X + i).item()
        net.parametrizations.weight.original.data[...] -= 0.01


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_parametrized_by_their_own(duplicate):
    net = nn.Sequential(layer(Symmetric()))
    twin = duplicate(net)
    np.testing.assert_array_equal(twin[0].weight.data, net[0].weight.data)
    twin[0].parametrizations.weight.original.data[...] = 0
    assert (twin[0].weight.data == 0).all() and not (net[0].weight.data == 0).any()


def test_parametrizations_are_transferred():
    net, other = layer(Symmetric()), nn.Linear(3, 3, dtype=np.float64)
    P.transfer_parametrizations_and_params(net, other)
    assert other.parametrizations.weight.original is net.parametrizations.weight.original
    np.testing.assert_array_equal(other.weight.data, net.weight.data)
    assert P.transfer_parametrizations_and_params(nn.Tanh(), other) is other


def test_a_graph_with_a_computed_weight_is_freed_without_gc():
    gc.disable()
    try:
        net = layer(Symmetric())
        loss = net(X).sum()
        loss.backward()
        gone, model = weakref.ref(loss), weakref.ref(net)
        del loss
        assert gone() is None
        del net
        assert model() is None
    finally:
        gc.enable()


def test_a_computed_weight_is_cast_and_drawn():
    net = layer(Symmetric()).float()
    assert net.weight.dtype == np.float32 and net(X.astype(np.float32)).dtype == np.float32
    assert "weight" in dir(net) and isinstance(net.weight, Tensor)
