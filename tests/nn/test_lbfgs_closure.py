"""What the closure of LBFGS may be and do."""

import copy
import math

import numpy as np
import pytest

import tapegrad.autograd as ag
from lbfgs_cases import WOLFE, problem, rosenbrock
from tapegrad import nn
from tapegrad.nn import functional as F
from tapegrad.nn.optim import LBFGS


def test_what_a_closure_returns():
    def run(change):
        x, optimizer, closure, _ = problem(max_iter=6)
        with ag.no_grad():  # the closure has gradients all the same
            given = optimizer.step(lambda: change(closure()))
        return x.data, given

    want, loss = run(lambda loss: loss)
    assert isinstance(loss, ag.Tensor) and loss.item() == rosenbrock(np.array([-1.2, 1.0, 0.5, -0.3]))
    for change in (lambda loss: loss.item(), lambda loss: loss.reshape(1), lambda loss: loss.data):
        np.testing.assert_array_equal(run(change)[0], want)
    for change, got in [(lambda loss: None, "None"), (lambda loss: np.ones(3), r"one of shape \(3,\)")]:
        with pytest.raises(TypeError, match=f"^LBFGS: the closure must return the loss, .*, got {got}"):
            run(change)


def test_a_closure_is_needed():
    x, optimizer, _, _ = problem()
    with pytest.raises(
        TypeError, match=r"^LBFGS: step\(\) needs a closure, got None: .* backward\(\) and returns"
    ):
        optimizer.step()
    with pytest.raises(TypeError, match="needs a closure, got 3"):
        optimizer.step(3)
    assert optimizer.state_dict()["state"] == {}


@pytest.mark.parametrize("options", [{}, WOLFE])
def test_a_closure_that_raises_leaves_parameters_and_state_as_they_were(options):
    x, optimizer, closure, seen = problem(max_iter=4, **options)
    optimizer.step(closure)
    before, state = x.data.copy(), copy.deepcopy(optimizer.state_dict()["state"])

    def failing():
        if len(seen) == count + 3:
            raise KeyboardInterrupt
        return closure()

    count = len(seen)
    with pytest.raises(KeyboardInterrupt):
        optimizer.step(failing)
    np.testing.assert_array_equal(x.data, before)
    np.testing.assert_equal(optimizer.state_dict()["state"], state)
    twin, other, again, _ = problem(max_iter=4, **options)
    for _ in range(2):
        other.step(again)
    optimizer.step(closure)
    np.testing.assert_array_equal(x.data, twin.data)


@pytest.mark.parametrize("options", [{}, WOLFE, {"lr": 0.0, **WOLFE}])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_losses_that_are_not_finite_end_the_step(options, bad):
    x, optimizer, closure, seen = problem(max_iter=4, **options)
    optimizer.step(lambda: closure() * (bad if len(seen) > 2 else 1))
    assert len(seen) <= 6 and np.isfinite(x.data).all()
    x, optimizer, closure, seen = problem(lambda x: (x * bad).sum(), max_iter=4, **options)
    with np.errstate(all="ignore"):
        optimizer.step(closure)
    assert len(seen) <= 6


def test_a_search_comes_back_from_where_the_loss_is_infinite():
    def loss(x):
        return ((x - 1) ** 2).sum() + (math.inf if x.data.max() > 3 else 0.0)

    x, optimizer, closure, seen = problem(loss, [0.0, 0.0], lr=50.0, **WOLFE)
    optimizer.step(closure)
    assert max(point.max() for point in seen) > 3
    np.testing.assert_allclose(x.data, [1, 1], atol=1e-4)


def test_a_graph_from_before_a_step_is_noticed():
    x, optimizer, closure, _ = problem(max_iter=1)
    loss = rosenbrock(x)
    optimizer.step(closure)
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


def test_warnings_of_the_closure_are_its_own():
    x, optimizer, closure, _ = problem(lambda x: rosenbrock(x) + np.log(np.zeros(1)).sum(), max_iter=2)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        optimizer.step(closure)


def test_a_parameter_bound_anew_in_the_closure_is_trained():
    x, optimizer, closure, _ = problem(max_iter=3)
    y, other, again, _ = problem(max_iter=3)

    def rebinding():
        x.data = x.data.copy()
        return closure()

    optimizer.step(rebinding)
    other.step(again)
    np.testing.assert_array_equal(x.data, y.data)


@pytest.mark.parametrize("options", [{"lr": 0.5}, WOLFE])
def test_a_replayed_loss_gives_the_same_numbers(options):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 3)), rng.standard_normal((20, 2))

    def trained(replayed):
        nn.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)).double()
        optimizer = LBFGS(model.parameters(), max_iter=10, **options)

        def loss(model, x, y):
            return F.mse_loss(model(x), y)

        loss_of = nn.replay(model, loss) if replayed else lambda x, y: loss(model, x, y)

        def closure():
            optimizer.zero_grad()
            value = loss_of(x, y)
            value.backward()
            return value

        losses = [optimizer.step(closure).item() for _ in range(3)]
        return losses, [p.data for p in model.parameters()]

    losses, weights = trained(True)
    want_losses, want = trained(False)
    assert losses == want_losses
    for array, expected in zip(weights, want, strict=True):
        np.testing.assert_array_equal(array, expected)
