"""LBFGS beside PyTorch's: trajectories, evaluations, states."""

import copy
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import tapegrad.autograd as ag
from tapegrad import nn
from tapegrad.nn import functional as F
from tapegrad.nn.optim import LBFGS

WOLFE = {"line_search_fn": "strong_wolfe"}
OPTIONS = [
    {},
    WOLFE,
    {"lr": 0.3, "max_iter": 3, "history_size": 4},
    {"lr": 0.5, "max_iter": 6, "max_eval": 8, "history_size": 2, **WOLFE},
    {"max_iter": 1, "lr": 0.1},
    {"max_iter": 1, **WOLFE},
    {"max_iter": 5, "max_eval": 1, **WOLFE},
    {"max_iter": 0},
    {"lr": 40.0, "max_iter": 4, **WOLFE},
    {"tolerance_grad": 1e-2, "tolerance_change": 1e-3, "max_iter": 5, **WOLFE},
]
IDS = ["-".join(f"{name}={value}" for name, value in options.items()) for options in OPTIONS]


class Rosenbrock:
    """A valley that curves."""

    steps = 30

    def arrays(self):
        return [np.array([-1.2, 1.0, 0.5, -0.3])]

    def ours(self, x):
        return ((1 - x[:-1]) ** 2).sum() + 100 * ((x[1:] - x[:-1] ** 2) ** 2).sum()

    theirs = ours


class Network:
    """Two layers and an output that they are to learn, with small weights; a parameter is not used."""

    steps = 10  # of several iterations: how far they are from PyTorch's grows with each

    def __init__(self):
        rng = np.random.default_rng(0)
        self.x = rng.standard_normal((40, 3))
        self.y = np.tanh(self.x @ rng.standard_normal((3, 2)))
        self.start = [rng.standard_normal(shape) / 2 for shape in [(3, 5), (5,), (2, 2), (5, 2), (2,)]]

    def arrays(self):
        return self.start

    def ours(self, w, b, _, v, c):
        out = ag.tanh(self.x.astype(w.dtype) @ w + b) @ v + c
        small = (w * w).sum() + (b * b).sum() + (v * v).sum() + (c * c).sum()
        return F.mse_loss(out, self.y.astype(w.dtype)) + 0.02 * small

    def theirs(self, w, b, _, v, c):
        out = torch.tanh(torch.tensor(self.x).to(w) @ w + b) @ v + c
        small = (w * w).sum() + (b * b).sum() + (v * v).sum() + (c * c).sum()
        return torch.nn.functional.mse_loss(out, torch.tensor(self.y).to(w)) + 0.02 * small


class Logistic:
    """A convex loss."""

    steps = 30

    def __init__(self):
        rng = np.random.default_rng(1)
        self.x = rng.standard_normal((50, 5))
        self.y = (self.x[:, 0] + 0.5 * rng.standard_normal(50) > 0).astype(float)

    def arrays(self):
        return [np.zeros(5)]

    def ours(self, w):
        return F.binary_cross_entropy_with_logits(self.x @ w, self.y) + 0.01 * (w * w).sum()

    def theirs(self, w):
        logits, target = torch.tensor(self.x) @ w, torch.tensor(self.y)
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, target) + 0.01 * (w * w).sum()


def closure_of(optimizer, loss, params):
    def closure():
        optimizer.zero_grad()
        value = loss(*params)
        value.backward()
        return value

    return closure


def pairs(problem, dtype=np.float64, **options):
    """Of each library (parameters, optimizer, closure)."""
    arrays = [a.astype(dtype) for a in problem.arrays()]
    ours = [nn.Parameter(a.copy()) for a in arrays]
    theirs = [torch.nn.Parameter(torch.tensor(a)) for a in arrays]
    a, b = LBFGS(ours, **options), torch.optim.LBFGS(theirs, **options)
    return (ours, a, closure_of(a, problem.ours, ours)), (theirs, b, closure_of(b, problem.theirs, theirs))


def assert_equal(ours, theirs, tolerance):
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=tolerance, atol=tolerance)


def assert_same_state(mine, its, tolerance):
    assert mine.keys() == its.keys()
    for name, value in its.items():
        for x, y in zip(*[v if isinstance(v, list) else [v] for v in (mine[name], value)], strict=True):
            if y is None:
                assert x is None
            else:
                np.testing.assert_allclose(
                    x, float(y) if np.ndim(y) == 0 else y.numpy(), tolerance, tolerance
                )


