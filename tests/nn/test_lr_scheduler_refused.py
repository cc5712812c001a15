"""What schedules refuse: errors name the class, the argument and the value, and nothing has been changed."""

import copy
import math

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.nn.optim import SGD, Optimizer, lr_scheduler, swa_utils

Sch = lr_scheduler


def optimizer(groups=1):
    return SGD([{"params": [nn.Parameter(np.zeros(2))], "lr": 0.1 * (i + 1)} for i in range(groups)])


class Bare(Optimizer):
    """Without momentum."""

    def __init__(self, params):
        super().__init__(params, {"lr": 0.1, "weight_decay": 0.0})


CASES = [
    ("StepLR", (0,), ValueError, "step_size must be more than 0, got 0"),
    ("StepLR", ("3",), TypeError, "step_size must be a number, got '3'"),
    ("StepLR", (3, None), TypeError, "gamma must be a number, got None"),
    ("StepLR", (3, math.nan), ValueError, "gamma must be a finite number, got nan"),
    ("ExponentialLR", (math.inf,), ValueError, "gamma must be a finite number, got inf"),
    ("StepLR", (3, 0.1, "0"), TypeError, "last_epoch must be an int, got '0'"),
    ("MultiStepLR", (3,), TypeError, "milestones must be a list of numbers, got 3"),
    (
        "MultiStepLR",
        ([2.5],),
        ValueError,
        "each of the milestones must be a whole number, 0 or more, got 2.5",
    ),
    (
        "MultiStepLR",
        (["2"],),
        ValueError,
        "each of the milestones must be a whole number, 0 or more, got '2'",
    ),
    ("ConstantLR", (1.5,), ValueError, "factor must be at least 0 and at most 1, got 1.5"),
    ("ConstantLR", (0.5, -1), ValueError, "total_iters must be at least 0, got -1"),
    ("LinearLR", (0,), ValueError, "start_factor must be more than 0 and at most 1, got 0"),
    ("LinearLR", (0.5, 2), ValueError, "end_factor must be at least 0 and at most 1, got 2"),
    ("ExponentialLR", ([0.1],), TypeError, r"gamma must be a number, got \[0.1\]"),
    ("PolynomialLR", (5, "1"), TypeError, "power must be a number, got '1'"),
    ("CosineAnnealingLR", (0,), ValueError, "T_max must be more than 0, got 0"),
    ("CosineAnnealingLR", (5, "0"), TypeError, "eta_min must be a number, got '0'"),
    ("CosineAnnealingWarmRestarts", (0,), ValueError, "T_0 must be a whole number, 1 or more, got 0"),
    (
        "CosineAnnealingWarmRestarts",
        (5, 1.5),
        ValueError,
        "T_mult must be a whole number, 1 or more, got 1.5",
    ),
    ("LambdaLR", (0.5,), TypeError, "lr_lambda must be a function, or a list, got 0.5"),
    ("LambdaLR", ([abs, abs],), ValueError, "lr_lambda has 2 functions for 1 param groups"),
    ("MultiplicativeLR", ([abs, 3],), ValueError, "lr_lambda has 2 functions"),
    ("CyclicLR", ([0.1, 0.2], 1.0), ValueError, "base_lr has 2 values for 1 param groups"),
    ("CyclicLR", (0.1, "1"), TypeError, "max_lr must be a number, got '1'"),
    ("CyclicLR", (0.1, 1.0, 0), ValueError, "step_size_up must be more than 0, got 0"),
    ("CyclicLR", (0.1, 1.0, 5, 5, "triangle"), ValueError, "mode must be 'triangular' or .*, got 'triangle'"),
    ("CyclicLR", (0.1, 1.0, 5, 5, "triangular", 1.0, abs, "steps"), ValueError, "scale_mode .*, got 'steps'"),
    ("CyclicLR", (0.1, 1.0, 5, 5, "x", 1.0, 2), TypeError, "scale_fn must be a function, got 2"),
    ("OneCycleLR", (0.1,), ValueError, "give total_steps, or epochs and steps_per_epoch"),
    ("OneCycleLR", (0.1, 0), ValueError, "total_steps must be a whole number, 1 or more, got 0"),
    ("OneCycleLR", (0.1, None, 3, -1), ValueError, "steps_per_epoch must be a whole number"),
    ("OneCycleLR", (0.1, 10, None, None, 1.5), ValueError, "pct_start must be at least 0 and at most 1, got"),
    ("OneCycleLR", (0.1, 10, None, None, 0.3, "cosine"), ValueError, "anneal_strategy must be 'cos' or 'lin"),
    ("OneCycleLR", ([0.1, 0.1], 10), ValueError, "max_lr has 2 values for 1 param groups"),
    ("ReduceLROnPlateau", ("minimum",), ValueError, "mode must be 'min' or 'max', got 'minimum'"),
    ("ReduceLROnPlateau", ("min", 1.0), ValueError, "factor must be less than 1, got 1.0"),
    ("ReduceLROnPlateau", ("min", 0.1, "10"), TypeError, "patience must be a number, got '10'"),
    ("ReduceLROnPlateau", ("min", 0.1, 10, 1e-4, "relative"), ValueError, "threshold_mode must be 'rel' or"),
    ("ReduceLROnPlateau", ("min", 0.1, 10, 1e-4, "rel", 0, [0, 0]), ValueError, "min_lr has 2 values for 1"),
    ("SWALR", (0.1, -1), ValueError, "anneal_epochs must be a whole number, 0 or more, got -1"),
    ("SWALR", (0.1, 5, "cosine"), ValueError, "anneal_strategy must be 'cos' or 'linear', got 'cosine'"),
    ("SWALR", ([0.1, 0.2],), ValueError, "swa_lr has 2 values for 1 param groups"),
]


