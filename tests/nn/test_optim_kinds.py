"""What single optimizers do beside their formula, and all of them with replicas, files and odd gradients."""

import numpy as np
import pytest

from optim_rules import IDS, RULES, parameters, train
from parallel_cases import KINDS
from tapegrad import nn
from tapegrad.nn import optim, parallel


@pytest.mark.parametrize(("kind", "rule", "options"), RULES, ids=IDS)
def test_squares_that_overflow_make_no_noise(kind, rule, options):
    params = parameters(np.float32, [(4,)])
    optimizer = kind(params, **options)
    for gradient in ([0, 3e38, -3e38, 1e30], [0, 1, 3e38, 1], [0, 1, 1, 1]):
        params[0].grad = np.array(gradient, np.float32)
        optimizer.step()
    assert np.isfinite(params[0].data[0])


def test_a_group_without_eps_and_gradient():
    """0 / 0, where PyTorch has nan too."""
    for kind in (optim.RMSprop, optim.Adagrad, optim.Adam, optim.Adamax, optim.NAdam, optim.Adadelta):
        (p,) = parameters(shapes=[(1,)])
        p.grad = np.zeros(1)
        kind([p], eps=0).step()
        assert np.isnan(p.data).all(), kind


@pytest.mark.parametrize(("kind", "rule", "options"), RULES, ids=IDS)
def test_a_rate_of_0_moves_nothing_but_the_state(kind, rule, options):
    params = parameters()
    before = [p.data.copy() for p in params]
    list(train(kind(params, **{**options, "lr": 0.0}), params, 2))
    for p, was in zip(params, before, strict=True):
        if kind is optim.Rprop:  # whose steps are at least step_sizes[0], twice here
            assert (np.abs(p.data - was) <= 3 * options.get("step_sizes", (1e-6,))[0]).all()
        else:
            np.testing.assert_array_equal(p.data, was)


def test_the_average_of_asgd():
    """It is the mean of the parameters from update t0 + 2 on: Polyak's."""
    (p,) = parameters(shapes=[(3,)])
    optimizer, seen = optim.ASGD([p], lr=0.1, lambd=0.0, t0=2), []
    for _ in train(optimizer, [p], 8):
        seen.append(p.data.copy())
    np.testing.assert_allclose(optimizer.state[p]["ax"], np.mean(seen[3:], 0), rtol=1e-6)


def test_numbers_go_on_for_the_parameters_that_were_updated():
    params = parameters(shapes=[(3,), (4,), (5,)])
    optimizer = optim.NAdam(params, betas=(0.5, 0.9), momentum_decay=0)
    list(train(optimizer, params, 3, skip=lambda step, i: i == step or i == 2))
    state = optimizer.state_dict()["state"]
    assert [(i, entry["step"], entry["mu_product"]) for i, entry in state.items()] == [
        (0, 2, 0.25**2),
        (1, 2, 0.25**2),
    ]
    asgd = optim.ASGD(params, lr=0.5, lambd=1.0, alpha=1.0, t0=0)
    list(train(asgd, params, 3, skip=lambda step, i: i == step or i == 2))
    entry = asgd.state_dict()["state"][1]
    assert (entry["eta"], entry["mu"]) == (0.25, 0.5) and entry["eta"].dtype == np.float32
    asgd.param_groups[0]["lr"] = 0.125
    list(train(asgd, params, 1))
    np.testing.assert_allclose(asgd.state[params[0]]["eta"], 0.125 / (1 + 0.125 * 3))
    assert asgd.state[params[2]]["step"] == 1


def test_steps_of_rprop_grow_shrink_and_stay():
    p = nn.Parameter(np.zeros(5))
    optimizer = optim.Rprop([p], lr=1.0)
    p.grad = np.array([1.0, 1, -1, 0, 1])
    optimizer.step()
    p.grad = np.array([1.0, -1, -1, 1, 0])
    optimizer.step()
    np.testing.assert_allclose(optimizer.state[p]["step_size"], [1.2, 0.5, 1.2, 1, 1])
    np.testing.assert_array_equal(optimizer.state[p]["prev"], [1, 0, -1, 1, 0])
    np.testing.assert_allclose(p.data, [-2.2, -1, 2.2, -1, -1])


# ------------------------------------------------------------------------------- Adagrad


