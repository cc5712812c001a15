"""nn.save(state, path): PyTorch's form, dicts of states with numbers and words between them."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from tapegrad import nn
from tapegrad.autograd import Tensor

KEYS = st.one_of(st.text(max_size=4), st.integers(-5, 5), st.booleans())
DTYPES = st.sampled_from(["float32", "float64", "float16", "int64", "int8", "uint8", "bool"])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    DTYPES.flatmap(lambda dtype: arrays_of.arrays(dtype, arrays_of.array_shapes(min_dims=0, min_side=0))),
)
STATES = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.tuples(inner, inner), st.dictionaries(KEYS, inner, max_size=3)
        ),
        max_leaves=12,
    ),
    max_size=4,
)


def same(a, b) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        pairs = zip(a.items(), b.items(), strict=True)
        return len(a) == len(b) and all(same(k, m) and same(v, w) for (k, v), (m, w) in pairs)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b))


@settings(max_examples=60, deadline=None)
@given(state=STATES)
@example(state={"state": {0: (1, [2.5]), -3: [(), {}]}, True: None})
def test_what_is_saved_comes_back(tmp_path_factory, state):
    path = tmp_path_factory.mktemp("state") / "file"
    nn.save(state, path)
    assert same(nn.load(path), state)


def test_names_that_meet_do_not_hide_each_other(tmp_path):
    one, two, three = (np.array([i]) for i in range(3))
    state = {"a.b": one, "a": {"b": two, "b_": three}, "a.b_": [one, 7]}
    nn.save(state, tmp_path / "file")
    assert same(nn.load(tmp_path / "file"), state)


def test_any_layout_and_byte_order_and_numbers_of_numpy(tmp_path):
    x = np.arange(12, dtype=">f4").reshape(3, 4)
    nn.save({"x": x.T[::-1], "n": np.float32(0.5), "k": np.int64(3)}, tmp_path / "file")
    found = nn.load(tmp_path / "file")
    np.testing.assert_array_equal(found["x"], x.T[::-1])
    assert found["x"].dtype == np.float32 and found["n"] == 0.5 and type(found["k"]) is int


def test_tensors_come_back_as_tensors(tmp_path):
    weight = nn.Parameter(np.ones((2, 3), np.float32))
    nn.save([weight, (Tensor(np.arange(3)),)], tmp_path / "file")
    first, (second,) = nn.load(tmp_path / "file")
    assert isinstance(first, Tensor) and not first.requires_grad
    np.testing.assert_array_equal(first.data, weight.data)
    np.testing.assert_array_equal(second.data, [0, 1, 2])


def test_training_goes_on_from_a_checkpoint_as_pytorch_programs_write_it(tmp_path):
    def make():
        model = nn.Linear(3, 2)
        return model, nn.optim.Adam(model.parameters(), lr=0.1, betas=(0.8, 0.9))

    def train(model, optimizer, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            (model(np.ones((4, 3), np.float32)) ** 2).sum().backward()
            optimizer.step()

    model, optimizer = make()
    train(model, optimizer, 3)
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "best": math.inf}
    nn.save(state, tmp_path / "checkpoint")
    train(model, optimizer, 3)
    again, optimizer_again = make()
    checkpoint = nn.load(tmp_path / "checkpoint")
    again.load_state_dict(checkpoint["model"])
    optimizer_again.load_state_dict(checkpoint["optimizer"])
    assert (checkpoint["epoch"], checkpoint["best"]) == (3, math.inf)
    train(again, optimizer_again, 3)
    np.testing.assert_array_equal(again.weight.data, model.weight.data)
    assert optimizer_again.param_groups[0]["betas"] == (0.8, 0.9)


def test_what_cannot_be_saved_is_named_and_nothing_written(tmp_path):
    path = tmp_path / "file"
    model = nn.Linear(2, 2)
    for state, message in [
        ({"a": [1, {"model": model}]}, r"a.1.model is a Linear, .*; save the Linear's state_dict\(\)"),
        ({"a": {1, 2}}, "a is a set, and what is saved are dicts, lists and tuples"),
        ({"f": [print]}, "f.0 is a builtin_function_or_method"),
        ({"a": np.array(["x"])}, "a is an array of <U1, and only numbers are saved"),
        ([{(1, 2): 3}], r"0 has a key of tuple: \(1, 2\)"),
    ]:
        with pytest.raises(TypeError, match=f"nn.save: {message}"):
            nn.save(state, path)
    with pytest.raises(TypeError, match="model, epoch beside it; put all into the state"):
        nn.save({"step": 1}, path, model=model, epoch=3)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        nn.save({"step": 1}, tmp_path / "nowhere" / "file")
    assert not list(tmp_path.iterdir())


def test_loading_into_objects_needs_a_file_that_has_them(tmp_path):
    nn.save({"model": nn.Linear(2, 2).state_dict()}, tmp_path / "file")
    with pytest.raises(ValueError, match="this file holds no model"):
        nn.load(tmp_path / "file", model=nn.Linear(2, 2))


def test_a_damaged_state_is_noticed(tmp_path):
    path = tmp_path / "file"
    nn.save({"w": np.ones(1000)}, path)
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="damaged"):
        nn.load(path)