@pytest.mark.parametrize(("name", "arguments", "kind", "message"), CASES)
def test_options(name, arguments, kind, message):
    opt = optimizer()
    before = copy.deepcopy(opt.state_dict())
    with pytest.raises(kind, match=f"^{name}: {message}"):
        getattr(swa_utils if name == "SWALR" else Sch, name)(opt, *arguments)
    assert opt.state_dict() == before


@pytest.mark.parametrize("name", [name for name in Sch.__all__ if name not in ("ChainedScheduler",)])
def test_what_is_no_optimizer(name):
    given = {
        "LambdaLR": (abs,),
        "MultiplicativeLR": (abs,),
        "StepLR": (1,),
        "MultiStepLR": ([1],),
        "ExponentialLR": (0.1,),
        "CosineAnnealingLR": (3,),
        "CosineAnnealingWarmRestarts": (3,),
        "CyclicLR": (0.1, 1),
        "OneCycleLR": (0.1, 5),
        "SequentialLR": ([Sch.StepLR(optimizer(), 3)], []),
    }
    with pytest.raises(
        TypeError, match=f"{name}: optimizer must be an Optimizer, as SGD or AdamW, got Linear"
    ):
        getattr(Sch, name)(nn.Linear(2, 2), *given.get(name, ()))


@pytest.mark.parametrize("make", [lambda o: Sch.CyclicLR(o, 0.1, 1.0), lambda o: Sch.OneCycleLR(o, 0.1, 5)])
def test_momentum_that_is_not_there(make):
    message = "LR: Bare has neither momentum nor betas to cycle; give cycle_momentum=False"
    with pytest.raises(ValueError, match=message):
        make(Bare([nn.Parameter(np.zeros(2))]))


def test_the_end_of_one_cycle():
    opt = optimizer()
    schedule = Sch.OneCycleLR(opt, 1.0, 5)
    opt.step()
    for _ in range(5):
        schedule.step()
    before = copy.deepcopy(opt.state_dict()), schedule.state_dict()
    for _ in range(2):
        with pytest.raises(ValueError, match="OneCycleLR: step 6 of a schedule of total_steps=5"):
            schedule.step()
    after = schedule.state_dict()
    assert opt.state_dict() == before[0] and after["last_epoch"] == before[1]["last_epoch"] == 5


