"""Schedules that multiply the rate: by steps, by a line, by a power."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable

from ..optimizer import Optimizer
from .base import LRScheduler
from .options import name_of, number, rates_of, whole

__all__ = ["ConstantLR", "ExponentialLR", "LinearLR", "MultiStepLR", "PolynomialLR", "StepLR"]


class StepLR(LRScheduler):
    """The rate is multiplied by `gamma` after every `step_size` steps.

    TypeError for options that are no numbers, ValueError for a step_size that is not positive.
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1):
        self.step_size = number(self, "step_size", step_size, 0, above=True)
        self.gamma = number(self, "gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def _compute_lr(self) -> list[float]:
        if self.last_epoch == 0 or self.last_epoch % self.step_size:
            return rates_of(self)
        return [rate * self.gamma for rate in rates_of(self)]

    def _get_closed_form_lr(self) -> list[float]:
        return [rate * self.gamma ** (self.last_epoch // self.step_size) for rate in self.base_lrs]


class MultiStepLR(LRScheduler):
    """The rate is multiplied by `gamma` when the number of steps reaches one of the `milestones`.

    One that is there twice counts twice. TypeError for a gamma that is no number and milestones that are no
    list, ValueError for milestones that are no whole numbers.
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ):
        if isinstance(milestones, str) or not isinstance(milestones, Iterable):
            raise TypeError(f"{name_of(self)}: milestones must be a list of numbers, got {milestones!r}")
        self.milestones = Counter(whole(self, "each of the milestones", m, least=0) for m in milestones)
        self.gamma = number(self, "gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def _compute_lr(self) -> list[float]:
        times = self.milestones[self.last_epoch]
        return [rate * self.gamma**times for rate in rates_of(self)] if times else rates_of(self)

    def _get_closed_form_lr(self) -> list[float]:
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [rate * self.gamma**passed for rate in self.base_lrs]


class ConstantLR(LRScheduler):
    """The rate is multiplied by `factor`, and by 1 / factor after `total_iters` steps.

    TypeError for options that are no numbers, ValueError for a factor outside [0, 1] and a negative
    total_iters.
    """

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ):
        self.factor = number(self, "factor", factor, 0, 1)
        self.total_iters = number(self, "total_iters", total_iters, 0)
        super().__init__(optimizer, last_epoch)

    def _compute_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return [rate * self.factor for rate in rates_of(self)]
        if self.last_epoch != self.total_iters:
            return rates_of(self)
        if self.factor == 0:  # which nothing undoes
            return [group["initial_lr"] for group in self.optimizer.param_groups]
        return [rate * (1.0 / self.factor) for rate in rates_of(self)]

    def _get_closed_form_lr(self) -> list[float]:
        over = self.last_epoch >= self.total_iters
        return [rate * (self.factor + over * (1 - self.factor)) for rate in self.base_lrs]


class LinearLR(LRScheduler):
    """The rate times a factor that moves from `start_factor` to `end_factor` by equal steps, `total_iters`.

    TypeError for options that are no numbers, ValueError for a start_factor outside (0, 1], an end_factor
    outside [0, 1] and a negative total_iters.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ):
        self.start_factor = number(self, "start_factor", start_factor, 0, 1, above=True)
        self.end_factor = number(self, "end_factor", end_factor, 0, 1)
        self.total_iters = number(self, "total_iters", total_iters, 0)
        super().__init__(optimizer, last_epoch)

    def _compute_lr(self) -> list[float]:
        n, start, slope = self.last_epoch, self.start_factor, self.end_factor - self.start_factor
        if n == 0:
            return [rate * start for rate in rates_of(self)]
        if self._is_initial or n > self.total_iters:
            return rates_of(self)
        growth = 1.0 + slope / (self.total_iters * start + (n - 1) * slope)  # of the factor since n - 1
        return [rate * growth for rate in rates_of(self)]

    def _get_closed_form_lr(self) -> list[float]:
        if not self.total_iters:
            return [rate * self.start_factor for rate in self.base_lrs]
        done, slope = min(self.total_iters, self.last_epoch), self.end_factor - self.start_factor
        return [rate * (self.start_factor + slope * done / self.total_iters) for rate in self.base_lrs]


class ExponentialLR(LRScheduler):
    """The rate is multiplied by `gamma` at every step.

    TypeError for a gamma that is no number.
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1):
        self.gamma = number(self, "gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def _compute_lr(self) -> list[float]:
        return rates_of(self) if self._is_initial else [rate * self.gamma for rate in rates_of(self)]

    def _get_closed_form_lr(self) -> list[float]:
        return [rate * self.gamma**self.last_epoch for rate in self.base_lrs]


class PolynomialLR(LRScheduler):
    """The rate times (1 - n / total_iters)^power after n steps, down to 0 at `total_iters`.

    TypeError for options that are no numbers, ValueError for a negative total_iters.
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1):
        self.total_iters = number(self, "total_iters", total_iters, 0)
        self.power = number(self, "power", power)
        super().__init__(optimizer, last_epoch)

    def _compute_lr(self) -> list[float]:
        n, total = self.last_epoch, self.total_iters
        if self._is_initial or n > total:
            return rates_of(self)
        part = ((1.0 - n / total) / (1.0 - (n - 1) / total)) ** self.power
        return [rate * part for rate in rates_of(self)]

    def _get_closed_form_lr(self) -> list[float]:
        if not self.total_iters:
            return list(self.base_lrs)
        done = min(self.total_iters, self.last_epoch) / self.total_iters
        return [rate * (1.0 - done) ** self.power for rate in self.base_lrs]
