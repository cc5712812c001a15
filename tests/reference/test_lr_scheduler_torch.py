"""Schedules beside PyTorch's: the same rates and momenta, bit for bit, and states that go both ways."""

import copy
import inspect
import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from tapegrad import nn
from tapegrad.nn import optim
from tapegrad.nn.optim import lr_scheduler, swa_utils

OURS = {name: getattr(lr_scheduler, name) for name in lr_scheduler.__all__} | {"SWALR": swa_utils.SWALR}
THEIRS = {name: getattr(torch.optim.lr_scheduler, name) for name in lr_scheduler.__all__}
THEIRS["SWALR"] = torch.optim.swa_utils.SWALR


def falling(n):
    return 0.95**n


def scaled(x):
    return 1 / (1 + x)


# (name, options), or (name, parts) or (name, parts, milestones) of such
CASES = {
    "lambda": ("LambdaLR", {"lr_lambda": [falling, scaled]}),
    "multiplicative": ("MultiplicativeLR", {"lr_lambda": scaled}),
    "step": ("StepLR", {"step_size": 7, "gamma": 0.7}),
    "step_defaults": ("StepLR", {"step_size": 30}),
    "multi_step": ("MultiStepLR", {"milestones": [60, 5, 30, 30], "gamma": 0.3}),
    "constant": ("ConstantLR", {}),
    "linear": ("LinearLR", {}),
    "linear_down": ("LinearLR", {"start_factor": 0.9, "end_factor": 0.0, "total_iters": 80}),
    "exponential": ("ExponentialLR", {"gamma": 0.97}),
    "polynomial": ("PolynomialLR", {"total_iters": 90, "power": 0.9}),
    "cosine": ("CosineAnnealingLR", {"T_max": 30, "eta_min": 0.01}),
    "cosine_parts": ("CosineAnnealingLR", {"T_max": 12.5}),
    "restarts": ("CosineAnnealingWarmRestarts", {"T_0": 7, "T_mult": 2, "eta_min": 0.01}),
    "cyclic": ("CyclicLR", {"base_lr": 0.01, "max_lr": [0.1, 0.3], "step_size_up": 7, "step_size_down": 4}),
    "cyclic2": ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 9, "mode": "triangular2"}),
    "cyclic_range": (
        "CyclicLR",
        {"base_lr": [0.01, 0.02], "max_lr": 0.1, "step_size_up": 9, "mode": "exp_range", "gamma": 0.99},
    ),
    "cyclic_own": ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 9, "scale_fn": scaled}),
    "one_cycle": ("OneCycleLR", {"max_lr": [0.1, 0.5], "total_steps": 100}),
    "one_cycle3": (
        "OneCycleLR",
        {
            "max_lr": 0.2,
            "epochs": 10,
            "steps_per_epoch": 11,
            "three_phase": True,
            "anneal_strategy": "linear",
        },
    ),
    "one_cycle_lr": ("OneCycleLR", {"max_lr": 0.2, "total_steps": 130, "cycle_momentum": False}),
    "swa": ("SWALR", {"swa_lr": 0.05}),
    "swa_linear": ("SWALR", {"swa_lr": [0.05, 0.1], "anneal_epochs": 20, "anneal_strategy": "linear"}),
    "warm_up": ("SequentialLR", ["linear", "cosine"], [5]),
    "three": ("SequentialLR", ["constant", "restarts", "step"], [10, 50]),
    "restarts_later": ("SequentialLR", ["linear", "one_cycle", "swa"], [5, 60]),
    "chained": ("ChainedScheduler", ["linear", "exponential", "multi_step"]),
    "chained_sequences": ("ChainedScheduler", ["warm_up", "three", "exponential"]),
    "sequence_of_chains": ("SequentialLR", ["chained", "step"], [40]),
    "sequence_of_sequences": ("SequentialLR", ["warm_up", "polynomial"], [40]),
}
GROUPS = [{"lr": 0.1}, {"lr": 0.02}]


def build(kinds, optimizer, name):
    kind, what, *milestones = CASES[name]
    if isinstance(what, dict):
        return kinds[kind](optimizer, **what)
    parts = [build(kinds, optimizer, part) for part in what]
    return kinds[kind](parts) if not milestones else kinds[kind](optimizer, parts, *milestones)


def both(kind="SGD"):
    """Our optimizer and PyTorch's."""
    options = {"momentum": 0.5} if kind == "SGD" else {}
    ours = [{"params": [nn.Parameter(np.zeros(2))], **group} for group in GROUPS]
    its = [{"params": [torch.nn.Parameter(torch.zeros(2))], **group} for group in GROUPS]
    return getattr(optim, kind)(ours, **options), getattr(torch.optim, kind)(its, **options)


def pair(name, kind="SGD"):
    a, b = both(kind)
    with warnings.catch_warnings():  # PyTorch warns of the order where a chain begins a sequence
        warnings.simplefilter("ignore")
        return a, b, build(OURS, a, name), build(THEIRS, b, name)


def options_of(optimizer):
    return [{k: v for k, v in g.items() if k in ("lr", "momentum", "betas")} for g in optimizer.param_groups]


def advance(a, b, mine, its, steps):
    for _ in range(steps):
        assert options_of(a) == options_of(b)
        assert mine.get_last_lr() == its.get_last_lr()
        a.step()
        b.step()
        mine.step()
        its.step()


@pytest.mark.parametrize("kind", ["SGD", "AdamW"])
@pytest.mark.parametrize("name", CASES)
def test_a_hundred_steps(name, kind):
    a, b, mine, its = pair(name, kind)
    advance(a, b, mine, its, 100)
    assert json.dumps(mine.state_dict(), sort_keys=True) == json.dumps(its.state_dict(), sort_keys=True)