def test_a_group_of_which_one_cycle_knows_nothing():
    opt = optimizer()
    opt.param_groups[0]["initial_lr"] = 0.1
    lacks = "no max_lr, min_lr, base_momentum, max_momentum, which a OneCycleLR notes there"
    with pytest.raises(KeyError, match=rf"OneCycleLR: param_groups\[0\] has {lacks}"):
        Sch.OneCycleLR(opt, 1.0, 5, last_epoch=3)
    schedule = Sch.OneCycleLR(opt, 1.0, 5)
    opt.add_param_group({"params": [nn.Parameter(np.zeros(2))]})
    opt.step()
    with pytest.raises(
        KeyError, match=r"param_groups\[1\] has no .*; .* write its own into a group that is added"
    ):
        schedule.step()
    first, added = opt.param_groups
    added.update({key: value for key, value in first.items() if key != "params"})
    schedule.step()
    assert first["lr"] == added["lr"]


@pytest.mark.parametrize("kind", [Sch.ChainedScheduler, lambda s: Sch.SequentialLR(optimizer(), s, [])])
def test_parts_of_a_compound(kind):
    name = "ChainedScheduler" if kind is Sch.ChainedScheduler else "SequentialLR"
    for parts, error, message in [
        ([], ValueError, "schedulers is empty"),
        (Sch.StepLR(optimizer(), 1), TypeError, r"schedulers must be a list, got StepLR"),
        ([3], TypeError, r"schedulers\[0\] must be a schedule, got 3"),
        (
            [Sch.ReduceLROnPlateau(optimizer())],
            ValueError,
            r"schedulers\[0\] is a ReduceLROnPlateau, whose step",
        ),
        (
            [Sch.StepLR(optimizer(), 1), Sch.ExponentialLR(optimizer(), 0.1)],
            ValueError,
            r"schedulers\[\d\], a \w+LR, is of another optimizer",
        ),
    ]:
        with pytest.raises(error, match=f"{name}: {message}"):
            kind(parts)


def test_milestones_of_a_sequence():
    opt = optimizer()
    parts = [Sch.StepLR(opt, 1), Sch.StepLR(opt, 1), Sch.StepLR(opt, 1)]
    for milestones, kind, message in [
        ([3], ValueError, r"3 schedulers want 2 milestones, got \[3\]"),
        ([3, 2], ValueError, r"milestones must not fall, got \[3, 2\]"),
        ([3, 4.5], ValueError, "each of the milestones must be a whole number, 0 or more, got 4.5"),
        (3, TypeError, "milestones must be a list of numbers, got 3"),
    ]:
        with pytest.raises(kind, match=f"SequentialLR: {message}"):
            Sch.SequentialLR(opt, parts, milestones)
    assert [part.last_epoch for part in parts] == [0, 0, 0]


def test_metrics_of_a_plateau():
    opt = optimizer(2)
    schedule = Sch.ReduceLROnPlateau(opt, patience=0, min_lr=[0, 0])
    for metric in (None, "good", [1, 2], np.zeros(2), nn.Parameter(np.zeros(2))):
        with pytest.raises(TypeError, match=r"ReduceLROnPlateau.step: metrics must be a number, got"):
            schedule.step(metric)
    assert schedule.last_epoch == 0
    opt.add_param_group({"params": [nn.Parameter(np.zeros(2))]})
    schedule.step(1)
    with pytest.raises(
        RuntimeError, match="3 param groups by now, min_lr was given for 2; append .* to min_lrs"
    ):
        schedule.step(1)
    schedule.min_lrs.append(0)
    schedule.step(1)


def test_old_names_are_not_found_and_near_ones_are_told():
    with pytest.raises(AttributeError, match="no attribute 'WarmupCosine'"):
        nn.optim.WarmupCosine  # noqa: B018
    with pytest.raises(
        AttributeError, match="no attribute 'CosineAnealingLR'; did you mean 'CosineAnnealingLR'"
    ):
        Sch.CosineAnealingLR  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute '_LRScheduler'; did you mean 'LRScheduler'"):
        Sch._LRScheduler  # noqa: B018
