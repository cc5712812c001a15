"""Half a cosine down, once or again and again (Loshchilov and Hutter 2017, arXiv:1608.03983)."""

from __future__ import annotations

from math import cos, floor, log, pi

from ..optimizer import Optimizer
from .base import LRScheduler
from .options import groups_with, number, rates_of, whole

__all__ = ["CosineAnnealingLR", "CosineAnnealingWarmRestarts"]


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the initial rate to `eta_min` over `T_max` steps, and up again.

    eta_min + (initial - eta_min) * (1 + cos(pi n / T_max)) / 2 after n steps, reached from the rate before,
    so that other schedules may act meanwhile. TypeError for options that are no numbers, ValueError for a
    T_max that is not positive.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1):
        self.T_max = number(self, "T_max", T_max, 0, above=True)
        self.eta_min = number(self, "eta_min", eta_min)
        super().__init__(optimizer, last_epoch)

    def _compute_lr(self) -> list[float]:
        n, length, least = self.last_epoch, self.T_max, self.eta_min
        if self._is_initial:
            return rates_of(self)
        if self._step_count == 1 and n > 0:  # made by hand to go on from n
            pairs = groups_with(self, base_lrs=self.base_lrs)
            return [least + (rate - least) * (1 + cos(n * pi / length)) / 2 for _, rate in pairs]
        if (n - 1 - length) % (2 * length) == 0:  # from the lowest point, where the quotient is 0 / 0
            pairs, rise = groups_with(self, base_lrs=self.base_lrs), 1 - cos(pi / length)
            return [group["lr"] + (rate - least) * rise / 2 for group, rate in pairs]
        quotient = (1 + cos(pi * n / length)) / (1 + cos(pi * (n - 1) / length))
        return [quotient * (rate - least) + least for rate in rates_of(self)]

    def _get_closed_form_lr(self) -> list[float]:
        height = 1 + cos(pi * self.last_epoch / self.T_max)
        return [self.eta_min + (rate - self.eta_min) * height / 2 for rate in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine from the initial rate to `eta_min` over `T_0` steps, then anew.

    Each time takes `T_mult` times as many steps as the one before. ValueError for a T_0 or T_mult that is no
    whole number above 0, TypeError for an eta_min that is no number.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ):
        self.T_0 = self.T_i = whole(self, "T_0", T_0)
        self.T_mult = whole(self, "T_mult", T_mult)
        self.eta_min = number(self, "eta_min", eta_min)
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def _compute_lr(self) -> list[float]:
        least, height = self.eta_min, 1 + cos(pi * self.T_cur / self.T_i)
        return [least + (rate - least) * height / 2 for _, rate in groups_with(self, base_lrs=self.base_lrs)]

    def step(self, epoch: float | None = None) -> None:
        """Set the rates for the next update, or those after `epoch` steps, a number with parts of steps too.

        ValueError for a negative epoch, TypeError for one that is no number.
        """
        if epoch is not None:
            number(self, "epoch", epoch, 0)
        before = self.T_cur, self.T_i
        if epoch is None and self.last_epoch >= 0:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur, self.T_i = self.T_cur % self.T_i, self.T_i * self.T_mult
        else:
            epoch = epoch or 0
            self.T_cur, self.T_i = self._place(epoch)
        try:
            self._update_lr(floor(epoch))
        except BaseException:
            self.T_cur, self.T_i = before
            raise

    def _place(self, epoch: float) -> tuple[float, int]:
        """Steps since the last restart, and to the next from there."""
        first, factor = self.T_0, self.T_mult
        if epoch < first:
            return epoch, first
        if factor == 1:
            return epoch % first, first
        restarts = int(log(epoch / first * (factor - 1) + 1, factor))
        past = first * (factor**restarts - 1) / (factor - 1)
        return epoch - past, first * factor**restarts
