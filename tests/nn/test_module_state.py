"""Hooks of the state, what is saved beside arrays, arrays that are assigned; buffers."""

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor


class Counting(nn.Module):
    """Saves a number that is no array."""

    def __init__(self):
        self.layer = nn.Linear(2, 1)
        self.count = 0

    def get_extra_state(self):
        return {"count": self.count}

    def set_extra_state(self, state):
        self.count = state["count"]


# ---------------------------------------------------------------------------------- state_dict


def test_prefix_destination_and_the_parameters_themselves():
    net, into = nn.Sequential(nn.Linear(2, 1)), {"before": 1}
    state = net.state_dict(destination=into, prefix="net.", keep_vars=True)
    assert state is into and list(into) == ["before", "net.0.weight", "net.0.bias"]
    assert into["net.0.weight"] is net[0].weight
    assert list(net.state_dict({}, "a.")) == ["a.0.weight", "a.0.bias"]


def test_a_class_may_have_its_own_state_dict():
    class Renaming(nn.Linear):
        def state_dict(self, *args, prefix="", **options):
            return super().state_dict(*args, prefix=prefix + "own.", **options)

    assert list(nn.Sequential(Renaming(1, 1)).state_dict()) == ["0.own.weight", "0.own.bias"]


def test_extra_state_is_saved_and_loaded(tmp_path):
    net, other, third = (nn.Sequential(Counting()) for _ in range(3))
    net[0].count = 7
    assert list(net.state_dict())[0] == "0._extra_state"
    other.load_state_dict(net.state_dict())
    nn.save(tmp_path / "net", model=net)
    nn.load(tmp_path / "net", model=third)
    assert other[0].count == third[0].count == 7
    state = net.state_dict()
    del state["0._extra_state"]
    with pytest.raises(ValueError, match="missing: 0._extra_state"):
        other.load_state_dict(state)
    assert other.load_state_dict(state, strict=False).missing_keys == ["0._extra_state"]
    with pytest.raises(ValueError, match="unexpected: _extra_state"):
        nn.Linear(2, 1).load_state_dict({**nn.Linear(2, 1).state_dict(), "_extra_state": {}})


def test_extra_state_is_not_set_where_arrays_do_not_fit():
    net = Counting()
    with pytest.raises(ValueError, match="misshapen"):
        net.load_state_dict({"_extra_state": {"count": 5}, "layer.weight": [1.0], "layer.bias": [0.0]})
    assert net.count == 0


def test_arrays_are_assigned():
    net = nn.Linear(2, 1)
    net.register_buffer("mean", np.zeros(2))
    weight, kept = np.ones((1, 2)), net.weight
    net.load_state_dict({"weight": weight, "bias": [3.0], "mean": np.ones(2)}, assign=True)
    assert net.weight is kept and net.weight.data is weight and net.weight.requires_grad
    assert (
        net.weight.dtype == np.float64
        and (net.mean == 1).all()
        and dict(net.named_buffers())["mean"] is net.mean
    )
    with pytest.raises(ValueError, match="misshapen"):
        net.load_state_dict({"weight": np.ones(2), "bias": [3.0], "mean": np.ones(2)}, assign=True)
    with pytest.raises(ValueError, match="of another kind"):
        net.load_state_dict({"weight": np.ones((1, 2), int), "bias": [3.0], "mean": np.ones(2)}, assign=True)
    frozen = np.ones((1, 2))
    frozen.flags.writeable = False
    net.load_state_dict({"weight": frozen, "bias": [3.0], "mean": np.ones(2)}, assign=True)
    net.weight.data[...] = 2
    assert (frozen == 1).all()


def test_what_is_no_mapping_is_refused():
    with pytest.raises(TypeError, match="Linear.load_state_dict: a state is a mapping"):
        nn.Linear(1, 1).load_state_dict([("weight", 1)])


# ---------------------------------------------------------------------------------- hooks


