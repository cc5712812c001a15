"""Optimizers against plain per-array formulas; missing gradients, groups and state."""

import copy
import math

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad import nn
from tapegrad.nn.optim import SGD, Adam, AdamW, flat

SHAPES = [(3, 4), (5,), (), (2, 0), (40, 3), (7,)]


def sgd(p, g, s, t, lr=1e-3, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    g = g + weight_decay * p
    if momentum:
        s["b"] = g if t == 1 else momentum * s["b"] + (1 - dampening) * g
        g = g + momentum * s["b"] if nesterov else s["b"]
    return p - lr * g


def adam(p, g, s, t, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    if decoupled:
        p = p - lr * weight_decay * p
    else:
        g = g + weight_decay * p
    s["m"] = betas[0] * s.get("m", 0) + (1 - betas[0]) * g
    s["v"] = betas[1] * s.get("v", 0) + (1 - betas[1]) * g * g
    return p - lr * (s["m"] / (1 - betas[0] ** t)) / (np.sqrt(s["v"] / (1 - betas[1] ** t)) + eps)


def adamw(p, g, s, t, **options):
    return adam(p, g, s, t, **{"weight_decay": 1e-2, **options}, decoupled=True)


RULES = [
    (SGD, sgd, {}),
    (SGD, sgd, {"lr": 0.1, "weight_decay": 0.1}),
    (SGD, sgd, {"lr": 0.1, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.01}),
    (SGD, sgd, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    (Adam, adam, {}),
    (Adam, adam, {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    (AdamW, adamw, {}),
    (AdamW, adamw, {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.0}),
]
IDS = [f"{kind.__name__}-{'-'.join(options)}" for kind, _, options in RULES]


def parameters(dtype=np.float64, shapes=SHAPES):
    rng = np.random.default_rng(0)
    return [nn.Parameter(np.asarray(rng.standard_normal(shape), dtype)) for shape in shapes]


def train(optimizer, params, steps, skip=lambda step, i: False, seed=1):
    """Steps with made-up gradients; yields after each the gradients that were given."""
    rng = np.random.default_rng(seed)
    for step in range(steps):
        gradients = [np.asarray(rng.standard_normal(p.shape), p.dtype) for p in params]
        for i, p in enumerate(params):
            p.grad = None if skip(step, i) else gradients[i].copy()
        optimizer.step()
        yield [None if p.grad is None else g for p, g in zip(params, gradients, strict=True)]


@pytest.mark.parametrize(("kind", "rule", "options"), RULES, ids=IDS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 2e-5)])
@pytest.mark.parametrize("chunk", [flat.CHUNK, 16], ids=["whole", "cut"])
def test_update_follows_its_formula(kind, rule, options, dtype, tolerance, chunk, monkeypatch):
    monkeypatch.setattr(flat, "CHUNK", chunk)
    params = parameters(dtype)
    expected = [p.data.astype(np.float64) for p in params]
    state = [{} for _ in params]
    count = [0] * len(params)
    # parameter 1 has no gradient at times, so its count of updates falls behind its neighbours'
    for gradients in train(
        kind(params, **options), params, 40, skip=lambda step, i: i == 1 and step % 3 == 0
    ):
        for i, (p, g) in enumerate(zip(params, gradients, strict=True)):
            if g is not None:
                count[i] += 1
                expected[i] = rule(expected[i], g.astype(np.float64), state[i], count[i], **options)
                assert np.array_equal(p.grad, g), "step() changed a gradient"
    for p, want in zip(params, expected, strict=True):
        assert p.dtype == dtype
        np.testing.assert_allclose(p.data, want, rtol=tolerance, atol=tolerance)


def test_groups_have_options_of_their_own():
    one, two, three = parameters(shapes=[(3,), (4,), (2,)])
    optimizer = SGD([{"params": [one], "lr": 0.5}, {"params": two, "weight_decay": 1.0}], lr=0.1)
    optimizer.add_param_group({"params": [three], "lr": 0.0})
    before = [p.data.copy() for p in (one, two, three)]
    for p in (one, two, three):
        p.grad = np.ones_like(p.data)
    optimizer.step()
    np.testing.assert_allclose(one.data, before[0] - 0.5)
    np.testing.assert_allclose(two.data, before[1] - 0.1 * (1 + before[1]))
    np.testing.assert_array_equal(three.data, before[2])
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.1, 0.0]


def test_two_dtypes_in_one_group():
    params = [
        *parameters(np.float32, [(3,)]),
        *parameters(np.float64, [(4,)]),
        *parameters(np.float32, [(2, 2)]),
    ]
    before = [p.data.copy() for p in params]
    optimizer = SGD(params, lr=0.5, momentum=0.9)
    for p in params:
        p.grad = np.ones_like(p.data)
    optimizer.step()
    for p, was in zip(params, before, strict=True):
        assert p.dtype == was.dtype
        np.testing.assert_allclose(p.data, was - 0.5)
    assert [entry["momentum_buffer"].shape for entry in optimizer.state_dict()["state"].values()] == [
        (3,),
        (4,),
        (2, 2),
    ]


def test_parameters_keep_their_values_and_share_one_buffer():
    weight = nn.Parameter(np.arange(6.0).reshape(2, 3).T)  # not C-contiguous
    bias = nn.Parameter(np.arange(3.0))
    AdamW([weight, bias])
    np.testing.assert_array_equal(weight.data, np.arange(6.0).reshape(2, 3).T)
    assert weight.data.base is bias.data.base is not None
    assert weight.data.flags.c_contiguous


def test_gradient_of_any_layout():
    (p,) = parameters(shapes=[(3, 4)])
    before = p.data.copy()
    p.grad = np.arange(12.0).reshape(4, 3).T
    SGD([p], lr=1.0).step()
    np.testing.assert_array_equal(p.data, before - np.arange(12.0).reshape(4, 3).T)


def test_an_array_bound_to_a_parameter_later_is_trained():
    params = parameters(shapes=[(3,), (4,)])
    optimizer = SGD(params, lr=1.0)
    mine = np.full(4, 7.0)
    params[1].data = mine
    params[1].grad = np.ones(4)
    optimizer.step()
    np.testing.assert_array_equal(params[1].data, np.full(4, 6.0))
    np.testing.assert_array_equal(mine, np.full(4, 7.0))  # taken over by value
    optimizer.step()
    np.testing.assert_array_equal(params[1].data, np.full(4, 5.0))
    params[1].data = np.ones(5)
    with pytest.raises(ValueError, match=r"was \(4,\) float64 .* is \(5,\) float64"):
        optimizer.step()


def test_two_optimizers_over_the_same_parameters():
    (p,) = parameters(shapes=[(3,)])
    before = p.data.copy()
    first, second = SGD([p], lr=1.0), SGD([p], lr=10.0)
    p.grad = np.ones(3)
    for optimizer in (first, second, first):
        optimizer.step()
    np.testing.assert_allclose(p.data, before - 12)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
def test_a_deep_copy_trains_apart(kind):
    options = {"momentum": 0.9} if kind is SGD else {}
    params = parameters()
    optimizer = kind(params, **options)
    list(train(optimizer, params, 3))
    params2, optimizer2 = copy.deepcopy((params, optimizer))
    halfway = [p.data.copy() for p in params]
    list(train(optimizer2, params2, 3, seed=2))
    for p, was in zip(params, halfway, strict=True):
        np.testing.assert_array_equal(p.data, was)
    list(train(optimizer, params, 3, seed=2))
    for p, q in zip(params, params2, strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_parameters_without_gradient_stay():
    frozen, used, unused = parameters(shapes=[(3,), (4,), (5,)])
    frozen.requires_grad = False
    before = [p.data.copy() for p in (frozen, used, unused)]
    optimizer = AdamW([frozen, used, unused], weight_decay=0.5)
    used.grad = np.ones(4)
    optimizer.step()
    np.testing.assert_array_equal(frozen.data, before[0])
    np.testing.assert_array_equal(unused.data, before[2])
    assert not np.array_equal(used.data, before[1])
    assert list(optimizer.state_dict()["state"]) == [1]


def test_backward_through_updated_weights_raises():
    (weight,) = parameters(shapes=[(3, 3)])
    optimizer = SGD([weight], lr=0.1)
    y = ((weight * 2.0) @ weight).sum()
    weight.grad = np.ones((3, 3))
    optimizer.step()
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def over_one_array(matrix):
    """Two parameters that share memory."""
    p, q = nn.Parameter(matrix), nn.Parameter(matrix[1:])
    q.data = p.data[1:]
    return [p, q]


def test_zero_grad():
    used, unused = parameters(shapes=[(3,), (2,)])
    optimizer = SGD([used, unused])
    used.grad = np.ones(3)
    optimizer.zero_grad(set_to_none=False)
    np.testing.assert_array_equal(used.grad, np.zeros(3))
    assert unused.grad is None
    optimizer.zero_grad()
    assert used.grad is None


def test_what_cannot_be_optimized_is_refused():
    p, q = parameters(shapes=[(3,), (4,)])
    matrix = np.ones((2, 3))
    cases = [
        (lambda: SGD([]), ValueError, "empty list"),
        (lambda: SGD([p, q, p]), ValueError, "listed twice"),
        (lambda: SGD([{"params": [p]}, {"params": [q, p]}]), ValueError, "listed twice"),
        (lambda: SGD(over_one_array(matrix)), ValueError, "share memory"),
        (lambda: SGD([p * 2.0]), ValueError, "computed by multiply is no leaf"),
        (lambda: SGD([np.ones(3)]), TypeError, "ndarray"),
        (lambda: SGD([(1, p)]), TypeError, "tuple"),
        (lambda: SGD([("weight", p), q]), ValueError, "all parameters come with a name"),
        (lambda: SGD({p, q}), TypeError, "a set has no order"),
        (lambda: SGD([p], differentiable=True), ValueError, "differentiable=True is not there"),
        (lambda: SGD([p], foreach="yes"), TypeError, "foreach must be True or False, got 'yes'"),
        (lambda: SGD([p, {"params": [q]}]), TypeError, "not both"),
        (lambda: SGD([p], lr=-1.0), ValueError, "lr must be 0 or more, got -1.0"),
        (lambda: SGD([p], lr=math.nan), ValueError, "lr must be"),
        (lambda: SGD([p], weight_decay=-1.0), ValueError, "weight_decay"),
        (lambda: SGD([p], momentum=-1.0), ValueError, "momentum"),
        (lambda: SGD([p], nesterov=True), ValueError, "nesterov"),
        (lambda: Adam([p], betas=(0.9, 1.0)), ValueError, "betas"),
        (lambda: AdamW([p], eps=-1.0), ValueError, "eps"),
        (lambda: AdamW([{"params": [p], "momentum": 0.9}]), ValueError, "no option momentum"),
        (lambda: AdamW([{"params": [p], "lr": -2.0}]), ValueError, "AdamW: lr must be 0 or more, got -2.0"),
    ]
    for make, kind, message in cases:
        with pytest.raises(kind, match=message):
            make()


# ------------------------------------------------------------------------------------------ state


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


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("kind", [SGD, AdamW])
def test_gradients_that_are_not_finite_change_nothing(kind, bad):
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    optimizer = kind(model.named_parameters())
    for p in model.parameters():
        p.grad = np.full(p.shape, 1e30 if kind is SGD else 1e18, np.float32)  # whose squares overflow
    optimizer.step()
    before = [p.data.copy() for p in model.parameters()]
    model[1].weight.grad[0, 1] = bad
    nans, infs = (1, 0) if np.isnan(bad) else (0, 1)
    message = (
        rf"parameter 2 \(1.weight\), of shape \(1, 3\), has {nans} nan and {infs} inf; nothing was changed"
    )
    with pytest.raises(FloatingPointError, match=f"^{kind.__name__}: the gradient of {message}"):
        optimizer.step()
    for p, was in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.data, was)
    assert optimizer.calls == 1 and [*optimizer.buffers()][0][1].steps.tolist() == [1] * 4
