"""The state of optimizers, saved and loaded; closures, hooks, names and maximize."""

import copy

import numpy as np
import pytest

import tapegrad.autograd as ag
from optim_rules import IDS, RULES, parameters, train
from tapegrad import nn
from tapegrad.nn.optim import SGD, Adam, AdamW


@pytest.mark.parametrize(("kind", "rule", "options"), RULES, ids=IDS)
def test_state_continues_bit_for_bit(kind, rule, options):
    skip = lambda step, i: i == 4 or (i == 1 and step == 1)  # noqa: E731
    params = parameters(np.float32)
    optimizer = kind(params, **options)
    list(train(optimizer, params, 3, skip))
    params2 = [nn.Parameter(p.data.copy()) for p in params]
    optimizer2 = kind(params2, lr=123.0)
    list(train(optimizer2, params2, 2, seed=5))  # a state of its own, to be replaced
    for p, q in zip(params, params2, strict=True):
        q.data[...] = p.data
    optimizer2.load_state_dict(optimizer.state_dict())
    assert repr(optimizer2) == repr(optimizer)
    for each, its in ((optimizer, params), (optimizer2, params2)):
        list(train(each, its, 3, seed=2))
    for p, q in zip(params, params2, strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_state_has_pytorchs_layout():
    params = parameters(shapes=[(2, 3), (4,)])
    optimizer = AdamW([{"params": params[:1]}, {"params": params[1:], "lr": 0.5}])
    assert optimizer.state_dict()["state"] == {}
    list(train(optimizer, params, 2, skip=lambda step, i: step == 0 and i == 0))
    state = optimizer.state_dict()
    assert [group["params"] for group in state["param_groups"]] == [[0], [1]]
    assert {i: (entry["step"], entry["exp_avg"].shape) for i, entry in state["state"].items()} == {
        0: (1, (2, 3)),
        1: (2, (4,)),
    }
    assert set(state["state"][0]) == {"step", "exp_avg", "exp_avg_sq"}


def test_momentum_is_kept_only_where_it_is_used():
    params = parameters(shapes=[(2,), (3,)])
    optimizer = SGD([{"params": params[:1]}, {"params": params[1:], "momentum": 0.9}])
    list(train(optimizer, params, 1))
    assert {i: set(entry) for i, entry in optimizer.state_dict()["state"].items()} == {1: {"momentum_buffer"}}


def test_a_state_that_does_not_fit_changes_nothing():
    def trained(kind, shapes):
        params = parameters(shapes=shapes)
        optimizer = kind(params, lr=0.25)
        list(train(optimizer, params, 1))
        return optimizer

    optimizer = trained(AdamW, [(2, 3), (4,)])
    before = copy.deepcopy(optimizer.state_dict()["state"])
    for other, message in [
        (trained(AdamW, [(2, 3)]), r"groups of \[1\] parameters, this optimizer of \[2\]"),
        (trained(AdamW, [(2, 3), (5,)]), r"exp_avg of parameter 1 has shape \(5,\), expected \(4,\)"),
        (trained(SGD, [(2, 3), (4,)]), "lack betas, eps: another optimizer's"),
    ]:
        other.param_groups[0]["lr"] = 77.0
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict(other.state_dict())
    state = optimizer.state_dict()
    assert state["param_groups"][0]["lr"] == 0.25
    for index, entry in before.items():
        for name, array in entry.items():
            np.testing.assert_array_equal(state["state"][index][name], array)
    state["state"][9] = state["state"][0]
    with pytest.raises(ValueError, match="state for parameter 9"):
        optimizer.load_state_dict(state)
    del state["state"][9], state["state"][0]["exp_avg"]
    with pytest.raises(
        ValueError, match="parameter 0 is exp_avg_sq, step, expected exp_avg, exp_avg_sq, step"
    ):
        optimizer.load_state_dict(state)


def test_a_module_is_no_list_of_parameters():
    with pytest.raises(TypeError, match=r"module\.parameters\(\)"):
        SGD(nn.Linear(2, 2))


# ------------------------------------------------------------------------------------------ calls


def test_a_closure_makes_the_gradients_and_gives_the_loss():
    (p,) = parameters(shapes=[(3,)])
    optimizer, losses = SGD([p], lr=0.1), []

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with ag.no_grad():
        losses = [optimizer.step(closure).item() for _ in range(3)]
    assert losses[0] > losses[1] > losses[2] and optimizer.calls == 3
    np.testing.assert_allclose(losses[1] / losses[0], 0.8**2)


def test_hooks_of_a_step_and_of_the_state():
    (p,) = parameters(shapes=[(3,)])
    optimizer, seen = SGD([p], lr=0.1, momentum=0.9), []
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(("pre", args, kwargs)))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(("post", args, kwargs)))
    optimizer.step()
    before.remove()
    optimizer.step()
    assert seen == [("pre", (optimizer,), {}), ("post", (optimizer,), {}), ("post", (optimizer,), {})]
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: 7), {}))
    assert optimizer.step() == 7
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 1)
    with pytest.raises(RuntimeError, match="SGD: a hook before step.. gave 1"):
        optimizer.step()
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "more": 1})
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "more": 0, "first": 1}, prepend=True)
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("saving"))
    state = optimizer.state_dict()
    assert state["more"] == state["first"] == 1
    optimizer.register_load_state_dict_pre_hook(lambda o, given: seen.append(given))
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    optimizer.load_state_dict(state)
    optimizer.state_dict()
    assert seen[-4:] == ["saving", state, "loaded", "saving"]


def test_names_of_parameters():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    optimizer = Adam(model.named_parameters())
    assert optimizer.param_groups[0]["param_names"][-1] == "1.bias"
    assert optimizer.param_groups[0]["params"] == list(model.parameters())
    optimizer.load_state_dict(optimizer.state_dict())
    with pytest.raises(ValueError, match="all parameters come with a name"):
        optimizer.add_param_group({"params": [nn.Parameter(np.ones(2))]})
    optimizer.add_param_group({"params": [("more", nn.Parameter(np.ones(2)))], "lr": 1})
    assert [len(group["params"]) for group in optimizer.param_groups] == [4, 1]


@pytest.mark.parametrize(("kind", "rule", "options"), RULES, ids=IDS)
def test_maximize_climbs_where_the_other_sign_descends(kind, rule, options):
    up, down = parameters(), parameters()
    list(train(kind(up, **options, maximize=True), up, 5))
    optimizer = kind(down, **options)
    rng = np.random.default_rng(1)
    for _ in range(5):
        for p in down:
            p.grad = np.asarray(-rng.standard_normal(p.shape))
        optimizer.step()
    for p, q in zip(up, down, strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_state_is_seen_by_parameter():
    p, q = parameters(shapes=[(2, 3), (4,)])
    optimizer = Adam([p, q])
    p.grad = np.ones((2, 3))
    optimizer.step()
    assert optimizer.state[p]["step"] == 1 and optimizer.state[q] == {}
    optimizer.state[p]["exp_avg"][...] = 0
    assert (optimizer.state_dict()["state"][0]["exp_avg"] == 0).all()