def test_hooks_of_the_state():
    net, told = nn.Sequential(nn.Linear(2, 1)), []
    net[0].register_state_dict_pre_hook(lambda module, prefix, keep: told.append((module, prefix, keep)))
    handle = net[0].register_state_dict_post_hook(
        lambda module, state, prefix, meta: state.update({f"{prefix}more": np.ones(1)})
    )
    assert list(net.state_dict()) == ["0.weight", "0.bias", "0.more"]
    assert told == [(net[0], "0.", False)]
    net.load_state_dict(dict(list(net.state_dict().items())[:2]))  # whose hooks say nothing of what it takes
    handle.remove()
    assert list(net.state_dict()) == ["0.weight", "0.bias"]


def test_a_hook_renames_what_is_loaded():
    net = nn.Sequential(nn.Linear(2, 1))

    def old_names(module, state, prefix, meta, strict, missing, unexpected, errors):
        state[f"{prefix}weight"] = state.pop(f"{prefix}w")

    net[0].register_load_state_dict_pre_hook(old_names)
    given = {"0.w": np.ones((1, 2)), "0.bias": np.zeros(1)}
    assert net.load_state_dict(given) == ([], [])
    assert (net[0].weight.data == 1).all() and "0.w" in given


def test_a_class_renames_what_is_loaded():
    class Old(nn.Linear):
        def _load_from_state_dict(self, state_dict, prefix, *others):
            state_dict[f"{prefix}weight"] = state_dict.pop(f"{prefix}w")
            super()._load_from_state_dict(state_dict, prefix, *others)

    net = nn.Sequential(Old(2, 1))
    net.load_state_dict({"0.w": np.ones((1, 2)), "0.bias": np.zeros(1)})
    assert (net[0].weight.data == 1).all()


def test_a_hook_finds_an_error_and_nothing_is_loaded():
    net = nn.Linear(2, 1)
    before = net.weight.data.copy()
    net.register_load_state_dict_pre_hook(lambda *given: given[-1].append("this is no good"))
    with pytest.raises(ValueError, match="Linear.load_state_dict:\n  this is no good"):
        net.load_state_dict({"weight": np.ones((1, 2)), "bias": np.zeros(1)})
    np.testing.assert_array_equal(net.weight.data, before)


def test_a_hook_afterwards_forgives_what_is_missing():
    net, told = nn.Sequential(nn.Linear(2, 1)), []

    def forgive(module, incompatible):
        told.append(module.weight.data.sum())
        incompatible.missing_keys.remove("0.bias")

    net[0].register_load_state_dict_post_hook(forgive)
    net.load_state_dict({"0.weight": np.ones((1, 2))})
    assert told == [2]
    with pytest.raises(ValueError, match="unexpected: more"):
        net.load_state_dict({"0.weight": np.ones((1, 2)), "more": 1})


# ---------------------------------------------------------------------------------- buffers


def test_an_array_that_is_assigned_to_a_buffer_is_the_buffer():
    net = nn.Module()
    net.mean = nn.Buffer(np.zeros(2))
    net.cache = nn.Buffer(np.zeros(1), persistent=False)
    assert type(net.mean) is np.ndarray and list(net.state_dict()) == ["mean"]
    net.mean = np.ones(2)
    net.cache = Tensor([3.0])
    assert [name for name, _ in net.named_buffers()] == ["mean", "cache"] and (
        net.state_dict()["mean"] == 1
    ).all()
    net.mean = None
    assert list(net.state_dict()) == []
    net.mean = np.zeros(3)
    assert list(net.state_dict()) == ["mean"]
    with pytest.raises(TypeError, match="Module.mean is a buffer, and no str takes its place"):
        net.mean = "a"


def test_a_parameter_takes_the_place_of_a_buffer():
    net = nn.Module()
    net.register_buffer("scale", np.zeros(2))
    net.scale = nn.Parameter(np.ones(2))
    assert list(net.buffers()) == [] and list(net.state_dict()) == ["scale"]


