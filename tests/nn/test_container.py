"""ModuleList, Sequential and ModuleDict."""

import copy
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor


def layers(n):
    return [nn.Linear(1, 1) for _ in range(n)]


def test_a_list_is_indexed_sliced_and_iterated():
    a, b, c = given = layers(3)
    stack = nn.ModuleList(given)
    assert list(stack) == given and len(stack) == 3
    assert stack[0] is a and stack[-1] is c
    assert type(stack[1:]) is nn.ModuleList and list(stack[1:]) == [b, c]
    assert list(reversed(stack)) == [c, b, a]
    assert b in stack and nn.Linear(1, 1) not in stack and stack.index(b) == 1
    with pytest.raises(IndexError):
        stack[3]
    assert [name for name, _ in stack[1:].named_children()] == ["0", "1"]
    assert nn.ModuleList(m for m in given)[2] is c
    assert not list(nn.ModuleList())


def test_a_list_is_changed_in_place_and_renamed():
    a, b, c, d = layers(4)
    stack = nn.ModuleList([a])
    stack.append(c)
    stack.insert(1, b)
    stack.extend([d])
    assert list(stack) == [a, b, c, d]
    assert list(stack.state_dict())[::2] == ["0.weight", "1.weight", "2.weight", "3.weight"]
    stack[-1] = a
    assert list(stack) == [a, b, c, a]
    stack[1:3] = [d]
    assert list(stack) == [a, d, a]
    del stack[0]
    assert list(stack) == [d, a] and [name for name, _ in stack.named_children()] == ["0", "1"]
    assert stack.pop() is a and len(stack) == 1
    stack += [b, c]
    assert list(stack) == [d, b, c]
    del stack[:]
    assert len(stack) == 0


def test_a_list_refuses_what_is_no_module_and_stays_as_it_was():
    given = layers(2)
    stack = nn.ModuleList(given)
    for change in (
        lambda: stack.append(3),
        lambda: stack.insert(0, "a"),
        lambda: stack.extend([[]]),
        lambda: stack.__setitem__(0, None),
        lambda: nn.Sequential({"a": given[0]}),
    ):
        with pytest.raises(TypeError, match=r"^(ModuleList|Sequential) holds modules, not "):
            change()
    assert list(stack) == given
    with pytest.raises(IndexError):
        stack[5] = given[0]
    with pytest.raises(NotImplementedError, match=r"ModuleList has no forward\(\)"):
        stack(np.zeros(1))


def test_sequential_calls_one_after_the_other():
    a, b = nn.Linear(2, 3).double(), nn.Linear(3, 1).double()
    net = nn.Sequential(a, nn.Tanh(), b)
    x = np.ones((4, 2))
    np.testing.assert_array_equal(net(x).numpy(), b(np.tanh(a(x))).numpy())
    assert type(net[:2]) is nn.Sequential
    np.testing.assert_array_equal(net[:2](x).numpy(), np.tanh(a(x)).numpy())
    assert net[0].weight is net[:2][0].weight
    net.append(nn.ReLU())
    assert (net(x).numpy() >= 0).all()
    assert list(nn.Sequential([a, b])) == [a, b]
    assert len(net[:0]) == 0 and net[:0](x) is x


def test_a_dict_holds_modules_by_name():
    a, b, c = layers(3)
    towers = nn.ModuleDict({"left": a, "right": b})
    assert list(towers) == list(towers.keys()) == ["left", "right"]
    assert list(towers.values()) == [a, b] and dict(towers.items()) == {"left": a, "right": b}
    assert towers["right"] is b and "left" in towers and "up" not in towers and len(towers) == 2
    assert list(towers.state_dict()) == ["left.weight", "left.bias", "right.weight", "right.bias"]
    towers["left"] = c
    assert list(towers.values()) == [c, b]
    assert towers.pop("left") is c
    towers.update({"up": a})
    del towers["right"]
    assert list(towers) == ["up"]
    assert towers == towers and towers != nn.ModuleDict({"up": a}) and {towers: 1}[towers] == 1


def test_a_dict_refuses_names_and_values():
    towers = nn.ModuleDict()
    for name in ("forward", "training", "keys", "", "a.b"):
        with pytest.raises(KeyError, match="ModuleDict cannot use the name"):
            towers[name] = nn.Tanh()
    with pytest.raises(TypeError, match="ModuleDict holds modules, not function"):
        towers["fn"] = lambda x: x
    for miss in (lambda: towers["up"], lambda: towers.__delitem__("up"), lambda: towers.pop("training")):
        with pytest.raises(KeyError):
            miss()


def test_sequential_with_names():
    a, b = layers(2)
    net = nn.Sequential(OrderedDict(first=a, second=b))
    assert net.first is a and list(net.state_dict())[0] == "first.weight"
    assert [name for name, _ in net[1:].named_children()] == ["second"]
    net.append(nn.Tanh())
    assert [name for name, _ in net.named_children()] == ["first", "second", "2"]
    net[0] = nn.ReLU()
    assert type(net.first) is nn.ReLU
    del net[0]
    assert [name for name, _ in net.named_children()] == ["0", "1"]
    with pytest.raises(KeyError, match="has a dot"):
        nn.Sequential(OrderedDict([("a.b", a)]))


