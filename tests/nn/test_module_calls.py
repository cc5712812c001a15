"""Calling modules: gradients of layers used several times, scope, hooks, and the path in errors."""

import gc
import weakref

import numpy as np
import pytest

from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor, engine


class Net(nn.Module):
    def __init__(self):
        self.first = nn.Linear(3, 4)
        self.scale = nn.Parameter(np.ones(4, np.float32))
        self.register_buffer("mean", np.zeros(4, np.float32))
        self.register_buffer("cache", np.zeros(2), persistent=False)
        self.last = nn.Sequential(nn.Tanh(), nn.Linear(4, 2, bias=False))

    def forward(self, x):
        return self.last(self.first(x) * self.scale - self.mean)


class Tied(nn.Module):
    def __init__(self):
        self.tokens = nn.Embedding(5, 4)
        self.head = nn.Linear(4, 5, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, ids):
        return self.head(self.tokens(ids))


def x32(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


# ---------------------------------------------------------------------------------- calls


def test_a_layer_called_twice_in_a_loop_and_by_itself_adds_its_gradients():
    layer = nn.Linear(3, 3).double()
    w, b, x = layer.weight.numpy(), layer.bias.numpy(), np.random.default_rng(1).normal(size=(2, 3))
    y = Tensor(x)
    for _ in range(3):
        y = layer(y)
    y.sum().backward()
    h1 = x @ w.T + b
    h2 = h1 @ w.T + b
    g3 = np.ones((2, 3))
    g2, g1 = g3 @ w, g3 @ w @ w
    np.testing.assert_allclose(layer.weight.grad, g3.T @ h2 + g2.T @ h1 + g1.T @ x, rtol=1e-12)
    np.testing.assert_allclose(layer.bias.grad, (g1 + g2 + g3).sum(0), rtol=1e-12)


def test_a_tied_weight_gets_the_gradients_of_both_uses():
    net, apart = Tied().double(), Tied().double()
    apart.tokens.weight = nn.Parameter(net.tokens.weight.numpy().copy())
    apart.head.weight = nn.Parameter(net.tokens.weight.numpy().copy())
    for model in (net, apart):
        np.square(model([[0, 2, 2]])).sum().backward()
    both = apart.tokens.weight.grad + apart.head.weight.grad
    np.testing.assert_allclose(net.tokens.weight.grad, both, rtol=1e-12)


def test_a_module_may_call_itself():
    class Countdown(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(np.array(2.0))

        def forward(self, n):
            return self.weight if n == 0 else self.weight * self(n - 1)

    net = Countdown()
    net(4).backward()
    assert net.weight.grad == 5 * 2.0**4
    assert engine.scope.get() is None


def test_an_exception_in_forward_or_in_a_hook_leaves_the_scope_clean():
    net = Net()
    with pytest.raises(ValueError):
        net(x32(2, 5))
    assert engine.scope.get() is None
    net.last.register_forward_pre_hook(lambda module, args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        net(x32(2, 3))
    assert engine.scope.get() is None


def test_a_model_that_was_called_is_freed_without_gc():
    gc.disable()
    try:
        net = Net()
        loss = net(x32(2, 3)).sum()
        gone = weakref.ref(net)
        del net, loss
        assert gone() is None
    finally:
        gc.enable()


# ---------------------------------------------------------------------------------- hooks


def test_forward_hooks_see_replace_and_are_removed():
    layer = nn.Linear(3, 2)
    seen = []
    x = x32(2, 3)
    plain = layer(x).numpy()
    look = layer.register_forward_hook(lambda *given: seen.append(given))
    double = layer.register_forward_hook(lambda module, args, output: output * 2)
    np.testing.assert_array_equal(layer(x).numpy(), plain * 2)
    module, args, output = seen[0]
    assert module is layer and args[0] is x
    np.testing.assert_array_equal(output.numpy(), plain)  # hooks run in the order they were added
    double.remove()
    double.remove()  # once more does no harm
    np.testing.assert_array_equal(layer(x).numpy(), plain)
    look.remove()
    layer(x)
    assert len(seen) == 2


def test_forward_pre_hooks_replace_the_arguments():
    layer = nn.Linear(3, 2)
    x = x32(2, 3)
    expected = layer(x * 2).numpy()
    handle = layer.register_forward_pre_hook(lambda module, args: args[0] * 2)  # one argument needs no tuple
    np.testing.assert_array_equal(layer(x).numpy(), expected)
    handle.remove()
    layer.register_forward_pre_hook(lambda module, args: (args[0] * 2,))
    layer.register_forward_pre_hook(lambda module, args: None)
    np.testing.assert_array_equal(layer(x).numpy(), expected)


def test_an_error_names_the_layer_by_its_path_in_the_model_that_was_called():
    class Model(nn.Module):
        def __init__(self):
            self.decoder = nn.Module()
            self.decoder.layers = nn.ModuleList(nn.Module() for _ in range(4))
            for layer in self.decoder.layers:
                layer.linear1 = nn.Linear(4, 3)

        def forward(self, x):
            return self.decoder.layers[3].linear1(x)

    model = Model()
    with pytest.raises(ValueError) as error:
        model(x32(2, 5))
    assert str(error.value) == (
        "Linear 'decoder.layers.3.linear1': input has 5 features on its last axis, expected 4 "
        "(input (2, 5), weight (3, 4))"
    )
    with pytest.raises(ValueError, match=r"^Linear: input has 5 features"):  # called by itself
        model.decoder.layers[3].linear1(x32(2, 5))
    whole = nn.Sequential(nn.Dropout(0.0), model)
    with pytest.raises(ValueError, match=r"^Linear '1.decoder.layers.3.linear1': input has 5 features"):
        whole(x32(2, 5))


def test_no_graph_is_recorded_for_a_frozen_model():
    net = Net().requires_grad_(False)
    assert not net(x32(2, 3)).requires_grad
    with ag.no_grad():
        assert not Net()(x32(2, 3)).requires_grad