def test_names_of_buffers_are_checked():
    net = nn.Linear(2, 1)
    for name in ("", "a.b", "weight", "forward"):
        with pytest.raises(KeyError, match="is empty, has a dot or is an attribute"):
            net.register_buffer(name, np.zeros(1))
    with pytest.raises(TypeError, match="a name is a string, not 3"):
        net.register_buffer(3, np.zeros(1))
    with pytest.raises(TypeError, match="'mean' is to be a buffer, an array, got str"):
        net.register_buffer("mean", "abc")
    net.register_buffer("mean", np.zeros(1))
    net.register_buffer("mean", np.ones(1), persistent=False)  # again
    assert list(net.state_dict()) == ["weight", "bias"]


# ---------------------------------------------------------------------------------- walking


def test_without_recursion_and_with_duplicates():
    layer = nn.Linear(1, 1, bias=False)
    net = nn.Sequential(layer, layer)
    net.gain = nn.Parameter(np.ones(1))
    net.register_buffer("mean", np.zeros(1))
    layer.register_buffer("low", np.zeros(1))
    names = lambda pairs: [name for name, _ in pairs]  # noqa: E731
    assert names(net.named_parameters(recurse=False)) == ["gain"] and len(list(net.parameters(False))) == 1
    assert names(net.named_parameters(remove_duplicate=False)) == ["gain", "0.weight", "1.weight"]
    assert names(net.named_buffers("n", recurse=False)) == ["n.mean"]
    assert names(net.named_buffers(remove_duplicate=False)) == ["mean", "0.low", "1.low"]
    assert names(net.named_modules(remove_duplicate=False)) == ["", "0", "1"]
    assert len(list(net.modules(remove_duplicate=False))) == 3 and len(list(net.children())) == 1
    memo = {layer}
    assert names(net.named_modules(memo)) == [""] and memo == {layer, net}
    assert "0" not in dir(net) and "gain" in dir(net)


def test_set_submodule():
    net = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.Tanh()))
    new = nn.ReLU()
    net.set_submodule("1.0", new)
    net.set_submodule("1.more", nn.Tanh())
    assert net[1][0] is new and len(net[1]) == 2
    for path, module, options in [("1.9", new, {"strict": True}), ("0.weight", new, {}), ("7.0", new, {})]:
        with pytest.raises(AttributeError, match="no attribute|is no module"):
            net.set_submodule(path, module, **options)
    for path, module in [("", new), ("0", 3)]:
        with pytest.raises(ValueError, match="sets a Module at the path of one"):
            net.set_submodule(path, module)


# ---------------------------------------------------------------------------------- modes and devices


def test_a_part_that_stays_in_evaluation():
    class Frozen(nn.Module):
        def __init__(self):
            self.norm = nn.LayerNorm(2)

        def train(self, mode=True):
            super().train(mode)
            self.norm.eval()
            return self

    net = nn.Sequential(Frozen()).train()
    assert net[0].training and not net[0].norm.training
    with pytest.raises(ValueError, match="mode is True or False, not 3"):
        net.train(3)


def test_what_numpy_has_not_is_said():
    layer = nn.Linear(1, 1)
    with pytest.raises(TypeError, match="NumPy has no bfloat16; use half"):
        layer.bfloat16()
    for ask in (layer.cuda, lambda: layer.cuda(1), lambda: layer.to_empty(device="cuda")):
        with pytest.raises(ValueError, match="is not there; arrays of NumPy live on the 'cpu'"):
            ask()
    with pytest.raises(NotImplementedError, match="nn.parallel.replicate"):
        layer.share_memory()
    with pytest.raises(TypeError, match="unexpected keyword argument 'dtyp'"):
        layer.to(dtyp=np.float64)
    assert layer.cpu() is layer and layer.compile() is None and layer.to_empty(device="cpu") is layer
    assert layer.type(np.float64).weight.dtype == np.float64
    assert layer.to("cpu", np.float32, True).weight.dtype == np.float32
    assert layer.to(tensor=Tensor(np.zeros(1)), non_blocking=True).weight.dtype == np.float64
