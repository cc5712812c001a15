"""state_dict and load_state_dict: names, strictness, messages, casts, and that loading is all or nothing."""

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor


class Net(nn.Module):
    def __init__(self):
        self.linear = nn.Linear(2, 3)
        self.gain = nn.Parameter(np.array(1.5, np.float32))
        self.register_buffer("count", 0)
        self.register_buffer("cache", np.zeros(2), persistent=False)

    def forward(self, x):
        self.count = self.count + 1  # a NumPy scalar from here on
        return self.linear(x) * self.gain


NEW = {
    "gain": np.float32(3),
    "count": 7,
    "linear.weight": np.arange(6.0).reshape(3, 2),
    "linear.bias": [1, 2, 3],
}


def values(net):
    return {name: array.copy() for name, array in net.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def test_the_state_holds_the_arrays_themselves():
    net = Net()
    state = net.state_dict()
    assert list(state) == ["gain", "count", "linear.weight", "linear.bias"]
    assert state["linear.weight"] is net.linear.weight.data
    assert all(type(array) is np.ndarray for array in state.values())


def test_loading_casts_and_writes_in_place():
    net = Net()
    before = net.linear.weight.data
    assert net.load_state_dict(NEW) == ([], [])
    assert net.linear.weight.data is before and before.dtype == np.float32
    assert same(values(net), {name: np.asarray(value) for name, value in NEW.items()})
    assert not np.shares_memory(before, NEW["linear.weight"])


def test_a_scalar_buffer_is_loaded_after_arithmetic_on_it():
    net = Net()
    net(np.zeros((1, 2), np.float32))
    assert net.state_dict()["count"] == 1
    net.load_state_dict(NEW)
    assert net.count == 7


def test_loading_takes_tensors_and_another_models_state():
    net, other = Net(), Net()
    net.load_state_dict({name: Tensor(value) for name, value in NEW.items()})
    other.load_state_dict(net.state_dict())
    assert same(values(net), values(other))
    other.linear.weight.data += 1
    assert not same(values(net), values(other))


def test_tied_parameters_are_loaded_under_both_names():
    net = nn.Module()
    net.a = nn.Linear(2, 2, bias=False)
    net.b = nn.Linear(2, 2, bias=False)
    net.b.weight = net.a.weight
    eye = np.eye(2, dtype=np.float32)
    net.load_state_dict({"a.weight": eye, "b.weight": eye})
    assert net.a.weight is net.b.weight and (net.a.weight.numpy() == eye).all()


@pytest.mark.parametrize("strict", [True, False])
def test_every_problem_is_named_and_nothing_is_loaded(strict):
    net = Net()
    before = values(net)
    state = {
        "count": [1, 2.5],
        "linear.weigth": np.zeros((3, 2)),
        "linear.bias": np.zeros((1, 3)),
        "gain": "loud",
        "extra": 1.0,
    }
    with pytest.raises(ValueError) as error:
        net.load_state_dict(state, strict=strict)
    lines = [
        "Net.load_state_dict:",
        "  misshapen: count has shape (2,), expected (); linear.bias has shape (1, 3), expected (3,)",
        "  of another kind: gain has dtype <U4, expected float32; count has dtype float64, expected int64",
        "  missing: linear.weight (nearest: linear.weigth)",
        "  unexpected: linear.weigth (nearest: linear.weight), extra",
    ]
    assert str(error.value).splitlines() == (lines if strict else lines[:3])
    assert same(values(net), before)


def test_of_a_state_that_does_not_fit_at_all_the_first_names_are_shown(monkeypatch):
    """Of thousands, which could be compared with each other for hours."""
    compared = []

    def nearest(key, others, count):
        compared.append(len(others))
        return others[:count]

    monkeypatch.setattr("difflib.get_close_matches", nearest)
    net = nn.ParameterDict({f"own{i:04}": nn.Parameter(np.zeros(1, np.float32)) for i in range(3000)})
    with pytest.raises(ValueError) as error:
        net.load_state_dict({f"other{i}": np.zeros(1) for i in range(5000)})
    _, missing, unexpected = str(error.value).splitlines()
    assert missing.startswith("  missing: own0000 (nearest: other0), own0001 (nearest")
    assert missing.endswith("own0019 (nearest: other0), and 2,980 more")
    assert unexpected.endswith("other19 (nearest: own0000), and 4,980 more")
    assert sum(compared) <= 20_000
    with pytest.raises(ValueError, match=r"own0019 has shape \(2,\), expected \(1,\); and 2,980 more$"):
        net.load_state_dict({name: np.zeros(2) for name in net.state_dict()})


def test_not_strict_passes_over_missing_and_unexpected_names():
    net = Net()
    weight = net.linear.weight.numpy().copy()
    result = net.load_state_dict({"gain": 5, "other": 1}, strict=False)
    assert result.missing_keys == ["count", "linear.weight", "linear.bias"]
    assert result.unexpected_keys == ["other"]
    assert net.gain.item() == 5 and (net.linear.weight.numpy() == weight).all()


@pytest.mark.parametrize(
    ("bad", "dtype"),
    [("three", "<U5"), (None, "object"), (1j, "complex128"), (7.0, "float64"), (np.float32(7), "float32")],
)
def test_kinds_that_would_lose_what_they_are_load_nothing(bad, dtype):
    net = Net()
    before = values(net)
    with pytest.raises(ValueError, match=f"of another kind: count has dtype {dtype}, expected int64"):
        net.load_state_dict({**NEW, "count": bad})
    assert same(values(net), before)


@pytest.mark.parametrize(
    ("own", "given"),
    [
        (np.float32, [1, 0]),
        (np.float32, np.array([1, 0], np.float64)),
        (np.float32, np.array([1, 0], np.float16)),
        (np.float64, np.array([1, 0], ">f4")),
        (np.float32, [True, False]),
        (np.uint8, [1, 0]),
        (np.int32, np.array([1, 0], np.uint64)),
        (np.int64, [True, False]),
        (np.complex64, [1.0, 0.0]),
        (bool, [True, False]),
    ],
)
def test_kinds_that_can_be_cast_are(own, given):
    module = nn.Module()
    module.register_buffer("b", np.zeros(2, own))
    module.load_state_dict({"b": given})
    assert module.b.dtype == own
    np.testing.assert_array_equal(module.b, np.array([1, 0], own))


def test_a_number_too_large_for_the_dtype_loads_nothing():
    """Warnings are errors here: the cast fails before anything is written."""
    net = Net()
    before = values(net)
    with pytest.raises(RuntimeWarning, match="overflow"):
        net.load_state_dict({**NEW, "linear.bias": [1.0, 1e300, 0.0]})
    assert same(values(net), before)


def test_a_backward_through_the_state_before_loading_is_refused():
    net = Net()
    x = Tensor(np.ones((1, 2), np.float32), requires_grad=True)
    loss = net(x).sum()
    net.load_state_dict(NEW)
    with pytest.raises(RuntimeError, match="changed in place after the forward pass"):
        loss.backward()
    net(x).sum().backward()
    np.testing.assert_array_equal(x.grad, 3 * NEW["linear.weight"].sum(0, keepdims=True))


def test_loading_reaches_what_an_optimizer_holds():
    net = Net()
    optimizer = nn.optim.SGD(net.parameters(), lr=1.0)
    net.load_state_dict(NEW)
    net(np.ones((1, 2), np.float32)).sum().backward()
    optimizer.step()
    np.testing.assert_array_equal(net.linear.bias.numpy(), [1 - 3, 2 - 3, 3 - 3])


def test_the_result_reads_as_pytorchs():
    layer = nn.Linear(1, 1)
    assert str(layer.load_state_dict(layer.state_dict())) == "<All keys matched successfully>"
    partly = layer.load_state_dict({"bias": np.ones(1), "b": np.ones(1)}, strict=False)
    assert str(partly) == "LoadResult(missing_keys=['weight'], unexpected_keys=['b'])"