def test_adagrad_has_a_state_from_the_beginning():
    one, two = parameters(shapes=[(2,), (3,)])
    groups = [{"params": [one], "initial_accumulator_value": 0.25}, {"params": [two]}]
    optimizer = optim.Adagrad(groups, lr=1.0, eps=0, initial_accumulator_value=4.0)
    state = optimizer.state_dict()["state"]
    assert [entry["step"] for entry in state.values()] == [0, 0]
    np.testing.assert_array_equal(state[0]["sum"], np.full(2, 0.25))
    np.testing.assert_array_equal(state[1]["sum"], np.full(3, 4.0))
    other = optim.Adagrad([{"params": [one]}, {"params": [two]}])
    other.load_state_dict(optimizer.state_dict())
    np.testing.assert_array_equal(other.state[one]["sum"], np.full(2, 0.25))
    del state[1]  # what has none begins anew
    other.load_state_dict({**optimizer.state_dict(), "state": state})
    np.testing.assert_array_equal(other.state[two]["sum"], np.full(3, 4.0))


def test_adagrad_of_a_table_is_adagrad():
    table = np.array([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0], [1.0, 0.0]])
    ids, trained = np.array([0, 2, 2, 3, 1]), []
    for sparse in (True, False):
        layer = nn.Embedding(4, 2, sparse=sparse, _weight=table)
        optimizer = optim.Adagrad(layer.parameters(), 0.1, lr_decay=0.5, maximize=True)
        for step in range(4):
            optimizer.zero_grad()
            (layer(ids[step : step + 2]) ** 2).sum().backward()
            optimizer.step()
        trained.append([layer.weight.data, optimizer.state[layer.weight]["sum"]])
    np.testing.assert_allclose(*trained, rtol=1e-12)
    layer = nn.Embedding(4, 2, sparse=True)
    layer(ids).sum().backward()
    with pytest.raises(ValueError, match="Adagrad: weight_decay changes all rows of a table"):
        optim.Adagrad(layer.parameters(), weight_decay=0.1).step()


# ------------------------------------------------------------------------------- replicas and files

SOME = [
    (optim.Adagrad, {"initial_accumulator_value": 0.1}),
    (optim.ASGD, {"lr": 0.1, "lambd": 0.1, "t0": 1}),
    (optim.Lion, {"lr": 0.01, "weight_decay": 0.1}),
    (optim.NAdam, {"weight_decay": 0.1}),
    (optim.RMSprop, {"centered": True, "momentum": 0.9, "maximize": True}),
    (optim.Rprop, {}),
]
X, Y = np.random.default_rng(0).standard_normal((2, 6, 4))


def model_of():
    nn.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 4)).double()


def loss(model, x, y):
    return ((model(x) - y) ** 2).mean()


def looped(model, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model, X, Y).backward()
        optimizer.step()


def assert_same(ours, theirs):
    (model, optimizer), (other, its) = ours, theirs
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-9, atol=1e-12)
    state, expected = optimizer.state_dict()["state"], its.state_dict()["state"]
    for i, entry in expected.items():
        for name, array in entry.items():
            np.testing.assert_allclose(state[i][name], array, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(("kind", "options"), SOME, ids=lambda x: getattr(x, "__name__", ""))
@pytest.mark.parametrize("workers", KINDS)
def test_replicas_have_its_state_and_numbers(kind, options, workers):
    expected, model = model_of(), model_of()
    theirs, ours = kind(expected.parameters(), **options), kind(model.parameters(), **options)
    looped(expected, theirs, 5)
    looped(model, ours, 1)
    with parallel.replicate(model, ours, loss, workers=2, kind=workers) as replicas:
        for _ in range(3):
            replicas.step(X, Y)
    looped(model, ours, 1)
    assert_same((model, ours), (expected, theirs))


def test_replicas_begin_with_what_adagrad_begins_with():
    expected, model = model_of(), model_of()
    options = {"initial_accumulator_value": 0.1}
    theirs, ours = (optim.Adagrad(m.parameters(), **options) for m in (expected, model))
    looped(expected, theirs, 2)
    with parallel.replicate(model, ours, loss, workers=2, kind="threads") as replicas:
        replicas.step(X, Y)
        replicas.step(X, Y)
    assert_same((model, ours), (expected, theirs))


@pytest.mark.parametrize(("kind", "options"), SOME, ids=lambda x: getattr(x, "__name__", ""))
def test_a_run_goes_on_from_a_file(kind, options, tmp_path):
    expected, model = model_of(), model_of()
    theirs, ours = kind(expected.parameters(), **options), kind(model.parameters(), **options)
    looped(expected, theirs, 5)
    looped(model, ours, 3)
    nn.save(tmp_path / "run", model=model, optimizer=ours)
    again = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 4)).double()
    other = kind(again.parameters())
    nn.load(tmp_path / "run", model=again, optimizer=other)
    looped(again, other, 2)
    assert_same((again, other), (expected, theirs))
