"""Rates that rise and fall, and momentum against them (Smith 2017, arXiv:1506.01186 and 1708.07120)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import cos, floor, pi
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler
from .options import choice, each, groups_with, name_of, number, whole

__all__ = ["CyclicLR", "OneCycleLR"]


class _Cycling(LRScheduler):
    """What moves the groups' momentum, or the first of their betas, as it moves their rates."""

    cycle_momentum: bool
    use_beta1: bool  # only where momentum is moved

    def _cycles(self, cycle_momentum: bool, base: Any, top: Any) -> Iterator[tuple[float, float]]:
        """Note what is moved, and give the smallest and largest momentum of each group."""
        self.cycle_momentum = cycle_momentum
        if not cycle_momentum:
            return iter(())
        known = self.optimizer.defaults
        if "momentum" not in known and "betas" not in known:
            raise ValueError(
                f"{name_of(self)}: {type(self.optimizer).__name__} has neither momentum nor betas to cycle; "
                "give cycle_momentum=False"
            )
        self.use_beta1 = "betas" in known
        bounds = each(self, "base_momentum", base), each(self, "max_momentum", top)
        return zip(*bounds, strict=True)

    def _begin_momentum(self, bounds: Sequence[tuple[float, float]]) -> None:
        for group, (base, top) in zip(self.optimizer.param_groups, bounds, strict=False):  # none, or all
            self._set_momentum(group, top)
            group["max_momentum"], group["base_momentum"] = top, base

    def _set_momentum(self, group: dict[str, Any], momentum: float) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


