"""What a program changes in an optimizer by hand, and what is refused."""

import copy

import numpy as np
import pytest

from own_optimizers import Momentum, assert_equal, parameters, train
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn.optim import LBFGS, SGD, Adam, AdamW

# ---------------------------------------------------------------------- the state, by hand


def test_what_is_written_into_the_state_counts():
    p, q = parameters((3,), (2,))
    optimizer = Adam([p, q], lr=0.1)
    train(optimizer)
    optimizer.state[p]["step"] -= 2
    optimizer.state[p]["exp_avg"] *= 0.5
    optimizer.state[p]["exp_avg_sq"] = np.full(3, 7.0)
    saved = optimizer.state_dict()["state"][0]
    assert saved["step"] == 1 and optimizer.state[p]["step"] == 1
    np.testing.assert_array_equal(saved["exp_avg_sq"], 7.0)
    del optimizer.state[p]
    assert p not in optimizer.state and q in optimizer.state and len(optimizer.state) == 1
    fresh = Adam([Tensor(p.data, requires_grad=True)], lr=0.1)
    assert_equal(train(fresh), train(optimizer)[:1])
    was = optimizer.state.pop(q)
    assert was["step"] == 6 and was["exp_avg"].any() and optimizer.state[q] == {}
    optimizer.state[q] = was
    np.testing.assert_array_equal(optimizer.state[q]["exp_avg"], was["exp_avg"])
    optimizer.state = {p: {"step": 5, "exp_avg": np.ones(3), "exp_avg_sq": np.ones(3)}}
    assert [*optimizer.state] == [p] and optimizer.state[p]["step"] == 5
    optimizer.state.clear()
    assert not optimizer.state and optimizer.state_dict()["state"] == {}


def test_a_momentum_of_none_begins_anew():
    (p,) = parameters((3,))
    optimizer = SGD([p], lr=0.01, momentum=0.9, dampening=0.5)
    train(optimizer)
    optimizer.state[p]["momentum_buffer"] = None
    fresh = SGD([Tensor(p.data, requires_grad=True)], lr=0.01, momentum=0.9, dampening=0.5)
    assert_equal(train(optimizer), train(fresh))


def test_the_state_of_lbfgs_by_hand():
    (p,) = parameters((3,))
    optimizer = LBFGS([p], max_iter=2)

    def closure():
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    was = optimizer.state.pop(p)
    assert was["n_iter"] and not optimizer.state
    optimizer.state[p] = was
    assert optimizer.state[p]["n_iter"] == was["n_iter"]


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing():
    p, q = parameters((3,), (2,))
    optimizer = Adam([p], lr=0.1)
    train(optimizer)
    before = copy.deepcopy(optimizer.state_dict())
    cases = [
        (
            lambda: optimizer.state[p].update(exp_avg=np.ones(4)),
            ValueError,
            r"exp_avg of .* shape \(4,\), expected",
        ),
        (
            lambda: optimizer.state[p].pop("exp_avg"),
            ValueError,
            "expected exp_avg, exp_avg_sq, step. Give all",
        ),
        (lambda: optimizer.state[p].update(old=1), ValueError, "keep what is your own in a dict of yours"),
        (lambda: optimizer.state[q], KeyError, "this is none of them"),
        (lambda: setattr(optimizer, "state", {p: {"step": 1}}), ValueError, "is step, expected"),
    ]
    for write, kind, message in cases:
        with pytest.raises(kind, match=message):
            write()
    np.testing.assert_equal(optimizer.state_dict(), before)


# ---------------------------------------------------------------------- the groups, by hand


def test_parameters_that_are_exchanged_are_trained():
    p, q, new = parameters((3,), (2,), (4,))
    optimizer = Adam([{"params": [p]}, {"params": [q], "lr": 0.5}], lr=0.1)
    train(optimizer)
    kept = optimizer.state[q]["exp_avg"].copy()
    state = optimizer.state.pop(p)
    optimizer.param_groups[0]["params"][0] = new
    wide = {"step": state["step"], **{n: np.append(state[n], 0.0) for n in ("exp_avg", "exp_avg_sq")}}
    optimizer.state[new] = wide
    np.testing.assert_array_equal(optimizer.state[q]["exp_avg"], kept)
    twin = Adam([Tensor(new.data, requires_grad=True), Tensor(q.data, requires_grad=True)], lr=0.1)
    twin.add_param_group({"params": [], "lr": 0.5})
    twin.param_groups[1]["params"].append(twin.param_groups[0]["params"].pop())
    for one, other in zip((new, q), [g["params"][0] for g in twin.param_groups], strict=True):
        twin.state[other] = copy.deepcopy(dict(optimizer.state[one]))
    assert_equal(train(optimizer), train(twin))
    del optimizer.param_groups[0]
    was = new.data.copy()
    train(optimizer)
    np.testing.assert_array_equal(new.data, was)
    assert [*optimizer.state] == [q]


