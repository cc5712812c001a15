"""Adafactor and Muon beside PyTorch's."""

import copy
import inspect

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tapegrad import nn
from tapegrad.nn import optim

SHAPES = {
    "Adafactor": [(30, 20), (20,), (), (7, 5, 3), (2, 3, 4, 5), (1, 9)],
    "Muon": [(30, 20), (20, 30), (9, 9), (50, 3), (1, 6)],
}
CASES = [
    ("Adafactor", {}),
    ("Adafactor", {"lr": 0.3, "weight_decay": 0.1, "maximize": True, "foreach": True}),
    ("Adafactor", {"beta2_decay": -0.5, "eps": (1e-4, 0.05), "d": 1.5, "foreach": False}),
    ("Muon", {}),
    ("Muon", {"lr": 0.1, "nesterov": False, "momentum": 0.5, "weight_decay": 0.0}),
    ("Muon", {"lr": 0.02, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3, "eps": 30.0}),
    ("Muon", {"adjust_lr_fn": "original", "ns_coefficients": (3.4, -4.7, 2.0), "momentum": 0.0}),
]
IDS = [f"{name}-{'-'.join(options)}" for name, options in CASES]


@pytest.fixture
def unrounded(monkeypatch):
    """PyTorch's Muon, with the steps in bfloat16 made in the parameter's dtype."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)


def pairs(name, dtype=np.float64):
    rng = np.random.default_rng(0)
    arrays = [np.asarray(rng.standard_normal(shape), dtype) for shape in SHAPES[name]]
    return [nn.Parameter(a.copy()) for a in arrays], [torch.nn.Parameter(torch.tensor(a)) for a in arrays]


def step(ours, theirs, numbers, *optimizers):
    """Steps of both with the same gradients; a parameter has none at times, and the rate changes."""
    for number in numbers:
        rng = np.random.default_rng(number)
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            g = np.asarray(rng.standard_normal(p.shape), p.dtype)
            skipped = i == 1 and number % 3 == 0
            p.grad, q.grad = (None, None) if skipped else (g, torch.tensor(g))
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] *= 0.5 if number == 10 else 1
            optimizer.step()


def assert_equal(ours, theirs, a, b, rtol, atol):
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=rtol, atol=atol)
    state = a.state_dict()["state"]
    for index, entry in b.state_dict()["state"].items():
        assert list(state[index]) == list(entry)
        for name, value in entry.items():
            np.testing.assert_allclose(state[index][name], value.numpy(), rtol=rtol, atol=atol)


@pytest.mark.usefixtures("unrounded")
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 5e-5)])
def test_many_steps(name, options, dtype, tolerance):
    ours, theirs = pairs(name, dtype)
    a, b = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    step(ours, theirs, range(30), a, b)
    assert_equal(ours, theirs, a, b, tolerance, tolerance)


@pytest.mark.parametrize(("name", "options"), CASES[3:], ids=IDS[3:])
def test_muon_is_within_what_pytorch_rounds_away(name, options):
    ours, theirs = pairs(name)
    a, b = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    for number in range(10):
        before = [p.data.copy() for p in ours]
        for p, q in zip(ours, theirs, strict=True):
            q.data.copy_(torch.tensor(p.data))
        step(ours, theirs, [number], a, b)
        for p, q, was in zip(ours, theirs, before, strict=True):
            moved = (1 - a.param_groups[0]["lr"] * a.param_groups[0]["weight_decay"]) * was - p.data
            error = np.linalg.norm(p.data - q.detach().numpy())
            assert error <= 0.1 * np.linalg.norm(moved)


@pytest.mark.usefixtures("unrounded")
@pytest.mark.parametrize("name", ["Adafactor", "Muon"])
def test_groups(name):
    ours, theirs = pairs(name)

    def groups(params):
        return [{"params": params[:2]}, {"params": params[2:], "lr": 0.2, "weight_decay": 0.3}]

    a, b = getattr(optim, name)(groups(ours)), getattr(torch.optim, name)(groups(theirs))
    step(ours, theirs, range(12), a, b)
    assert_equal(ours, theirs, a, b, 1e-10, 1e-12)


@pytest.mark.usefixtures("unrounded")
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_a_state_goes_on_in_the_other_library(name, options):
    ours, theirs = pairs(name)
    a, b = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    step(ours, theirs, range(5), a, b)
    a2, b2 = getattr(optim, name)(ours, lr=7), getattr(torch.optim, name)(theirs, lr=7)
    state = copy.deepcopy(a.state_dict())
    entries = state["state"].items()
    state["state"] = {i: {key: torch.as_tensor(v) for key, v in entry.items()} for i, entry in entries}
    a2.load_state_dict(copy.deepcopy(b.state_dict()))
    b2.load_state_dict(state)
    step(ours, theirs, range(5, 10), a2, b2)
    assert_equal(ours, theirs, a2, b2, 1e-10, 1e-12)


@pytest.mark.parametrize("name", ["Adafactor", "Muon", "LBFGS"])
def test_arguments_and_defaults(name):
    ours, theirs = pairs("Muon")
    mine, its = (inspect.signature(getattr(library, name)) for library in (optim, torch.optim))
    assert [(p.name, p.default, p.kind) for p in mine.parameters.values()] == [
        (p.name, p.default, p.kind) for p in its.parameters.values()
    ]
    a, b = getattr(optim, name)(ours), getattr(torch.optim, name)(theirs)
    assert a.defaults == b.defaults
    without = [{key: v for key, v in o.param_groups[0].items() if key != "params"} for o in (a, b)]
    assert without[0] == without[1]
