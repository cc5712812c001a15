"""Learning-rate schedules: their curves, groups and state."""

import math

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.nn.optim import SGD, Constant, InverseSquareRoot, Schedule, StepDecay, WarmupCosine


def optimizer(*rates):
    return SGD([{"params": [nn.Parameter(np.zeros(2))], "lr": lr} for lr in rates])


def curve(make, steps, lr=1.0):
    """The rates of the first `steps` updates."""
    opt = optimizer(lr)
    schedule = make(opt)
    rates = []
    for _ in range(steps):
        rates.append(opt.param_groups[0]["lr"])
        opt.step()
        schedule.step()
    return rates


def test_constant():
    assert curve(Constant, 3, lr=0.5) == [0.5, 0.5, 0.5]
    assert curve(lambda o: Constant(o, warmup=4), 6) == [0.25, 0.5, 0.75, 1, 1, 1]


def test_step_decay():
    assert curve(lambda o: StepDecay(o, 2, gamma=0.5), 6, lr=8.0) == [8, 8, 4, 4, 2, 2]


def test_warmup_cosine():
    rates = curve(lambda o: WarmupCosine(o, warmup=4, total=12, floor=0.1), 15, lr=2.0)
    assert rates[:5] == [0.5, 1.0, 1.5, 2.0, 2.0]
    assert rates[8] == pytest.approx(2 * (0.1 + 0.9 * 0.5))  # half-way down
    for n in range(4, 12):
        assert rates[n] == pytest.approx(2 * (0.1 + 0.9 * (1 + math.cos(math.pi * (n - 4) / 8)) / 2))
    assert rates[12:] == pytest.approx([0.2] * 3)
    assert curve(lambda o: WarmupCosine(o, warmup=0, total=1), 2) == [1.0, 0.0]


def test_inverse_square_root_is_equation_3():
    d_model, warmup = 512, 40
    rates = curve(lambda o: InverseSquareRoot(o, warmup=warmup, d_model=d_model), 200)
    paper = [d_model**-0.5 * min(step**-0.5, step * warmup**-1.5) for step in range(1, 201)]
    np.testing.assert_allclose(rates, paper, rtol=1e-14)
    assert int(np.argmax(rates)) + 1 == warmup
    scaled = curve(lambda o: InverseSquareRoot(o, warmup=warmup), 200, lr=3.0)
    np.testing.assert_allclose(scaled, np.array(paper) / max(paper) * 3.0, rtol=1e-14)


def test_each_group_has_its_own_rate():
    opt = optimizer(1.0, 0.1)
    schedule = Schedule(opt, lambda n: 0.5**n)
    schedule.step()
    opt.add_param_group({"params": [nn.Parameter(np.zeros(3))], "lr": 10.0})
    assert [group["lr"] for group in opt.param_groups] == [0.5, 0.05, 10.0]
    schedule.step()
    assert [group["lr"] for group in opt.param_groups] == [0.25, 0.025, 2.5]


def test_a_second_schedule_starts_from_the_initial_rate():
    opt = optimizer(1.0)
    StepDecay(opt, 1).step()
    Constant(opt)
    assert opt.param_groups[0]["lr"] == 1.0


def test_state_continues():
    def make():
        opt = optimizer(0.3)
        return opt, WarmupCosine(opt, warmup=3, total=20, floor=0.1)

    (opt, schedule), (opt2, schedule2) = make(), make()
    for _ in range(7):
        schedule.step()
    opt2.load_state_dict(opt.state_dict())
    schedule2.load_state_dict(schedule.state_dict())
    for _ in range(5):
        assert opt2.param_groups[0]["lr"] == opt.param_groups[0]["lr"]
        schedule.step()
        schedule2.step()
    for state in ({}, {"n": -1}, {"n": "3"}, None):
        with pytest.raises(ValueError, match="WarmupCosine: not a schedule's state"):
            schedule2.load_state_dict(state)


def test_options_out_of_range():
    for make in (
        lambda o: Constant(o, warmup=-1),
        lambda o: StepDecay(o, 0),
        lambda o: WarmupCosine(o, warmup=10, total=10),
        lambda o: InverseSquareRoot(o, warmup=0),
    ):
        with pytest.raises(ValueError, match="must be"):
            make(optimizer(1.0))
