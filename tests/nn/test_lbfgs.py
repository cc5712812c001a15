"""LBFGS against matrices written out, its options and its state."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbfgs_cases import WOLFE, problem, rosenbrock
from tapegrad import nn
from tapegrad.nn import parallel
from tapegrad.nn.optim import LBFGS, curvature

AFTER_STEPS = {*curvature.COUNTS, *curvature.LATER, "al"}


def slope(x):
    """The gradient of rosenbrock."""
    g = np.zeros_like(x)
    g[:-1] += -2 * (1 - x[:-1]) - 400 * x[:-1] * (x[1:] - x[:-1] ** 2)
    g[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return g


@pytest.mark.parametrize("history", [1, 3, 100])
def test_directions_are_those_of_the_inverse_hessian_written_out(history):
    x, optimizer, closure, _ = problem(lr=0.2, max_iter=1, history_size=history)
    want, pairs, step, before = x.data.copy(), [], None, None
    for _ in range(12):
        g = slope(want)
        if step is not None:
            y = g - before
            pairs = ([*pairs, (step, y)] if y @ step > 1e-10 else pairs)[-history:]
            s, y = pairs[-1]
            inverse = np.eye(4) * (s @ y) / (y @ y)
            for s, y in pairs:
                left = np.eye(4) - np.outer(s, y) / (s @ y)
                inverse = left @ inverse @ left.T + np.outer(s, s) / (s @ y)
            step = -0.2 * inverse @ g
        else:
            step = -0.2 * min(1, 1 / np.abs(g).sum()) * g
        want, before = want + step, g
        optimizer.step(closure)
        np.testing.assert_allclose(x.data, want, rtol=1e-9)


@pytest.mark.parametrize("lr", [0.003, 1, 30.0])
def test_the_search_ends_where_the_wolfe_conditions_hold(lr):
    x, optimizer, closure, seen = problem(max_iter=1, lr=lr, max_eval=25, **WOLFE)
    for _ in range(20):
        before = x.data.copy()
        optimizer.step(closure)
        state = optimizer.state[x]
        start, now = slope(before) @ state["d"], slope(x.data) @ state["d"]
        np.testing.assert_allclose(x.data, before + state["t"] * state["d"], rtol=1e-12)
        enough = rosenbrock(before) + 1e-4 * state["t"] * start
        assert rosenbrock(x.data) <= enough and abs(now) <= 0.9 * abs(start)
    assert len(seen) == state["func_evals"] and state["n_iter"] == 20


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 6), st.integers(0, 2**31))
def test_a_quadratic_is_solved(n, seed):
    rng = np.random.default_rng(seed)
    root, target = rng.standard_normal((n, n)), rng.standard_normal(n)
    matrix = root @ root.T + np.eye(n)
    x, optimizer, closure, _ = problem(
        lambda x: 0.5 * ((x - target) @ matrix * (x - target)).sum(), [0.0] * n, max_iter=100, **WOLFE
    )
    optimizer.step(closure)
    np.testing.assert_allclose(x.data, target, atol=1e-4)


def test_how_long_a_step_goes_on():
    _, optimizer, closure, seen = problem(max_iter=5, max_eval=100)
    optimizer.step(closure)
    assert len(seen) == 5
    _, optimizer, closure, seen = problem(max_iter=50, max_eval=7, lr=0.1)
    optimizer.step(closure)
    assert len(seen) == 7
    assert (
        optimizer.defaults["max_eval"] == 7 and LBFGS([nn.Parameter(np.ones(1))]).defaults["max_eval"] == 25
    )
    x, optimizer, closure, seen = problem(tolerance_grad=1e9)
    optimizer.step(closure)
    assert len(seen) == 1 and x.data.tolist() == [-1.2, 1.0, 0.5, -0.3]
    assert optimizer.state[x] == {"func_evals": 1, "n_iter": 0}


def test_parameters_of_two_dtypes_and_without_gradient():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype(dtype) for shape, dtype in SHAPES]
    params = [nn.Parameter(a.copy()) for a in arrays]
    optimizer = LBFGS(params, **WOLFE)

    def closure():
        optimizer.zero_grad()
        loss = sum(((p.astype(np.float64) - i) ** 2).sum() * (i + 1) for i, p in enumerate(params[:3]))
        loss.backward()
        return loss

    optimizer.step(closure)
    for i, p in enumerate(params[:3]):
        assert p.dtype == SHAPES[i][1]
        np.testing.assert_allclose(p.data, np.full(p.shape, i), atol=1e-3)
    np.testing.assert_array_equal(params[3].data, arrays[3])
    state = optimizer.state[params[0]]
    assert state["d"].dtype == np.float64 and state["d"].shape == (6 + 2 + 1 + 3,)
    np.testing.assert_array_equal(state["d"][-3:], 0)


SHAPES = [((2, 3), np.float32), ((2,), np.float64), ((), np.float32), ((3,), np.float32)]


def test_float16_parameters_have_their_state_in_float32():
    x, optimizer, closure, _ = problem(lambda x: ((x - 2) ** 2).sum() * 100, dtype=np.float16, **WOLFE)
    optimizer.step(closure)
    assert x.dtype == np.float16 and optimizer.state[x]["d"].dtype == np.float32
    np.testing.assert_allclose(x.data, np.full(4, 2.0), atol=0.01)


# ---------------------------------------------------------------------- options and state


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"lr": -1}, ValueError, "lr must be 0 or more, got -1"),
        ({"max_iter": 2.5}, TypeError, "max_iter must be a whole number, got 2.5"),
        ({"max_iter": "20"}, TypeError, "max_iter must be a whole number, got '20'"),
        ({"history_size": 0}, ValueError, "history_size must be 1 or more, got 0"),
        ({"line_search_fn": "wolfe"}, ValueError, "line_search_fn is None or \"strong_wolfe\", got 'wolfe'"),
        ({"tolerance_change": -1e-9}, ValueError, "tolerance_change must be 0 or more"),
    ],
)
def test_options_out_of_range(options, error, message):
    with pytest.raises(error, match=f"^LBFGS: {message}"):
        problem(**options)


def test_what_it_cannot_train():
    one, two = nn.Parameter(np.ones(2)), nn.Parameter(np.ones(3))
    with pytest.raises(ValueError, match="has one parameter group; give it all parameters in one list"):
        LBFGS([{"params": [one]}, {"params": [two]}])
    optimizer = LBFGS([one])
    with pytest.raises(ValueError, match="has one parameter group"):
        optimizer.add_param_group({"params": [two]})
    with pytest.raises(ValueError, match="an empty list of parameters"):
        LBFGS([{"params": []}])
    table = nn.Embedding(5, 3, sparse=True)
    optimizer = LBFGS(table.parameters())
    before = table.weight.data.copy()

    def closure():
        loss = table(np.array([1, 2])).sum()
        loss.backward()
        return loss

    with pytest.raises(TypeError, match="^LBFGS: takes no sparse gradients"):
        optimizer.step(closure)
    np.testing.assert_array_equal(table.weight.data, before)
    model = nn.Linear(2, 1)
    with pytest.raises(ValueError, match="replicate: LBFGS calls a closure several times a step"):
        parallel.replicate(model, LBFGS(model.parameters()), lambda model, x: model(x).mean(), workers=1)


@pytest.mark.parametrize("options", [{"lr": 0.3, "history_size": 3}, WOLFE])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_run_resumed_from_a_file_a_state_or_a_copy_goes_on(options, dtype, tmp_path):
    x, optimizer, closure, _ = problem(dtype=dtype, max_iter=3, **options)
    for _ in range(3):
        optimizer.step(closure)
    model = nn.ParameterList([x])
    nn.save(tmp_path / "run", model=model, optimizer=optimizer)
    state, values = optimizer.state_dict(), x.data.copy()
    assert set(state["state"][0]) == AFTER_STEPS and len(state["state"][0]["old_dirs"]) > 1
    twin, copied = copy.deepcopy((x, optimizer))
    for _ in range(3):
        optimizer.step(closure)

    def go_on(y, other):
        def again():
            other.zero_grad()
            value = rosenbrock(y)
            value.backward()
            return value

        for _ in range(3):
            other.step(again)
        np.testing.assert_array_equal(y.data, x.data)
        np.testing.assert_equal(other.state_dict(), optimizer.state_dict())

    go_on(twin, copied)
    y, other, _, _ = problem(dtype=dtype)
    nn.load(tmp_path / "run", model=nn.ParameterList([y]), optimizer=other)
    go_on(y, other)
    y, other, _, _ = problem(dtype=dtype, start=values)
    other.load_state_dict(state)  # what later steps did has not changed it
    go_on(y, other)


def test_a_state_that_does_not_fit_changes_nothing():
    x, optimizer, closure, _ = problem(max_iter=3)
    optimizer.step(closure)
    good = optimizer.state_dict()
    before = copy.deepcopy(good)

    def changed(**entry):
        return {**good, "state": {0: {**good["state"][0], **entry}}}

    for bad, message in [
        (changed(d=np.ones(3)), r"state of parameter 0: d has shape \(3,\), expected \(4,\)"),
        (changed(old_dirs=[np.ones(5)] * 2), r"old_dirs has shape \(5,\), expected \(4,\)"),
        (changed(ro=[1.0, 2.0]), r"old_dirs, old_stps and ro have \[1, 1, 2\] items"),
        (changed(prev_flat_grad=None), "state of parameter 0: has .*, expected func_evals, n_iter, d"),
        (changed(step=1), "has .*, step, expected func_evals"),
        ({**good, "state": {0: {"step": 3.0}}}, "has step, expected func_evals"),
        ({**good, "state": {1: good["state"][0]}}, "state for parameter 1"),
    ]:
        with pytest.raises(ValueError, match=f"^LBFGS: .*{message}"):
            optimizer.load_state_dict(bad)
        np.testing.assert_equal(optimizer.state_dict(), before)
    optimizer.load_state_dict({**good, "state": {}})
    assert optimizer.state_dict()["state"] == {}