def test_sequential_is_added_and_multiplied():
    a, b, c = layers(3)
    net = nn.Sequential(a, b)
    assert list(net + nn.Sequential(c)) == [a, b, c] and list(net * 2) == list(2 * net) == [a, b, a, b]
    assert len((net * 2).state_dict()) == 8 and len(list((net * 2).parameters())) == 4
    same = net
    net += nn.Sequential(c)
    net *= 2
    assert net is same and list(net) == [a, b, c, a, b, c]
    with pytest.raises(ValueError, match="add another Sequential, or use extend"):
        net + [a]
    for factor, error in [(0, ValueError), (1.5, TypeError)]:
        with pytest.raises(error, match="the factor is"):
            net * factor
    assert net.pop(1) is b and list(net.insert(-1, b)) == [a, c, a, b, b, c]
    with pytest.raises(IndexError, match="99 is outside of 6 modules"):
        net.insert(99, a)
    with pytest.raises(IndexError, match="Sequential of 6 modules has none at 6"):
        net[6]
    assert not isinstance(net, nn.ModuleList)


def test_lists_return_themselves():
    a, b, c = layers(3)
    stack = nn.ModuleList().append(a).extend([b])
    assert list(stack + [c]) == [a, b, c] and len(stack) == 2
    with pytest.raises(TypeError, match="ModuleList.extend takes modules, not int"):
        stack.extend(3)
    with pytest.raises(TypeError, match="holds modules, not str"):
        stack.extend([c, "x"])
    assert list(stack) == [a, b]
    twice = nn.ModuleList([a, a])
    assert len(twice) == 2 and list(twice) == [a, a] and len(list(twice.parameters())) == 2


def test_a_dict_is_updated_with_pairs():
    a, b = layers(2)
    towers = nn.ModuleDict([("a", a)])
    towers.update(nn.ModuleDict({"b": b}))
    assert list(towers) == ["a", "b"]
    for given, error, words in [
        (3, TypeError, "a mapping or pairs"),
        ([3], TypeError, "element 0 is a int"),
        ([("a", b), ("c",)], ValueError, "element 1 has length 1"),
        ({3: a}, TypeError, "names, which are strings"),
    ]:
        with pytest.raises(error, match=words):
            towers.update(given)
    assert towers["a"] is a
    towers.clear()
    assert len(towers) == 0


# ---------------------------------------------------------------------------------- of parameters


def test_a_list_of_parameters_and_of_other_things():
    p = nn.Parameter(np.ones(2))
    held = nn.ParameterList([p, np.zeros(3), "text"])
    assert held[0] is p and isinstance(held[1], nn.Parameter) and held[-1] == "text" and len(held) == 3
    assert [name for name, _ in held.named_parameters()] == ["0", "1"] and list(held.state_dict()) == [
        "0",
        "1",
    ]
    assert list(held[::2]) == [p, "text"]
    held += [Tensor([1.0])]
    held[2] = np.ones(1)
    assert [q.shape for q in held.parameters()] == [(2,), (3,), (1,), (1,)]
    held[0] = 5
    assert list(held.state_dict()) == ["1", "2", "3"] and held.pop(0) == 5
    assert list(held.state_dict()) == ["0", "1", "2"] and len(held) == 3
    for miss in (lambda: held[3], lambda: held.__setitem__(-4, 1)):
        with pytest.raises(IndexError, match="ParameterList of 3 values has none at"):
            miss()
    with pytest.raises(TypeError, match="takes a list of values, not a ndarray"):
        held.extend(np.zeros(2))
    with pytest.raises(TypeError, match="is no layer and should not be called"):
        held(1)
    assert repr(held).startswith("ParameterList(Parameter float64[3], Parameter float64[1]")


def test_a_dict_of_parameters():
    p = nn.Parameter(np.ones(2))
    held = nn.ParameterDict({"b": p, "a": np.zeros(1)})
    assert list(held) == ["a", "b"] and list(held.state_dict()) == [
        "a",
        "b",
    ]  # of a dict sorted, as in PyTorch
    assert list(nn.ParameterDict([("b", p), ("a", p)])) == ["b", "a"] == list(reversed(held))
    held["c"] = 5
    assert held.get("c") == 5 and held.get("d") is None and held.pop("c") == 5 and "c" not in held
    assert (
        held.setdefault("b", 1) is p
        and held.setdefault("d", [0.5]) == [0.5]
        and held.popitem() == ("d", [0.5])
    )
    both = held | nn.ParameterDict({"e": p})
    assert list(both) == ["a", "b", "e"] and both["e"] is p and len(held) == 2 and both.copy()["b"] is p
    held |= both
    assert (
        list(held.keys()) == ["a", "b", "e"] and list(held.values())[1] is p and list(held.items())[1][1] is p
    )
    assert dict(held.fromkeys(["x", "y"], 2.0).items()) == {"x": 2.0, "y": 2.0}
    for name in ("forward", "a.b", ""):
        with pytest.raises(KeyError, match="cannot use the name"):
            held[name] = p
    with pytest.raises(KeyError):
        held["nothing"]
    with pytest.raises(TypeError, match="names, which are strings, not 3"):
        held[3] = p
    del held["a"]
    held.clear()
    assert len(held) == 0 and list(held.parameters()) == []
    with pytest.raises(KeyError, match="empty"):
        held.popitem()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_of_containers(duplicate):
    made = [
        nn.ParameterList([np.ones(2), 3]),
        nn.ParameterDict({"a": np.ones(2), "b": "x"}),
        nn.Sequential(OrderedDict(a=nn.Linear(1, 1))),
        nn.ModuleDict({"a": nn.Linear(1, 1)}),
    ]
    for container in made:
        twin = duplicate(container)
        assert list(twin.state_dict()) == list(container.state_dict()) and len(twin) == len(container)
        assert next(twin.parameters()) is not next(container.parameters())