@pytest.mark.parametrize("name", CASES)
def test_states_go_both_ways(name):
    """Resumed in the middle: ours with PyTorch's state, and PyTorch's with ours."""
    a, b, mine, its = pair(name)
    advance(a, b, mine, its, 37)
    c, d, ours_again, theirs_again = pair(name)
    ours_again.load_state_dict(copy.deepcopy(its.state_dict()))
    theirs_again.load_state_dict(copy.deepcopy(mine.state_dict()))
    for old, new in ((a, c), (b, d)):
        new.step()  # or PyTorch warns
        for group, saved in zip(new.param_groups, old.param_groups, strict=True):
            group.update({key: value for key, value in saved.items() if key != "params"})
    advance(c, d, ours_again, theirs_again, 60)
    advance(a, b, mine, its, 60)
    assert options_of(a) == options_of(c)


@pytest.mark.parametrize("name", ["step", "multi_step", "exponential", "polynomial", "chained"])
def test_what_is_set_and_added_between(name):
    a, b, mine, its = pair(name)
    advance(a, b, mine, its, 20)
    for optimizer in (a, b):
        optimizer.param_groups[0]["lr"] = 0.7
    mine.step()
    its.step()
    advance(a, b, mine, its, 10)
    a.add_param_group({"params": [nn.Parameter(np.zeros(2))], "lr": 0.3})
    b.add_param_group({"params": [torch.nn.Parameter(torch.zeros(2))], "lr": 0.3})
    mine.step()
    its.step()
    advance(a, b, mine, its, 15)


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if isinstance(case[1], dict)])
def test_last_epoch(name):
    """A schedule that is made in the middle, as after loading an optimizer."""
    a, b, mine, its = pair(name)
    advance(a, b, mine, its, 13)
    kind, options = CASES[name]
    mine = OURS[kind](a, **options, last_epoch=12)
    its = THEIRS[kind](b, **options, last_epoch=12)
    advance(a, b, mine, its, 30)


@pytest.mark.filterwarnings("ignore:.*epoch:UserWarning")
@pytest.mark.parametrize(
    "name", ["lambda", "step", "multi_step", "linear", "cosine", "polynomial", "restarts"]
)
def test_steps_to_an_epoch(name):
    a, b, mine, its = pair(name)
    advance(a, b, mine, its, 3)
    for epoch in (40, 11, 2.5 if name == "restarts" else 2):
        mine.step(epoch)
        its.step(epoch)
        advance(a, b, mine, its, 3)


@given(
    st.sampled_from(["min", "max"]),
    st.sampled_from(["rel", "abs"]),
    st.floats(0, 0.99),
    st.integers(0, 4),
    st.floats(0, 0.5),
    st.integers(0, 3),
    st.sampled_from([0, 0.01, [0.01, 0.0]]),
    st.lists(
        st.floats(-3, 3) | st.sampled_from([float("nan"), float("inf"), 1.0]), min_size=40, max_size=100
    ),
)
def test_plateaus(mode, threshold_mode, factor, patience, threshold, cooldown, min_lr, metrics):
    a, b = both()
    options = (mode, factor, patience, threshold, threshold_mode, cooldown, min_lr)
    mine, its = OURS["ReduceLROnPlateau"](a, *options), THEIRS["ReduceLROnPlateau"](b, *options)
    for n, metric in enumerate(metrics):
        mine.step(metric)
        its.step(metric)
        assert options_of(a) == options_of(b)
        if n == 20:
            states = copy.deepcopy(mine.state_dict()), copy.deepcopy(its.state_dict())
            assert states[0] == states[1]
            mine.load_state_dict(states[1])
            its.load_state_dict(states[0])


@pytest.mark.parametrize("name", OURS)
def test_arguments_are_pytorchs(name):
    ours, its = (inspect.signature(kinds[name].__init__).parameters for kinds in (OURS, THEIRS))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in its.values()]
    assert list(inspect.signature(OURS[name].step).parameters) == [
        *inspect.signature(THEIRS[name].step).parameters
    ]


def wrong(name, options, kinds, optimizer):
    with pytest.raises(Exception) as caught:
        kinds[name](optimizer, **options)
    return caught.type


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("LambdaLR", {"lr_lambda": [falling]}),
        ("MultiplicativeLR", {"lr_lambda": 3}),
        ("ConstantLR", {"factor": 2}),
        ("LinearLR", {"start_factor": 0}),
        ("CosineAnnealingWarmRestarts", {"T_0": 0}),
        ("CosineAnnealingWarmRestarts", {"T_0": 1.5}),
        ("CyclicLR", {"base_lr": [0.1], "max_lr": 1}),
        ("CyclicLR", {"base_lr": 0.1, "max_lr": 1, "mode": "no"}),
        ("OneCycleLR", {"max_lr": 1}),
        ("OneCycleLR", {"max_lr": 1, "total_steps": 0}),
        ("OneCycleLR", {"max_lr": 1, "total_steps": 5, "pct_start": 2.0}),
        ("OneCycleLR", {"max_lr": 1, "total_steps": 5, "anneal_strategy": "no"}),
        ("ReduceLROnPlateau", {"mode": "no"}),
        ("ReduceLROnPlateau", {"factor": 1.0}),
        ("SequentialLR", {"schedulers": [], "milestones": []}),
        ("StepLR", {"step_size": 3, "last_epoch": 4}),
        ("SWALR", {"swa_lr": 0.1, "anneal_epochs": -1}),
    ],
)
def test_refusals_are_of_pytorchs_class(name, options):
    a, b = both()
    assert wrong(name, options, OURS, a) is wrong(name, options, THEIRS, b)
