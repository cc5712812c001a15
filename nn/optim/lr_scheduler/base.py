"""LRScheduler: the rates of an optimizer's groups, set at once and at every step, and how far that is."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from ..optimizer import Optimizer
from .options import name_of, number, rates_of
from .state import check_value, loaded, saved, shown

__all__ = ["LRScheduler"]

LOOSE = {"_is_initial", "_get_lr_called_within_step", "verbose"}  # not in the states of every PyTorch


class LRScheduler:
    """Base of the schedules: sets `lr` of each of the optimizer's groups, at once and at every step().

    A subclass writes get_lr(), which gives one rate for each group. It may read `self.last_epoch`, the number
    of steps so far, `self.base_lrs`, the rates that the groups began with ("initial_lr" in the group), and
    `self.optimizer`, whose groups have the rates of the step before. A `last_epoch` that is not -1 goes on
    from there, with the "initial_lr" of a loaded optimizer: KeyError where a group has none. TypeError for
    what is no optimizer, and for a last_epoch that is no int.
    """

    optimizer: Optimizer
    base_lrs: list[float]
    last_epoch: int
    _step_count = 0
    _is_initial = False  # while the constructor sets the first rates
    _get_lr_called_within_step = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        groups = self._attach(optimizer)
        if not isinstance(last_epoch, Integral):
            raise TypeError(f"{name_of(self)}: last_epoch must be an int, got {last_epoch!r}")
        for i, group in enumerate(groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{name_of(self)}: last_epoch={last_epoch} goes on from an earlier run, but "
                    f"param_groups[{i}] has no 'initial_lr'; load the optimizer's state first, or leave "
                    "last_epoch out"
                )
        self.base_lrs = [group["initial_lr"] for group in groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    # ------------------------------------------------------------------ use

    def step(self, epoch: int | None = None) -> None:
        """Set the rates for the next update; call it after optimizer.step(), or a UserWarning is given.

        With `epoch`, which is out of use in PyTorch too, those after that many steps. What get_lr() gives is
        refused with a TypeError where it is no list of numbers, and a ValueError where it has not as many as
        the optimizer has groups.
        """
        counts = type(self.optimizer).step is Optimizer.step  # a user's own may not
        if self._step_count == 1 and counts and not self.optimizer.calls:
            warnings.warn(
                f"{name_of(self)}.step() came before optimizer.step(), so the schedule's first rate is never "
                f"used; call optimizer.step() first, and then {name_of(self)}.step()",
                UserWarning,
                stacklevel=2,
            )
        if epoch is not None:
            number(self, "epoch", epoch)
            text = f"{name_of(self)}.step(epoch) is deprecated, as in PyTorch; call step() without arguments"
            warnings.warn(text, UserWarning, stacklevel=2)
        self._step_count += 1
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        """Go on by one, or to `epoch`, where a closed form is taken if there is one."""
        before = self.last_epoch
        self._get_lr_called_within_step = True
        try:
            self.last_epoch = before + 1 if epoch is None else epoch
            closed = None if epoch is None else getattr(self, "_get_closed_form_lr", None)
            self._apply_lr(closed() if closed else self.get_lr())
        except BaseException:
            self.last_epoch = before
            raise
        finally:
            self._get_lr_called_within_step = False

    def _apply_lr(self, rates: Any) -> None:
        groups = self.optimizer.param_groups
        if not isinstance(rates, (list, tuple)) or not all(isinstance(rate, Real) for rate in rates):
            raise TypeError(f"{name_of(self)}: rates must be a list of numbers, one a group, got {rates!r}")
        if len(rates) != len(groups):
            raise ValueError(
                f"{name_of(self)}: {len(rates)} rates, {rates}, for {len(groups)} param groups; append the "
                "first rate of a group that was added to base_lrs of the schedule"
            )
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = rates_of(self)

    def get_lr(self) -> list[float]:
        """The rates at last_epoch, one for each group; a UserWarning where step() is not what calls it.

        NotImplementedError for a class without them.
        """
        if not self._get_lr_called_within_step:
            text = f"{name_of(self)}.get_lr() is step()'s; get_last_lr() gives the rates that were set"
            warnings.warn(text, UserWarning, stacklevel=2)
        return self._compute_lr()

    def _compute_lr(self) -> list[float]:
        raise NotImplementedError(f"{name_of(self)} has no get_lr()")

    def get_last_lr(self) -> list[float]:
        """The rates that the last step set, one for each group."""
        return self._last_lr

    # ------------------------------------------------------------------ state

    def state_dict(self) -> dict[str, Any]:
        """All its attributes but the optimizer, named as PyTorch's.

        Of functions there is None, of other callables what their __dict__ has, of schedules their state.
        """
        return {name: saved(value) for name, value in vars(self).items() if name != "optimizer"}

    def check_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raise TypeError or ValueError, saying why, if `load_state_dict` could not load this."""
        if not isinstance(state, Mapping):
            raise TypeError(f"{name_of(self)}: a schedule's state is a dict, got {state!r:.80}")
        own = vars(self).keys() - {"optimizer"}
        lacking, unknown = own - state.keys() - LOOSE, state.keys() - own - LOOSE
        if type(self).load_state_dict is not LRScheduler.load_state_dict:  # a user's, with names of its own
            lacking = unknown = set()
        told = [f"it lacks {', '.join(sorted(lacking))}"] if lacking else []
        told += [f"it has {', '.join(sorted(map(str, unknown)))}, unknown here"] if unknown else []
        if told:
            raise ValueError(f"{name_of(self)}: not the state of a {name_of(self)}: {'; '.join(told)}")
        for name in own & state.keys():
            check_value(f"{name_of(self)}: {name}", getattr(self, name), state[name])

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state given by `state_dict`, all or nothing; rates are the optimizer's, load that too.

        TypeError and ValueError as of check_state_dict, where it is another schedule's or damaged.
        """
        self.check_state_dict(state_dict)
        own = vars(self)
        own.update({name: loaded(own.get(name), value) for name, value in state_dict.items()})

    # ------------------------------------------------------------------ options

    def _attach(self, optimizer: Any) -> list[dict[str, Any]]:
        if not isinstance(optimizer, Optimizer):
            kind = type(optimizer).__name__
            raise TypeError(f"{name_of(self)}: optimizer must be an Optimizer, as SGD or AdamW, got {kind}")
        self.optimizer = optimizer
        return optimizer.param_groups

    # ------------------------------------------------------------------ shown

    def _steps_done(self) -> int:
        return max(0, self.last_epoch)  # -1 waits for its turn in a SequentialLR

    def __repr__(self) -> str:
        rates = ", ".join(dict.fromkeys(f"{rate:.4g}" for rate in rates_of(self)))
        text = ", ".join(f"{name}={value}" for name, value in shown(self))
        return f"{name_of(self)}({text})  # after {self._steps_done():,} updates, lr {rates}"
