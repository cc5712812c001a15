"""ReduceLROnPlateau."""

from __future__ import annotations

import warnings
from math import inf
from typing import SupportsFloat

from ....autograd import Tensor
from ..optimizer import Optimizer
from .base import LRScheduler
from .options import choice, each, name_of, number, rates_of

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(LRScheduler):
    """The rate is multiplied by `factor` when a metric has not become better for more than `patience` steps.

    Better is less than the best so far (mode="min") or more ("max"), by `threshold`, which is a part of the
    best (threshold_mode="rel") or a difference ("abs"). nan is never better. After a reduction `cooldown`
    steps are not counted. No rate falls below `min_lr`, a number or a list with one for each group, nor
    changes by `eps` or less. TypeError for options that are no numbers and for what is no optimizer,
    ValueError for a factor of 1 or more, options out of range, an unknown mode and a list of another length.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: list[float] | float = 0,
        eps: float = 1e-8,
    ):
        self._attach(optimizer)
        self.factor = number(self, "factor", factor, 0)
        if factor >= 1:
            raise ValueError(f"{name_of(self)}: factor must be less than 1, got {factor!r}")
        self.min_lrs = each(self, "min_lr", min_lr)
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.patience = number(self, "patience", patience, 0)
        self.cooldown = number(self, "cooldown", cooldown, 0)
        self.eps = number(self, "eps", eps)
        self.last_epoch = 0
        self._last_lr = rates_of(self)
        self.mode = choice(self, "mode", mode, "min", "max")
        self.mode_worse = inf if mode == "min" else -inf
        self.threshold = number(self, "threshold", threshold)
        self.threshold_mode = choice(self, "threshold_mode", threshold_mode, "rel", "abs")
        self._reset()

    def _reset(self) -> None:
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    def step(self, metrics: SupportsFloat | Tensor, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take note of `metrics`, a number, and set the rates for what follows.

        TypeError for what is no number, RuntimeError where groups were added and min_lr is a list.
        """
        try:
            current = float(metrics.item() if isinstance(metrics, Tensor) else metrics)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"{name_of(self)}.step: metrics must be a number, got {metrics!r:.80}: {error}"
            ) from error
        if epoch is not None:
            text = f"{name_of(self)}.step(metrics, epoch) is deprecated, as in PyTorch; leave epoch out"
            warnings.warn(text, UserWarning, stacklevel=2)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current, self.best):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = rates_of(self)

    def _check_min_lrs(self) -> None:
        count = len(self.optimizer.param_groups)
        if len(self.min_lrs) == count:
            return
        if self.default_min_lr is None:
            raise RuntimeError(
                f"{name_of(self)}: the optimizer has {count} param groups by now, min_lr was given for "
                f"{len(self.min_lrs)}; append what a new group is to have to min_lrs of the schedule"
            )
        self.min_lrs = [self.default_min_lr] * count

    def _reduce(self) -> None:
        self._check_min_lrs()
        for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
            before = float(group["lr"])
            after = max(before * self.factor, least)
            if before - after > self.eps:
                group["lr"] = after

    @property
    def in_cooldown(self) -> bool:
        """Whether steps are not counted, after a reduction."""
        return self.cooldown_counter > 0

    def _is_better(self, current: float, best: float) -> bool:
        if self.mode == "min":
            relative = self.threshold_mode == "rel"
            return current < (best * (1.0 - self.threshold) if relative else best - self.threshold)
        relative = self.threshold_mode == "rel"
        return current > (best * (self.threshold + 1.0) if relative else best + self.threshold)
