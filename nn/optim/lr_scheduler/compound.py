"""Schedules made of schedules."""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler
from .options import name_of, rates_of, whole
from .plateau import ReduceLROnPlateau

__all__ = ["ChainedScheduler", "SequentialLR"]


class _Compound(LRScheduler):
    """What has `_schedulers`, all of one optimizer."""

    _schedulers: list[LRScheduler]

    def _take(self, schedulers: Any, optimizer: Optimizer | None) -> None:
        if not isinstance(schedulers, (list, tuple)):
            raise TypeError(f"{name_of(self)}: schedulers must be a list, got {schedulers!r:.80}")
        if not schedulers:
            raise ValueError(f"{name_of(self)}: schedulers is empty; give one schedule or more")
        for i, part in enumerate(schedulers):
            if not isinstance(part, LRScheduler):
                raise TypeError(f"{name_of(self)}: schedulers[{i}] must be a schedule, got {part!r:.80}")
            if isinstance(part, ReduceLROnPlateau):
                raise ValueError(
                    f"{name_of(self)}: schedulers[{i}] is a ReduceLROnPlateau, whose step wants a metric; "
                    "step it by itself"
                )
        self._attach(schedulers[0].optimizer if optimizer is None else optimizer)
        for i, part in enumerate(schedulers):
            if part.optimizer is not self.optimizer:
                raise ValueError(
                    f"{name_of(self)}: schedulers[{i}], a {name_of(part)}, is of another optimizer; make all "
                    "for one"
                )
        self._schedulers = list(schedulers)

    def _initial_step(self) -> None:
        with warnings.catch_warnings():  # a part that was made before has had its first step
            warnings.filterwarnings("ignore", r"\w+\.step\(\) came before optimizer\.step", UserWarning)
            super()._initial_step()

    def __repr__(self) -> str:
        parts = [f"\n  {line}" for part in self._schedulers for line in repr(part).splitlines()]
        return super().__repr__() + "".join(parts)


class ChainedScheduler(_Compound):
    """Several schedules step one after the other at every step, each from the rate that the last has set.

    TypeError for what is no schedule; ValueError for an empty list, schedules of different optimizers, and a
    ReduceLROnPlateau.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None):
        self._take(schedulers, optimizer)
        self._last_lr = rates_of(self)

    def step(self) -> None:  # type: ignore[override]
        """Step all schedules, in order."""
        for part in self._schedulers:
            part.step()
        self._last_lr = rates_of(self)

    def _update_lr(self, epoch: int | None = None) -> None:
        """Begin as if made now: its turn in a SequentialLR, where PyTorch raises NotImplementedError."""
        for group in self.optimizer.param_groups:
            group["lr"] = group.get("initial_lr", group["lr"])
        for part in self._schedulers:
            if isinstance(part, _Compound):
                part._update_lr(0)
            else:
                part.last_epoch = -1
                part._initial_step()
        self._last_lr = rates_of(self)

    def _steps_done(self) -> int:
        return self._schedulers[0]._steps_done()


class SequentialLR(_Compound):
    """One schedule after the other: the next begins, at its step 0, at each of the `milestones`.

    TypeError for what is no schedule; ValueError for an empty list, schedules of different optimizers, a
    ReduceLROnPlateau, and milestones that are not one fewer, or no whole numbers in order.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ):
        self._take(schedulers, optimizer)
        if not isinstance(milestones, (list, tuple)):
            raise TypeError(f"{name_of(self)}: milestones must be a list of numbers, got {milestones!r}")
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"{name_of(self)}: {len(schedulers)} schedulers want {len(schedulers) - 1} milestones, got "
                f"{milestones}"
            )
        self._milestones = [whole(self, "each of the milestones", m, least=0) for m in milestones]
        if any(later < earlier for earlier, later in pairwise(self._milestones)):
            raise ValueError(f"{name_of(self)}: milestones must not fall, got {milestones}")
        self.last_epoch = last_epoch + 1
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        _undo(self._schedulers)
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:  # type: ignore[override]
        """Step the schedule whose turn it is, or begin the next one."""
        self._move(self.last_epoch + 1)

    def _update_lr(self, epoch: int | None = None) -> None:
        """Begin anew: its turn in another SequentialLR, where PyTorch raises NotImplementedError."""
        self._move(self.last_epoch + 1 if epoch is None else epoch)

    def _move(self, epoch: int) -> None:
        self.last_epoch = epoch
        index = bisect_right(self._milestones, epoch)
        part = self._schedulers[index]
        begins = self._milestones[index - 1] == epoch if index else epoch == 0
        if begins:
            part._update_lr(0)
        else:
            part.step()
        self._last_lr = part.get_last_lr()


def _undo(schedulers: Sequence[LRScheduler]) -> None:
    """Take back the step that each schedule made when it was made."""
    for part in schedulers:
        if isinstance(part, _Compound):
            _undo(part._schedulers)
        else:
            part.last_epoch -= 1