@pytest.mark.parametrize("options", OPTIONS, ids=IDS)
@pytest.mark.parametrize("kind", [Rosenbrock, Network, Logistic])
def test_many_steps(kind, options):
    (ours, a, mine), (theirs, b, its) = pairs(kind(), **options)
    for _ in range(kind.steps):
        assert a.step(mine).item() == pytest.approx(b.step(its).item(), rel=1e-6, abs=1e-9)
        assert_equal(ours, theirs, 1e-7)
    assert_same_state(a.state_dict()["state"][0], b.state_dict()["state"][0], 1e-2)
    counts = [[o.state_dict()["state"][0][name] for name in ("func_evals", "n_iter")] for o in (a, b)]
    assert counts[0] == counts[1]


@pytest.mark.parametrize("options", [{"lr": 0.5}, WOLFE], ids=["fixed", "wolfe"])
@pytest.mark.parametrize("kind", [Rosenbrock, Network])
def test_states_and_float32(kind, options):
    (_, a, mine), (_, b, its) = pairs(kind(), max_iter=4, **options)
    for _ in range(2):
        a.step(mine), b.step(its)
    assert_same_state(a.state_dict()["state"][0], b.state_dict()["state"][0], 1e-9)
    (ours, a, mine), (theirs, b, its) = pairs(kind(), np.float32, max_iter=4, **options)
    a.step(mine), b.step(its)
    assert a.state[ours[0]]["d"].dtype == np.float32
    assert_equal(ours, theirs, 1e-4)


def tensors(value):
    if isinstance(value, dict):
        return {name: tensors(item) for name, item in value.items()}
    if isinstance(value, list):
        return [tensors(item) for item in value]
    return torch.as_tensor(value) if isinstance(value, (np.ndarray, np.generic)) else value


@pytest.mark.parametrize("options", [{"lr": 0.3, "history_size": 3}, WOLFE], ids=["fixed", "wolfe"])
@pytest.mark.parametrize("kind", [Rosenbrock, Network])
@pytest.mark.parametrize("before", [1, 4])
def test_a_state_goes_on_in_the_other_library(kind, options, before):
    problem = kind()
    (ours, a, mine), (theirs, b, its) = pairs(problem, max_iter=3, **options)
    for _ in range(before):
        a.step(mine), b.step(its)
    a2, b2 = LBFGS(ours), torch.optim.LBFGS(theirs)
    state = copy.deepcopy(b.state_dict())
    b2.load_state_dict(tensors(copy.deepcopy(a.state_dict())))
    a2.load_state_dict(state)
    mine, its = closure_of(a2, problem.ours, ours), closure_of(b2, problem.theirs, theirs)
    for _ in range(3):
        a2.step(mine), b2.step(its)
        assert_equal(ours, theirs, 1e-8)
    assert a2.state[ours[0]]["func_evals"] == b2.state[theirs[0]]["func_evals"]


@pytest.mark.parametrize("options", [{}, {"lr": 0.0}, WOLFE], ids=["fixed", "rate 0", "wolfe"])
def test_losses_that_are_not_finite(options):
    """At the first call; where a later one is not, PyTorch's search fails or gives nan."""
    (ours, a, mine), (theirs, b, its) = pairs(Rosenbrock(), max_iter=4, **options)
    calls = {"ours": 0, "theirs": 0}

    def spoilt(closure, name):
        def call():
            calls[name] += 1
            return closure() * (math.nan if calls[name] == 1 else 1)

        return call

    a.step(spoilt(mine, "ours"))
    b.step(spoilt(its, "theirs"))
    assert calls["ours"] == calls["theirs"]
    assert_equal(ours, theirs, 1e-10)


def test_two_dtypes():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(3).astype(np.float32), rng.standard_normal(2), np.float32([0.5])]
    ours = [nn.Parameter(x.copy()) for x in arrays]
    theirs = [torch.nn.Parameter(torch.tensor(x)) for x in arrays]

    def loss(x, y, z):
        return ((x * x).sum() - 1) ** 2 + ((y - 2) ** 4).sum() + (x[0] * z[0] - 3) ** 2

    a, b = LBFGS(ours, **WOLFE), torch.optim.LBFGS(theirs, **WOLFE)
    for _ in range(2):
        a.step(closure_of(a, loss, ours)), b.step(closure_of(b, loss, theirs))
    assert [p.dtype for p in ours] == [x.dtype for x in arrays]
    assert_equal(ours, theirs, 1e-3)
