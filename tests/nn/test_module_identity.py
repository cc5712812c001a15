"""A parameter or layer does not get lost: what would drop it is refused; looking things up by name."""

import copy
import pickle

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor


@pytest.mark.parametrize("value", [np.zeros((2, 3)), Tensor(np.zeros((2, 3))), [[0.0] * 3] * 2, 1.0])
def test_an_array_does_not_take_the_place_of_a_parameter(value):
    layer = nn.Linear(3, 2)
    kept = layer.weight
    with pytest.raises(
        TypeError, match=r"^Linear.weight is a Parameter, and no .* \.weight\.data\[\.\.\.\] ="
    ):
        layer.weight = value
    assert layer.weight is kept and len(list(layer.parameters())) == 2


def test_the_advice_of_the_refusal_works():
    layer = nn.Linear(3, 2)
    layer.weight = nn.Parameter(np.ones((2, 3), np.float32))
    assert next(layer.parameters()) is layer.weight
    layer.weight.data[...] = 2
    del layer.weight
    layer.weight = np.zeros((2, 3), np.float32)
    assert [name for name, _ in layer.named_parameters()] == ["bias"]


def test_a_parameter_may_be_none_and_come_back():
    layer = nn.Linear(3, 2)
    bias, layer.bias = layer.bias, None
    assert len(list(layer.parameters())) == 1 and list(layer.state_dict()) == ["weight"]
    layer.bias = bias
    assert list(layer.parameters()) == [layer.weight, bias]


def test_nothing_but_a_module_takes_the_place_of_a_module():
    net = nn.Sequential(nn.Linear(2, 2))
    with pytest.raises(
        TypeError, match="Sequential.0 is a Linear, and no function takes its place: assign a Module"
    ):
        setattr(net, "0", lambda x: x)
    setattr(net, "0", nn.Tanh())
    setattr(net, "0", None)
    assert list(net.children()) == []


def held(kind):
    layer = nn.Linear(2, 2)
    return {
        "list": [layer],
        "tuple": (nn.Tanh(), layer),
        "dict": {"a": layer},
        "nested": [[1], {"a": (layer,)}],
        "parameters": [nn.Parameter(np.ones(2))],
    }[kind]


@pytest.mark.parametrize("kind", ["list", "tuple", "dict", "nested", "parameters"])
def test_a_plain_list_of_layers_is_refused(kind):
    net = nn.Module()
    keeper = "ModuleDict" if kind == "dict" else "ModuleList"
    with pytest.raises(
        TypeError, match=rf"^Module.layers is a .* neither trained nor saved: use nn.{keeper}"
    ):
        net.layers = held(kind)
    assert not hasattr(net, "layers")


def test_a_list_that_is_filled_later_is_refused_when_parameters_are_asked_for():
    class Net(nn.Module):
        def __init__(self):
            self.layers = []
            for _ in range(3):
                self.layers.append(nn.Linear(2, 2))

    outer = nn.Sequential(Net())
    with pytest.raises(TypeError, match=r"^Net.layers is a list with a Linear"):
        outer.parameters()
    assert repr(outer)  # it can still be looked at


def test_lists_that_lose_nothing_are_fine():
    net = nn.Module()
    net.sizes, net.table, net.empty = [1, 2], {"a": (3, np.ones(2))}, []
    net.first = nn.Linear(2, 2)
    net.order = [net.first, net.first]  # it is an attribute too
    net.biases = (net.first.bias,)
    net._teacher = [nn.Linear(2, 2)]  # aside, on purpose
    assert len(list(net.parameters())) == 2


def test_a_deleted_buffer_is_gone():
    net = nn.Module()
    net.register_buffer("mean", np.zeros(2))
    del net.mean
    assert list(net.buffers()) == [] and net.state_dict() == {} and net.double() is net


# ---------------------------------------------------------------------------------- by name


def test_look_up_by_dotted_path():
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 1)))
    net[1].register_buffer("mean", np.zeros(2))
    assert net.get_submodule("") is net and net.get_submodule("1.0") is net[1][0]
    assert net.get_parameter("1.0.bias") is net[1][0].bias
    assert net.get_buffer("1.mean") is net[1].mean
    for look, path in [
        (net.get_submodule, "1.5"),
        (net.get_submodule, "0.weight"),
        (net.get_parameter, "0"),
        (net.get_parameter, "1.mean"),
        (net.get_buffer, "0.weight"),
    ]:
        with pytest.raises(AttributeError, match="no attribute '5'|is no "):
            look(path)


def test_registering_by_name():
    net = nn.Module()
    net.add_module("a", nn.Linear(1, 1))
    net.register_module("b", nn.Tanh())
    net.register_parameter("scale", nn.Parameter(np.ones(2)))
    net.register_parameter("none", None)
    net.add_module("a", nn.Tanh())  # a module may be replaced
    assert [name for name, _ in net.named_children()] == ["a", "b"]
    assert [name for name, _ in net.named_parameters()] == ["scale"] and net.none is None
    for name in ("", "a.b", "training", "forward", "scale"):
        with pytest.raises(KeyError, match="empty, has a dot or is an attribute"):
            net.add_module(name, nn.Tanh())
    with pytest.raises(TypeError, match="'c' is to be a Module, got function"):
        net.add_module("c", lambda: 0)
    with pytest.raises(TypeError, match="'c' is to be a Parameter, got ndarray"):
        net.register_parameter("c", np.ones(2))


# ---------------------------------------------------------------------------------- conversions


def test_to_and_half():
    net = nn.Sequential(nn.Linear(2, 2))
    net.register_buffer("count", np.zeros(1, int))
    assert net.half() is net and net[0].weight.dtype == np.float16
    for args, options in [
        ((np.float64,), {}),
        (("float32",), {}),
        (("cpu", np.float64), {}),
        ((), {"dtype": np.float32}),
        ((Tensor(np.zeros(1)),), {}),
    ]:
        wanted = np.float64 if np.float64 in args or args and isinstance(args[0], Tensor) else np.float32
        assert net.to(*args, **options) is net
        assert net[0].weight.dtype == wanted and net.count.dtype == int
    assert net.to("cpu").to(device="cpu:0").to(None)[0].weight.dtype == np.float64
    for device in ("cuda", "cuda:1", "mps"):
        with pytest.raises(ValueError, match="is not there; arrays of NumPy live on the 'cpu'"):
            net.to(device)
    with pytest.raises(TypeError, match="int64 is no float dtype"):
        net.to(np.int64)


# ---------------------------------------------------------------------------------- copies with hooks


def doubled(module, args, output):
    return output * 2


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_hooks_go_with_a_copy_and_are_its_own(duplicate):
    layer, x = nn.Linear(2, 2), np.ones((1, 2), np.float32)
    handle = layer.register_forward_hook(doubled)
    twin = duplicate(layer)
    expected = layer(x).numpy()
    np.testing.assert_array_equal(twin(x).numpy(), expected)
    handle.remove()
    np.testing.assert_array_equal(layer(x).numpy(), expected / 2)
    np.testing.assert_array_equal(twin(x).numpy(), expected)
