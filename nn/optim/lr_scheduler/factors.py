"""Schedules whose factor is a function of the user's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler
from .options import groups_with, name_of, rates_of

__all__ = ["LambdaLR", "MultiplicativeLR"]

Factor = Callable[[int], float]


class _ByFunction(LRScheduler):
    """What has `lr_lambdas`, one function of the number of steps for each group."""

    lr_lambdas: list[Factor]

    def __init__(self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int = -1):
        count = len(self._attach(optimizer))
        given: Any = lr_lambda
        self.lr_lambdas = list(given) if isinstance(given, (list, tuple)) else [given] * count
        if len(self.lr_lambdas) != count:
            raise ValueError(
                f"{name_of(self)}: lr_lambda has {len(self.lr_lambdas)} functions for {count} param groups"
            )
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"{name_of(self)}: lr_lambda must be a function, or a list, got {function!r}")
        super().__init__(optimizer, last_epoch)


class LambdaLR(_ByFunction):
    """The initial rate times lr_lambda(number of steps): one function, or a list of one for each group.

    TypeError for what cannot be called, ValueError for a list of another length.
    """

    def _compute_lr(self) -> list[float]:
        pairs = groups_with(self, base_lrs=self.base_lrs, lr_lambdas=self.lr_lambdas)
        return [rate * function(self.last_epoch) for _, rate, function in pairs]


class MultiplicativeLR(_ByFunction):
    """The rate is multiplied by lr_lambda(number of steps) at every step.

    It is one function, or a list of one for each group. TypeError for what cannot be called, ValueError for a
    list of another length.
    """

    def _compute_lr(self) -> list[float]:
        if self._is_initial:
            return rates_of(self)
        pairs = groups_with(self, lr_lambdas=self.lr_lambdas)
        return [group["lr"] * function(self.last_epoch) for group, function in pairs]
