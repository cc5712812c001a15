"""Weights of a file that become a model's own without a copy: who sees writes, and what is copied."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest

import torch_zip
from tapegrad import nn
from tapegrad.nn import stored
from torch_zip import Tensor, archive, of_arrays, pickled

FORMATS = ["safetensors", "torch"]


def model(bias=True):
    return nn.Sequential(nn.Linear(8, 16, bias), nn.Tanh(), nn.Linear(16, 8, bias), nn.BatchNorm1d(8))


def write(path, weights, kind):
    if kind == "torch":
        state = weights.state_dict() if hasattr(weights, "state_dict") else weights
        path.write_bytes(of_arrays(state))
    else:
        nn.save_weights(path, weights)


def is_mapped(array):
    while isinstance(array, np.ndarray):
        array = array.base
    return type(array).__name__ == "mmap"


@pytest.fixture(params=FORMATS)
def kind(request):
    return request.param


@pytest.fixture
def path(tmp_path, kind):
    path = tmp_path / "w.bin"
    nn.manual_seed(0)
    write(path, model(), kind)
    return path


def loaded(path, weights=None, **how):
    with nn.utils.no_init():
        made = model()
    given = nn.load_weights(path, **how) if weights is None else weights
    assert made.load_state_dict(given, assign=True) == ([], [])
    return made


def test_nothing_is_copied(path):
    made = loaded(path)
    for name, array in made.state_dict().items():
        assert is_mapped(array) and array.flags.writeable and array.flags.aligned, name
        np.testing.assert_array_equal(array, nn.load_weights(path)[name], strict=True)


def test_what_is_written_is_ones_own(path):
    """Two models of one mapping, or of one file, and the file: none sees what another writes."""
    before = path.read_bytes()
    weights = nn.load_weights(path)
    one, two, three = loaded(path, weights), loaded(path, weights), loaded(path)
    kept = weights["0.weight"].copy()
    one[0].weight.data[...] = 7
    two[0].weight.data[0] = 8
    assert (one[0].weight.data == 7).all() and (two[0].weight.data[0] == 8).all()
    for array in (two[0].weight.data[1:], three[0].weight.data[1:], weights["0.weight"][1:]):
        np.testing.assert_array_equal(array, kept[1:])
    np.testing.assert_array_equal(three[0].weight.data, kept)
    np.testing.assert_array_equal(nn.load_weights(path)["0.weight"], kept)
    assert path.read_bytes() == before


def trained(made, x, steps=3):
    optimizer = nn.optim.AdamW(made.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        (made(x) ** 2).sum().backward()
        optimizer.step()
    return made


def test_training_is_that_of_copies(path):
    before = path.read_bytes()
    x = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    copied = model()
    copied.load_state_dict(nn.load_weights(path))
    mine, theirs = (trained(made, x).state_dict() for made in (loaded(path), copied))
    for name, array in mine.items():
        np.testing.assert_array_equal(array, theirs[name], err_msg=name)
    assert path.read_bytes() == before
    by_hand = loaded(path)
    (by_hand(x) ** 2).sum().backward()
    for parameter in by_hand.parameters():
        parameter.data -= 0.1 * parameter.grad
    assert path.read_bytes() == before


def test_writes_are_noticed(path):
    made = loaded(path)
    y = (made[0](np.ones((2, 8), np.float32)) * made[2].weight[0]).sum()
    nn.init.zeros_(made[2].weight)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()
    view = made[0].weight.detach()[1]
    made[0].weight.data[1] = 5
    assert (view.numpy() == 5).all()


def test_saved_over_the_file_that_is_mapped(path):
    made = loaded(path)
    nn.save_weights(path, made)
    made[0].weight.data += 1
    nn.save_weights(path, made)
    again = loaded(path)
    for name, array in made.state_dict().items():
        np.testing.assert_array_equal(again.state_dict()[name], array)
    path.unlink()
    weights = made.state_dict()
    late = loaded(path, nn_weights_of(again))
    assert late[0].weight.data.sum() == weights["0.weight"].sum()


def nn_weights_of(made):
    return {name: array.copy() for name, array in made.state_dict().items()}


def test_a_file_that_is_gone_or_replaced_is_mapped_again(path, tmp_path):
    weights = nn.load_weights(path)
    wanted = weights["0.weight"].copy()
    nn.save_weights(path, {"other": np.ones(9)})
    np.testing.assert_array_equal(loaded(path, weights)[0].weight.data, wanted)
    path.unlink()
    np.testing.assert_array_equal(loaded(path, weights)[0].weight.data, wanted)


def test_replayed_training_is_that_of_copies(path):
    x = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    mine, theirs = loaded(path), model()
    theirs.load_state_dict(nn.load_weights(path))
    for made, assign in ((mine, True), (theirs, False)):
        optimizer = nn.optim.SGD(made.parameters(), lr=0.1)
        loss_of = nn.replay(made, lambda made, x: (made(x) ** 2).mean())
        for step in range(9):
            if step == 5:  # between two replays
                made.load_state_dict(nn.load_weights(path), assign=assign)
            optimizer.zero_grad()
            loss_of(x).backward()
            optimizer.step()
    for name, array in mine.state_dict().items():
        np.testing.assert_array_equal(array, theirs.state_dict()[name], err_msg=name)


def test_copies_and_casts(path):
    made = loaded(path)
    for other in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        other[0].weight.data[...] = 3
        assert not (made[0].weight.data == 3).any()
    assert made.double()[0].weight.dtype == np.float64


# ------------------------------------------------------------------------------------ who shares what


def two(tied):
    net = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    if tied:
        net[1].weight = net[0].weight
    return net


def tied_file(path, kind):
    if kind == "safetensors":
        nn.save_weights(path, two(True))
    else:
        entries = {f"{i}.weight": Tensor("0", (4, 4), (4, 1)) for i in range(2)}
        path.write_bytes(archive(pickled(entries), {"0": np.arange(16, dtype="<f4").tobytes()}))


def test_tied_in_the_file_but_not_in_the_model(path, kind):
    tied_file(path, kind)
    weights = nn.load_weights(path)
    assert weights["0.weight"] is weights["1.weight"]
    net = two(False)
    net.load_state_dict(weights, assign=True)
    net[0].weight.data[...] = 99
    assert not (net[1].weight.data == 99).any() and is_mapped(net[0].weight.data)


def test_tied_in_both(path, kind):
    tied_file(path, kind)
    net = two(True)
    net.load_state_dict(nn.load_weights(path), assign=True)
    assert net[0].weight is net[1].weight and is_mapped(net[0].weight.data)


def test_views_of_one_storage_are_told_apart(tmp_path):
    """Parts that do not touch stay mapped; what overlaps, or has one element in several places, is copied."""
    path = tmp_path / "w.bin"
    entries = {
        "a": Tensor("0", (2, 4), (4, 1), 0, count=16),
        "b": Tensor("0", (2, 4), (4, 1), 8, count=16),
        "c": Tensor("0", (4, 4), (1, 4), 0, count=16),
        "d": Tensor("1", (4, 4), (1, 0), 0, count=16),
    }
    numbers = np.arange(16, dtype="<f4").tobytes()
    path.write_bytes(archive(pickled(entries), {"0": numbers, "1": numbers}))
    net = nn.ParameterDict(
        {n: nn.Parameter(np.zeros(t.arguments[1], np.float32)) for n, t in entries.items()}
    )
    net.load_state_dict(nn.load_weights(path), assign=True)
    arrays = [net[name].data for name in entries]
    for i, array in enumerate(arrays):
        assert not any(np.shares_memory(array, other) for other in arrays[:i])
        array[...] = np.arange(array.size).reshape(array.shape) + i
    for i, array in enumerate(arrays):
        np.testing.assert_array_equal(array.ravel(), np.arange(array.size) + i)
    assert sum(map(is_mapped, arrays)) == 2


def test_what_is_not_aligned_is_copied(tmp_path):
    path = tmp_path / "w.safetensors"
    header = b'{"weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}'
    header += b" " * (1 - len(header) % 4)
    path.write_bytes(len(header).to_bytes(8, "little") + header + np.arange(4, dtype="<f4").tobytes())
    assert not nn.load_weights(path)["weight"].flags.aligned
    net = nn.Linear(2, 2, bias=False)
    net.load_state_dict(nn.load_weights(path), assign=True)
    assert net.weight.flags.aligned and net.weight.data.flags.owndata and net.weight.data.sum() == 6


def test_arrays_of_the_program_are_handed_over(path):
    array = np.ones((4, 4), np.float32)
    net = nn.Linear(4, 4, bias=False)
    net.load_state_dict({"weight": array}, assign=True)
    assert net.weight.data is array
    array.flags.writeable = False
    net.load_state_dict({"weight": array}, assign=True)
    assert net.weight.data is not array and net.weight.data.flags.writeable


# ------------------------------------------------------------------------------------ narrow numbers


def halves(shape):
    rng = np.random.default_rng(1)
    return np.asarray(rng.normal(size=shape).astype(np.float32).view(np.uint32) >> 16, "<u2")


def narrow(path, kind, count=4, side=256):
    bits = {f"{i}.weight": halves((side, side)) for i in range(count)}
    if kind == "safetensors":
        stored_as = {name: array.view(stored.BFLOAT16) for name, array in bits.items()}
        from tapegrad.nn import safetensors

        safetensors.write(path, stored_as, {})
    else:
        entries = {n: Tensor(n, (side, side), (side, 1), kind="BFloat16Storage") for n in bits}
        path.write_bytes(archive(torch_zip.pickled(entries), {n: a.tobytes() for n, a in bits.items()}))
    return {name: (array.astype(np.uint32) << 16).view(np.float32) for name, array in bits.items()}


@pytest.mark.parametrize("assign", [False, True])
def test_bfloat16_is_widened_where_it_goes(path, kind, assign):
    """One by one: beside the parameters there is no room for two, though four are loaded."""
    wanted = narrow(path, kind)
    with nn.utils.no_init():
        net = nn.Sequential(*[nn.Linear(256, 256, bias=False) for _ in wanted])
    nn.load_weights(path)["0.weight"]  # imports
    tracemalloc.start()
    weights = nn.load_weights(path)
    assert tracemalloc.get_traced_memory()[0] < 100_000
    net.load_state_dict(weights, assign=assign)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    one = 4 * 256 * 256
    assert peak < (5.5 if assign else 1.5) * one  # a parameter is made before it takes the old one's place
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, wanted[name], strict=True)
        assert array.flags.writeable


def test_a_dtype_can_be_asked_for(path, kind):
    state = {"h": np.arange(6, dtype=np.float16), "f": np.arange(6, dtype=np.float32), "n": np.arange(6)}
    write(path, state, kind)
    weights = nn.load_weights(path, dtype=np.float32)
    assert [array.dtype for array in weights.values()] == [np.float32, np.float32, np.int64]
    for name, array in weights.items():
        np.testing.assert_array_equal(array, state[name])
        assert not array.flags.writeable
    assert nn.load_weights(path)["h"].dtype == np.float16
    assert nn.load_weights(path, dtype=np.float64)["h"].dtype == np.float64
    with pytest.raises(TypeError, match="nn.load_weights: int32 is no float dtype"):
        nn.load_weights(path, dtype=np.int32)


def test_casts_that_fail_leave_the_model_alone(path, kind):
    narrow(path, kind, count=2, side=4)
    net = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)).half()
    before = {name: array.copy() for name, array in net.state_dict().items()}
    weights = nn.load_weights(path)
    weights["1.weight"] = np.full((4, 4), 1e30, np.float32)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        net.load_state_dict(weights)
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


# ------------------------------------------------------------------------------------ the mapping


def test_weights_are_a_mapping(path, kind):
    narrow(path, kind, count=3, side=4)
    weights = nn.load_weights(path)
    assert list(weights) == ["0.weight", "1.weight", "2.weight"] and len(weights) == 3 and "x" not in weights
    assert repr(weights).startswith("Weights(0.weight: float32[4, 4], ")
    renamed = weights.renamed(lambda name: None if name[0] == "2" else "a." + name)
    assert list(renamed) == ["a.0.weight", "a.1.weight"]
    np.testing.assert_array_equal(renamed["a.1.weight"], weights["1.weight"])
    with pytest.raises(ValueError, match="two weights would be called 'w', '1.weight' is one of them"):
        weights.renamed(lambda name: "w")
    more = weights.copy()
    more["x"] = np.ones(2)
    del more["0.weight"]
    assert more.pop("1.weight").shape == (4, 4) and list(more) == ["2.weight", "x"] and len(weights) == 3
    both = weights | {"x": np.ones(2)}
    assert list(both) == [*weights, "x"] and both["x"].flags.writeable
    assert list({**weights}) == list(weights) and not weights["0.weight"].flags.writeable


def test_hooks_may_rename_what_is_not_made_yet(path, kind):
    wanted = narrow(path, kind, count=1, side=4)["0.weight"]
    net = nn.Linear(4, 4, bias=False)

    def rename(module, state, prefix, *_):
        state[prefix + "weight"] = state.pop("0.weight").T

    net.register_load_state_dict_pre_hook(rename)
    for assign in (False, True):
        net.load_state_dict(nn.load_weights(path), assign=assign)
        np.testing.assert_array_equal(net.weight.data, wanted.T)
