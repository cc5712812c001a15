"""Learning-rate schedules: their curves, groups, and the order of steps."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules import curve, optimizer, rates
from tapegrad import nn
from tapegrad.nn.optim import SGD, Adam, lr_scheduler
from tapegrad.nn.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)


def test_every_name_of_pytorch_is_there():
    names = """LRScheduler LambdaLR MultiplicativeLR StepLR MultiStepLR ConstantLR LinearLR ExponentialLR
        PolynomialLR CosineAnnealingLR CosineAnnealingWarmRestarts CyclicLR OneCycleLR ReduceLROnPlateau
        SequentialLR ChainedScheduler"""
    assert sorted(names.split()) == lr_scheduler.__all__
    assert all(issubclass(getattr(lr_scheduler, name), LRScheduler) for name in names.split())


@pytest.mark.parametrize(
    ("make", "formula"),
    [
        (lambda o: LambdaLR(o, lambda n: 1 / (1 + n)), lambda n: 1 / (1 + n)),
        (lambda o: MultiplicativeLR(o, lambda n: 0.9), lambda n: 0.9**n),
        (lambda o: StepLR(o, 3, 0.5), lambda n: 0.5 ** (n // 3)),
        (lambda o: MultiStepLR(o, [2, 5, 5], 0.5), lambda n: 0.5 ** ((n >= 2) + 2 * (n >= 5))),
        (lambda o: ConstantLR(o, 0.25, 4), lambda n: 0.25 if n < 4 else 1.0),
        (lambda o: ConstantLR(o, 0.0, 4), lambda n: 0.0 if n < 4 else 1.0),
        (lambda o: LinearLR(o, 0.2, 0.8, 6), lambda n: 0.2 + 0.6 * min(n, 6) / 6),
        (lambda o: ExponentialLR(o, 0.8), lambda n: 0.8**n),
        (lambda o: PolynomialLR(o, 8, 2.0), lambda n: max(0, 1 - n / 8) ** 2),
        (lambda o: CosineAnnealingLR(o, 6, 0.2), lambda n: 0.2 + 0.4 * (1 + math.cos(math.pi * n / 6))),
        (
            lambda o: CosineAnnealingWarmRestarts(o, 5, eta_min=0.2),
            lambda n: 0.2 + 0.4 * (1 + math.cos(math.pi * (n % 5) / 5)),
        ),
    ],
)
def test_curves_follow_their_formulas(make, formula):
    np.testing.assert_allclose(curve(make, 15), [formula(n) for n in range(15)], rtol=1e-12, atol=1e-15)


def test_warm_restarts_grow_longer():
    lows = curve(lambda o: CosineAnnealingWarmRestarts(o, 2, 2), 15)
    assert [n for n, rate in enumerate(lows) if rate == 1.0] == [0, 2, 6, 14]
    opt = optimizer()
    schedule = CosineAnnealingWarmRestarts(opt, 2, 2)
    schedule.step(4.5)  # in the second run, of 4 steps
    assert rates(opt) == [(1 + math.cos(math.pi * 2.5 / 4)) / 2] and schedule.last_epoch == 4


def test_a_cycle_goes_up_and_down_and_momentum_against_it():
    def make(opt):
        return CyclicLR(opt, 0.1, 0.5, 2, 4, mode="triangular2")

    up_and_down = [0, 0.5, 1, 0.75, 0.5, 0.25, 0, 0.25, 0.5]
    np.testing.assert_allclose(curve(make, 9), 0.1 + 0.4 * np.array(up_and_down), rtol=1e-12)
    against = curve(make, 9, name="momentum")
    np.testing.assert_allclose(against, 0.9 - 0.1 * np.array(up_and_down), rtol=1e-12)
    first = [betas[0] for betas in curve(make, 9, optimizer(kind=Adam), "betas")]
    np.testing.assert_allclose(first, against, rtol=1e-15)
    third = curve(lambda o: CyclicLR(o, 0.0, 1.0, 1, mode="exp_range", gamma=0.5), 4)
    assert third == [0, 0.5, 0, 0.125]
    scaled = curve(lambda o: CyclicLR(o, 0.0, 1.0, 1, scale_fn=lambda cycle: 1 / cycle), 4)
    assert scaled == [0, 1, 0, 0.5]


def test_one_cycle():
    def make(opt, **options):
        return OneCycleLR(opt, 1.0, 11, pct_start=3 / 11, div_factor=4, final_div_factor=10, **options)

    seen = curve(lambda o: make(o, anneal_strategy="linear"), 11)
    np.testing.assert_allclose(seen, [0.25, 0.625, 1, *np.linspace(1, 0.025, 9)[1:]], rtol=1e-12)
    momenta = curve(lambda o: make(o, anneal_strategy="linear"), 11, name="momentum")
    np.testing.assert_allclose(momenta, [0.95, 0.9, 0.85, *np.linspace(0.85, 0.95, 9)[1:]], rtol=1e-12)
    three = curve(lambda o: make(o, three_phase=True), 11)
    np.testing.assert_allclose([three[0], three[2], three[4], three[10]], [0.25, 1, 0.25, 0.025], rtol=1e-12)
    assert curve(lambda o: OneCycleLR(o, 0.5, 10, pct_start=0.1), 1) == [0.5]  # no steps up: 0 / 0 in PyTorch


def test_plateau():
    opt = optimizer(1.0, 0.1)
    schedule = ReduceLROnPlateau(opt, factor=0.5, patience=1, cooldown=2, min_lr=[0.3, 0.0])
    for metric, want in [(3, 1), (3, 1), (3, 0.5), (3, 0.5), (3, 0.5), (3, 0.5), (np.nan, 0.3), (1, 0.3)]:
        opt.step()
        schedule.step(nn.Parameter(np.float64(metric)))  # a loss, as it comes
        assert rates(opt)[0] == want
    assert rates(opt)[1] == 0.025 and schedule.get_last_lr() == rates(opt)
    assert schedule.best == 1 and schedule.last_epoch == 8
    for mode, threshold_mode, seen, better in [
        ("min", "rel", 89, True),
        ("min", "rel", 91, False),
        ("min", "abs", 99.8, True),
        ("max", "rel", 109, False),
        ("max", "abs", 100.2, True),
    ]:
        schedule = ReduceLROnPlateau(opt, mode, threshold=0.1, threshold_mode=threshold_mode)
        schedule.step(100)
        schedule.step(seen)
        assert (schedule.best == seen) is better


# ------------------------------------------------------------------------------------ schedules of schedules


def test_one_schedule_after_another():
    def make(opt):
        return SequentialLR(opt, [LinearLR(opt, 0.25, total_iters=3), CosineAnnealingLR(opt, 4)], [3])

    down = [(1 + math.cos(math.pi * n / 4)) / 2 for n in range(5)]
    np.testing.assert_allclose(curve(make, 8), [0.25, 0.5, 0.75, *down], atol=1e-15)


def test_schedules_chained():
    def make(opt):
        return ChainedScheduler([ConstantLR(opt, 0.1, 2), ExponentialLR(opt, 0.5)])

    np.testing.assert_allclose(curve(make, 4), [0.1, 0.05, 0.25, 0.125], rtol=1e-12)


@pytest.mark.parametrize("kind", ["chained", "sequential"])
def test_compounds_take_their_turn(kind):
    """Where PyTorch raises NotImplementedError: it cannot begin them."""

    def make(opt):
        if kind == "chained":
            second = ChainedScheduler([ConstantLR(opt, 0.5, 2), ExponentialLR(opt, 0.5)])
        else:
            second = SequentialLR(opt, [ConstantLR(opt, 0.5, 9), ExponentialLR(opt, 0.5)], [2])
        return SequentialLR(opt, [ConstantLR(opt, 0.1, 9), second], [3])

    after = [0.5, 0.25, 0.25, 0.125] if kind == "chained" else [0.5, 0.5, 1.0, 0.5]
    np.testing.assert_allclose(curve(make, 7), [0.1] * 3 + after, rtol=1e-12)


def test_a_part_that_begins_gives_no_warning():
    opt = optimizer()
    SequentialLR(opt, [ChainedScheduler([ExponentialLR(opt, 0.5)]), ExponentialLR(opt, 0.5)], [2])


# ------------------------------------------------------------------------------------ groups


def test_each_group_has_its_own_rate():
    opt = optimizer(1.0, 0.1)
    schedule = LambdaLR(opt, [lambda n: 0.5**n, lambda n: 1.0])
    chained = StepLR(opt, 2, 0.1)
    opt.step()
    schedule.step()
    assert rates(opt) == [0.5, 0.1] == schedule.get_last_lr()
    opt.add_param_group({"params": [nn.Parameter(np.zeros(3))], "lr": 10.0})
    chained.step()
    chained.step()
    assert rates(opt) == [0.05, 0.010000000000000002, 1.0]
    with pytest.raises(
        ValueError, match="has 3 param groups by now, base_lrs has 2, lr_lambdas has 2; append"
    ):
        schedule.step()
    assert schedule.last_epoch == 1
    schedule.base_lrs.append(10.0)  # as it says
    schedule.lr_lambdas.append(lambda n: 2.0)
    schedule.step()
    assert rates(opt) == [0.25, 0.1, 20.0] and schedule.last_epoch == 2


def test_what_a_user_sets_between_steps_is_gone_on_from():
    opt = optimizer()
    schedule = ExponentialLR(opt, 0.5)
    opt.step()
    opt.param_groups[0]["lr"] = 8.0
    schedule.step()
    assert rates(opt) == [4.0]


def test_last_epoch_goes_on_from_the_initial_rates():
    opt = optimizer(1.0)
    schedule = StepLR(opt, 4, 0.5)
    for _ in range(3):
        opt.step()
        schedule.step()
    again = optimizer(1.0)
    again.load_state_dict(opt.state_dict())
    StepLR(again, 4, 0.5, last_epoch=schedule.last_epoch)
    assert rates(again) == [0.5]
    message = r"StepLR: last_epoch=3 goes on from an earlier run, but param_groups\[0\] has no 'initial_lr'"
    with pytest.raises(KeyError, match=message):
        StepLR(optimizer(), 4, last_epoch=3)


# ------------------------------------------------------------------------------------ order


def test_a_step_before_the_optimizers_warns():
    opt = optimizer()
    schedule = StepLR(opt, 1)
    with pytest.warns(UserWarning, match=r"StepLR.step\(\) came before optimizer.step\(\), so .* call optim"):
        schedule.step()
    opt = optimizer()
    schedule = StepLR(opt, 1)
    opt.step()
    schedule.step()


def test_replicas_step_the_optimizer_too():
    model = nn.Linear(2, 1)
    opt = SGD(model.parameters())
    schedule = StepLR(opt, 1)
    with nn.parallel.replicate(
        model, opt, lambda m, x: (m(x) ** 2).mean(), workers=2, kind="threads"
    ) as both:
        both.step(np.ones((4, 2), np.float32))
    schedule.step()
    assert opt.calls == 1


def test_the_epoch_and_get_lr_warn_as_in_pytorch():
    opt = optimizer(0.5)
    schedule = LinearLR(opt, 0.25, total_iters=4)
    opt.step()
    with pytest.warns(UserWarning, match=r"LinearLR.step\(epoch\) is deprecated"):
        schedule.step(2)
    assert rates(opt) == [0.5 * 0.625] and schedule.last_epoch == 2
    with pytest.warns(UserWarning, match=r"get_last_lr\(\) gives the rates"):
        schedule.get_lr()


# ------------------------------------------------------------------------------------ properties


@given(
    st.floats(0.01, 1),
    st.floats(0, 1),
    st.integers(1, 30),
    st.floats(0.1, 1.5),
    st.integers(1, 12),
    st.data(),
)
def test_steps_arrive_where_the_closed_forms_do(start, end, total, gamma, size, data):
    make = data.draw(
        st.sampled_from(
            [
                lambda o: LinearLR(o, start, end, total),
                lambda o: ConstantLR(o, start, total),
                lambda o: ExponentialLR(o, gamma),
                lambda o: StepLR(o, size, gamma),
                lambda o: MultiStepLR(o, [size, total], gamma),
                lambda o: PolynomialLR(o, total, gamma),
                lambda o: CosineAnnealingLR(o, total, end),
            ]
        )
    )
    opt = optimizer(0.7)
    schedule = make(opt)
    opt.step()
    for _ in range(20):
        schedule.step()
        np.testing.assert_allclose(rates(opt), schedule._get_closed_form_lr(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_a_cosine_comes_back_as_often_as_one_likes(length):
    opt = optimizer(0.7)
    schedule = CosineAnnealingLR(opt, length)
    opt.step()
    for _ in range(8 * length):
        schedule.step()
        np.testing.assert_allclose(rates(opt), schedule._get_closed_form_lr(), rtol=1e-9, atol=1e-12)