class CyclicLR(_Cycling):
    """The rate runs in a line from `base_lr` to `max_lr` in `step_size_up` steps, and back, again and again.

    The height of a cycle is scaled by its number, as mode="triangular" (not at all) and "triangular2" (halved
    each time) say, or by gamma^(number of steps) in mode="exp_range"; or by scale_fn(number of the cycle,
    from 1 on), where scale_mode="iterations" of the number of steps. Meanwhile momentum, or the first of
    betas, runs from `max_momentum` to `base_momentum`. Rates and momenta are numbers, or lists with one for
    each group. TypeError for options that are no numbers, ValueError for a step size that is not positive, a
    list of another length, an unknown mode and an optimizer without momentum.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ):
        groups = self._attach(optimizer)
        base_lrs, self.max_lrs = each(self, "base_lr", base_lr), each(self, "max_lr", max_lr)
        up = float(number(self, "step_size_up", step_size_up, 0, above=True))
        down = up if step_size_down is None else float(number(self, "step_size_down", step_size_down, 0))
        self.total_size = up + down
        self.step_ratio = up / self.total_size
        if scale_fn is None:
            choice(self, "mode", mode, "triangular", "triangular2", "exp_range")
            scale_mode = "iterations" if mode == "exp_range" else "cycle"
        elif not callable(scale_fn):
            raise TypeError(f"{name_of(self)}: scale_fn must be a function, got {scale_fn!r}")
        self.mode = mode
        self.gamma = number(self, "gamma", gamma)
        self.scale_mode = choice(self, "scale_mode", scale_mode, "cycle", "iterations")
        self._scale_fn_custom = scale_fn
        bounds = list(self._cycles(cycle_momentum, base_momentum, max_momentum))
        if cycle_momentum:
            self.base_momentums, self.max_momentums = ([*values] for values in zip(*bounds, strict=True))
        if last_epoch == -1:
            for group, rate in zip(groups, base_lrs, strict=True):
                group["lr"] = rate
            self._begin_momentum(bounds)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """What the height of cycle `x` is multiplied by, or that after `x` steps."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "exp_range":
            return self.gamma**x
        return 1 / 2.0 ** (x - 1) if self.mode == "triangular2" else 1.0

    def _compute_lr(self) -> list[float]:
        cycle = floor(1 + self.last_epoch / self.total_size)
        x, ratio = 1.0 + self.last_epoch / self.total_size - cycle, self.step_ratio
        part = x / ratio if x <= ratio else (x - 1) / (ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        pairs = groups_with(self, base_lrs=self.base_lrs, max_lrs=self.max_lrs)
        rates = [base + (top - base) * part * scale for _, base, top in pairs]
        if self.cycle_momentum:
            lists = {"base_momentums": self.base_momentums, "max_momentums": self.max_momentums}
            for group, base, top in groups_with(self, **lists):
                self._set_momentum(group, top - (top - base) * part * scale)
        return rates


class OneCycleLR(_Cycling):
    """One cycle: the rate rises from max_lr / div_factor to `max_lr`, and falls to far below the first.

    It rises for `pct_start` of `total_steps`, or of epochs * steps_per_epoch, along half a cosine or a line
    (`anneal_strategy`), and falls to the first rate / `final_div_factor`; with `three_phase` to the first
    rate in as many steps as it rose, and then to that. Momentum, or the first of betas, goes from
    `max_momentum` to `base_momentum` and back. Rates and momenta are numbers, or lists with one for each
    group. Stepping more than total_steps times is a ValueError, as are options out of range, a list of
    another length, an unknown anneal_strategy and an optimizer without momentum; TypeError for what is no
    number. With `last_epoch` KeyError for groups of which an earlier OneCycleLR has not noted its bounds.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 10000.0,
        three_phase: bool = False,
        last_epoch: int = -1,
    ):
        groups = self._attach(optimizer)
        self.total_steps = self._length(total_steps, epochs, steps_per_epoch)
        rising = float(number(self, "pct_start", pct_start, 0, 1) * self.total_steps)
        self._schedule_phases = _phases(rising, self.total_steps - 1, three_phase)
        self._anneal_func_type = choice(self, "anneal_strategy", anneal_strategy, "cos", "linear")
        max_lrs = each(self, "max_lr", max_lr)
        number(self, "div_factor", div_factor, 0, above=True)
        number(self, "final_div_factor", final_div_factor, 0, above=True)
        bounds = list(self._cycles(cycle_momentum, base_momentum, max_momentum))
        if last_epoch == -1:
            for group, rate in zip(groups, max_lrs, strict=True):
                group["initial_lr"] = rate / div_factor
                group["max_lr"] = rate
                group["min_lr"] = group["initial_lr"] / final_div_factor
            self._begin_momentum(bounds)
        self._check_groups()
        super().__init__(optimizer, last_epoch)

    def _length(self, total: int | None, epochs: int | None, steps: int | None) -> int:
        if total is not None:
            return whole(self, "total_steps", total)
        if epochs is None or steps is None:
            raise ValueError(f"{name_of(self)}: give total_steps, or epochs and steps_per_epoch")
        return whole(self, "epochs", epochs) * whole(self, "steps_per_epoch", steps)

    def _check_groups(self) -> None:
        wanted = ["initial_lr", "max_lr", "min_lr"]
        wanted += ["base_momentum", "max_momentum"] if self.cycle_momentum else []
        for i, group in enumerate(self.optimizer.param_groups):
            lacking = [name for name in wanted if name not in group]
            if lacking:
                raise KeyError(
                    f"{name_of(self)}: param_groups[{i}] has no {', '.join(lacking)}, which a "
                    f"{name_of(self)} notes there when it is made; load the optimizer's state first, write "
                    "its own into a group that is added later, or leave last_epoch out"
                )

    def _compute_lr(self) -> list[float]:
        n = self.last_epoch
        if n > self.total_steps:
            raise ValueError(
                f"{name_of(self)}: step {n} of a schedule of total_steps={self.total_steps}; it ends there"
            )
        self._check_groups()
        start: float = 0.0
        for phase in self._schedule_phases:
            end: Any = phase["end_step"]
            if n <= end or phase is self._schedule_phases[-1]:
                break
            start = end
        part = (n - start) / (end - start) if end != start else 1.0  # of a phase without a length all is over
        groups = self.optimizer.param_groups
        if self.cycle_momentum:
            for group in groups:
                bounds = group[phase["start_momentum"]], group[phase["end_momentum"]]
                self._set_momentum(group, self._between(*bounds, part))
        return [self._between(group[phase["start_lr"]], group[phase["end_lr"]], part) for group in groups]

    def _between(self, start: float, end: float, part: float) -> float:
        if self._anneal_func_type == "linear":
            return (end - start) * part + start
        return end + (start - end) / 2.0 * (cos(pi * part) + 1)


def _phases(rising: float, last: int, three: bool) -> list[dict[str, Any]]:
    """Where each part of a cycle ends, and between which entries of a group it goes, as PyTorch saves it."""
    names = ("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum")
    up = (rising - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")
    down = (last, "max_lr", "min_lr", "base_momentum", "max_momentum")
    if not three:
        return [dict(zip(names, phase, strict=True)) for phase in (up, down)]
    back = (2 * rising - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum")
    out = (last, "initial_lr", "min_lr", "max_momentum", "max_momentum")
    return [dict(zip(names, phase, strict=True)) for phase in (up, back, out)]
