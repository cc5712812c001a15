"""Schedules' states, and how users' own schedules join in."""

import copy
import json
import math
import pickle
import warnings

import pytest

from schedules import curve, optimizer, rates
from tapegrad.nn.optim.lr_scheduler import (
    ChainedScheduler,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)


class Falling:
    """A callable object, whose attributes are saved."""

    def __init__(self, gamma):
        self.gamma = gamma

    def __call__(self, n):
        return self.gamma**n


def plain_method(n):
    return 1 / (1 + n)


MAKERS = {
    "lambda": lambda o: LambdaLR(o, [Falling(0.9), plain_method]),
    "builtin": lambda o: MultiplicativeLR(o, abs),
    "milestones": lambda o: MultiStepLR(o, [3, 5, 5, 12], 0.5),
    "cyclic": lambda o: CyclicLR(o, 0.1, [1.0, 2.0], 3, scale_fn=Falling(0.9)),
    "one_cycle": lambda o: OneCycleLR(o, [1.0, 2.0], 40),
    "restarts": lambda o: CosineAnnealingWarmRestarts(o, 3, 2),
    "nested": lambda o: ChainedScheduler(
        [SequentialLR(o, [LinearLR(o), CosineAnnealingLR(o, 9)], [5]), MultiStepLR(o, [4])]
    ),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_state_goes_through_json_and_continues(name):
    def start():
        opt = optimizer(1.0, 0.5)
        return opt, MAKERS[name](opt)

    (opt, schedule), (other, twin) = start(), start()
    for _ in range(7):
        opt.step()
        schedule.step()
    other.load_state_dict(opt.state_dict())
    other.calls = 1
    before = copy.deepcopy(schedule.state_dict())
    twin.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    assert twin.state_dict() == before
    for _ in range(12):
        schedule.step()
        twin.step()
        assert other.param_groups[0]["lr"] == opt.param_groups[0]["lr"]
        assert rates(other) == rates(opt) and twin.get_last_lr() == schedule.get_last_lr()
    assert before != schedule.state_dict()  # which was no view of it


def test_a_plateaus_state_goes_through_json():
    opt = optimizer()
    schedule, twin = (ReduceLROnPlateau(opt, "max") for _ in range(2))
    twin.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    assert twin.best == -math.inf and twin.state_dict() == schedule.state_dict()


def test_of_callables_there_is_what_they_have():
    opt = optimizer(1.0, 0.5)
    schedule = LambdaLR(opt, [Falling(0.9), plain_method])
    assert schedule.state_dict()["lr_lambdas"] == [{"gamma": 0.9}, None]
    other = LambdaLR(opt, [Falling(0.1), plain_method])
    other.load_state_dict(schedule.state_dict())
    assert other.lr_lambdas[0].gamma == 0.9


def test_schedules_are_copied_with_their_optimizers():
    opt = optimizer()
    schedule = SequentialLR(opt, [LinearLR(opt), CosineAnnealingLR(opt, 9)], [5])
    for other in (copy.deepcopy(schedule), pickle.loads(pickle.dumps(schedule))):
        other.optimizer.step()
        other.step()
        assert rates(other.optimizer) != rates(opt)
    assert schedule.last_epoch == 0


def test_a_state_of_another_schedule_changes_nothing():
    opt = optimizer()
    schedule = SequentialLR(opt, [StepLR(opt, 3), MultiStepLR(opt, [2])], [4])
    before = copy.deepcopy(schedule.state_dict())
    step, multi = before["_schedulers"]
    moved = {**step, "last_epoch": 9}
    for state, message in [
        ({"n": 3}, "not the state of a SequentialLR: it lacks .*_milestones.*; it has n, unknown here"),
        ({**before, "_schedulers": [step]}, "SequentialLR: _schedulers has 1 entries in the state, 2 here"),
        ({**before, "_schedulers": [multi, step]}, "StepLR: not the state of a StepLR: it lacks step_size"),
        ({**before, "_schedulers": [{**step, "gamma": "0.1"}, multi]}, "StepLR: gamma must be a number, got"),
        ({**before, "_schedulers": [{**step, "base_lrs": 1}, multi]}, "base_lrs must be a list, got 1"),
        (
            {**before, "_schedulers": [{**step, "base_lrs": [None]}, multi]},
            "base_lrs must be a number, got None",
        ),
        (
            {**before, "_schedulers": [moved, {**multi, "milestones": [2]}]},
            "milestones must map whole numbers",
        ),
        ({**before, "_milestones": "4"}, "_milestones must be a list, got '4'"),
    ]:
        with pytest.raises(ValueError, match=message):
            schedule.load_state_dict(state)
        assert schedule.state_dict() == before
    with pytest.raises(TypeError, match="SequentialLR: a schedule's state is a dict, got None"):
        schedule.load_state_dict(None)
    cyclic = CyclicLR(opt, 0.1, 1.0)
    with pytest.raises(ValueError, match="_scale_fn_custom has the state of a callable object, but there is"):
        cyclic.load_state_dict({**cyclic.state_dict(), "_scale_fn_custom": {"gamma": 1}})


# ------------------------------------------------------------------------------------ users' own


class WarmUp(LRScheduler):
    """As found in many scripts: then another schedule takes over."""

    def __init__(self, optimizer, steps, after, last_epoch=-1):
        self.steps = steps
        self.after = after
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        if not self._get_lr_called_within_step:
            warnings.warn("use get_last_lr()", UserWarning, stacklevel=2)
        if self.last_epoch < self.steps:
            return [lr * (self.last_epoch + 1) / self.steps for lr in self.base_lrs]
        return [group["lr"] * 0.5 for group in self.optimizer.param_groups]


def test_users_schedules():
    def make(opt):
        return WarmUp(opt, 4, StepLR(opt, 3))

    assert curve(make, 6, optimizer(2.0)) == [0.5, 1.0, 1.5, 2.0, 1.0, 0.5]
    opt = optimizer(2.0)
    schedule = make(opt)
    assert schedule._last_lr == [0.5] and repr(schedule).startswith("WarmUp(steps=4, after=StepLR(...))  # ")
    twin = make(optimizer(2.0))
    opt.step()
    schedule.step()
    twin.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    assert twin.last_epoch == 1 and twin.after.optimizer is not opt


def test_a_users_schedule_may_have_a_state_of_its_own():
    class Own(StepLR):
        def state_dict(self):
            state = super().state_dict()
            return {**state, "halves": state.pop("gamma") * 2}

        def load_state_dict(self, state_dict):
            state = dict(state_dict)
            self.gamma = state.pop("halves") / 2
            super().load_state_dict(state)

    schedule, other = Own(optimizer(), 3, 0.5), Own(optimizer(), 4, 0.1)
    other.check_state_dict(schedule.state_dict())
    other.load_state_dict(schedule.state_dict())
    assert other.step_size == 3 and other.gamma == 0.5


def test_what_a_users_get_lr_gives_is_looked_at():
    class Odd(LRScheduler):
        odd = [1.0]

        def get_lr(self):
            return self.odd

    opt = optimizer(1.0)
    schedule = Odd(opt)
    opt.step()
    for odd, kind in [(0.5, TypeError), (["0.5"], TypeError), ([0.5, 0.5], ValueError)]:
        schedule.odd = odd
        with pytest.raises(kind, match="Odd: "):
            schedule.step()
        assert rates(opt) == [1.0] and schedule.last_epoch == 0
    with pytest.raises(NotImplementedError, match=r"LRScheduler has no get_lr\(\)"):
        LRScheduler(opt)


def test_a_state_with_nan_is_refused():
    schedule = StepLR(optimizer(), 2)
    before = schedule.state_dict()
    with pytest.raises(ValueError, match="StepLR: gamma must be a number, got nan"):
        schedule.load_state_dict({**before, "gamma": float("nan")})
    assert schedule.state_dict() == before