def test_groups_that_cannot_be_trained():
    p, q = parameters((3,), (2,))
    optimizer = SGD([p], lr=0.1)
    optimizer.param_groups.append({"params": [q]})
    with pytest.raises(
        ValueError, match=r"SGD: param_groups\[1\] lacks .*lr.*; add groups by add_param_group"
    ):
        optimizer.step()
    optimizer.param_groups[1:] = []
    optimizer.param_groups[0]["params"].append(p)
    with pytest.raises(ValueError, match="listed twice"):
        optimizer.step()
    optimizer.param_groups[0]["params"][1] = p.data
    with pytest.raises(TypeError, match="takes Tensors"):
        optimizer.state_dict()
    optimizer.param_groups[0]["params"].pop()
    optimizer.add_param_group({"params": q})
    train(optimizer)


# ---------------------------------------------------------------------- what is no option, and no state


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, Momentum])
@pytest.mark.parametrize("params", [None, 3, 1.5, print, np.array(1.0), [{"params": 3}]])
def test_what_are_no_parameters(kind, params):
    with pytest.raises(TypeError, match=f"^{kind.__name__}: params must be Tensors, as model.parameters"):
        kind(params)


@pytest.mark.parametrize("name", ["lr", "weight_decay", "momentum"])
def test_options_that_would_spoil_every_parameter(name):
    with pytest.raises(ValueError, match=f"SGD: {name} must be finite, got inf"):
        SGD(parameters((2,)), **{name: np.inf})


def damaged(state, /, **changes):
    """The state with other options in its group, and another entry of its first parameter."""
    state = copy.deepcopy(state)
    group, entry = state["param_groups"][0], state["state"][0]
    for name, value in changes.items():
        (entry if name in entry else group if name in group else state)[name] = value
    return state


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state": None}, r"'state' is {index: state of a parameter}, got None"),
        ({"state": {1: [1, 2]}}, r"state of parameter 1 is {name: array}, got \[1, 2\]"),
        ({"state": {"x": {}}}, "state for parameter x, but there are 2 parameters"),
        ({"param_groups": [None]}, "'param_groups' are dicts with indices as 'params'"),
        ({"params": None}, "'param_groups' are dicts with indices as 'params'"),
        ({"step": np.nan}, "step of parameter 0 is nan, expected a number of updates"),
        ({"step": -1}, "step of parameter 0 is -1, expected a number of updates"),
        ({"step": 2.0**70}, "expected a number of updates"),
        ({"step": "x"}, "step of parameter 0 has dtype <U1, expected numbers"),
        ({"exp_avg": np.full(3, "x")}, "exp_avg of parameter 0 has dtype <U1, expected numbers"),
    ],
)
def test_a_damaged_state_changes_nothing(changes, message):
    optimizer = Adam(parameters((3,), (2,)), lr=0.1)
    train(optimizer)
    before, values = copy.deepcopy(optimizer.state_dict()), parameters((3,), (2,))
    for each in (optimizer, Adam(values, lr=0.5)):
        was = copy.deepcopy(each.state_dict())
        with pytest.raises(ValueError, match=f"^Adam: .*{message}"):
            each.load_state_dict(damaged(before, **changes))
        np.testing.assert_equal(each.state_dict(), was)


def test_a_rate_that_a_schedule_made_negative_is_saved_and_loaded(tmp_path):
    optimizer = SGD(parameters((3,)), lr=0.1)
    optimizer.param_groups[0]["lr"] = -0.01
    nn.save(tmp_path / "run", optimizer=optimizer)
    again = SGD(parameters((3,)), lr=0.1)
    nn.load(tmp_path / "run", optimizer=again)
    assert again.param_groups[0]["lr"] == -0.01


@pytest.mark.parametrize("name", ["model", "optimizer", "schedule"])
@pytest.mark.parametrize("given", [{}, "x", nn.Linear])
def test_what_has_no_state_is_not_saved(name, given, tmp_path):
    given = given if given is not nn.Linear else object()
    for act in (nn.save, nn.load):
        with pytest.raises(
            TypeError, match=rf"nn.{act.__name__}: {name} has no (load_)?state_dict\(\), got "
        ):
            act(tmp_path / "run", **{name: given})
    with pytest.raises(TypeError, match=r"nn.save_weights: metadata are strings by name, not 3"):
        nn.save_weights(tmp_path / "weights", {"a": np.ones(2)}, 3)
    assert not [*tmp_path.iterdir()]
