"""ModuleList, Sequential and ModuleDict."""

import numpy as np
import pytest

from tapegrad import nn


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
