"""Learning-rate schedules: a factor on each group's own rate that depends on the number of updates done."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .optimizer import Optimizer


class Schedule:
    """Set `lr` of every group to its initial value times `factor(n)` after n calls of `step()`.

    The factor for n = 0 is applied at once, so it is the rate of the first update. Call `step()` after
    `optimizer.step()`. A subclass may define `factor` as a method instead.
    """

    factor: Callable[[int], float]

    def __init__(self, optimizer: Optimizer, factor: Callable[[int], float] | None = None):
        self.optimizer = optimizer
        self.n = 0
        if factor is not None:
            self.factor = factor
        self._apply()

    def _apply(self) -> None:
        factor = self.factor(self.n)
        for group in self.optimizer.param_groups:
            group.setdefault(
                "initial_lr", group["lr"]
            )  # kept in the group, as in PyTorch: saved with the optimizer
            group["lr"] = group["initial_lr"] * factor

    def __repr__(self) -> str:
        given = {name: value for name, value in vars(self).items() if name not in ("optimizer", "n")}
        options = ", ".join(f"{name}={getattr(value, '__name__', value)}" for name, value in given.items())
        rates = ", ".join(dict.fromkeys(f"{group['lr']:.4g}" for group in self.optimizer.param_groups))
        return f"{type(self).__name__}({options})  # after {self.n:,} updates, lr {rates}"

    def step(self) -> None:
        """Set the rates for the next update."""
        self.n += 1
        self._apply()

    def state_dict(self) -> dict[str, Any]:
        """How far it is; the factor itself is not saved."""
        return {"n": self.n}

    def check_state_dict(self, state: dict[str, Any]) -> None:
        """Raise ValueError if `state` was not given by `state_dict`."""
        n = state.get("n") if isinstance(state, dict) else None
        if not isinstance(n, int) or n < 0:
            raise ValueError(f"{type(self).__name__}: not a schedule's state: {state!r:.80}")

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state and set the rates (load the optimizer first, with the initial ones)."""
        self.check_state_dict(state)
        self.n = state["n"]
        self._apply()


def _count(name: str, value: int, least: int) -> int:
    if value < least:
        raise ValueError(f"{name} must be {least} or more, got {value}")
    return value


class Constant(Schedule):
    """The initial rate, reached linearly over the first `warmup` updates.

    ValueError for a negative number.
    """

    def __init__(self, optimizer: Optimizer, warmup: int = 0):
        self.warmup = _count("warmup", warmup, 0)
        super().__init__(optimizer)

    def factor(self, n: int) -> float:
        """min(1, (n + 1) / warmup)."""
        return min(1.0, (n + 1) / max(1, self.warmup))


class StepDecay(Schedule):
    """Multiply the rate by `gamma` after every `step_size` updates (PyTorch's StepLR).

    ValueError for a step_size below 1.
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1):
        self.step_size = _count("step_size", step_size, 1)
        self.gamma = gamma
        super().__init__(optimizer)

    def factor(self, n: int) -> float:
        """gamma^floor(n / step_size)."""
        return self.gamma ** (n // self.step_size)


class WarmupCosine(Schedule):
    """Linear over `warmup` updates, then half a cosine down to `floor` at update `total`, then constant.

    Loshchilov and Hutter 2017 (https://arxiv.org/abs/1608.03983), without restarts. `floor` is a fraction of
    the initial rate. The first update already has 1/warmup of it. ValueError unless 0 <= warmup < total.
    """

    def __init__(self, optimizer: Optimizer, warmup: int, total: int, floor: float = 0.0):
        self.warmup = _count("warmup", warmup, 0)
        self.total = _count("total", total, warmup + 1)
        self.floor = floor
        super().__init__(optimizer)

    def factor(self, n: int) -> float:
        """(n + 1) / warmup up to there, then floor + (1 - floor) * (1 + cos(pi * part done)) / 2."""
        if n < self.warmup:
            return (n + 1) / self.warmup
        done = min(1.0, (n - self.warmup) / (self.total - self.warmup))
        return self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * done))


class InverseSquareRoot(Schedule):
    """Linear over `warmup` updates, then falling with the square root of their number.

    With `d_model` it is equation 3 of https://arxiv.org/abs/1706.03762, made for an initial rate of 1:
    d_model^-0.5 * min(step^-0.5, step * warmup^-1.5), with step = 1 at the first update. Without it the same
    curve is scaled to reach 1 at the end of the warm-up. ValueError for a warmup below 1.
    """

    def __init__(self, optimizer: Optimizer, warmup: int = 4000, d_model: int | None = None):
        self.warmup = _count("warmup", warmup, 1)
        self.scale = self.warmup**0.5 if d_model is None else d_model**-0.5
        super().__init__(optimizer)

    def factor(self, n: int) -> float:
        """scale * min(step^-0.5, step * warmup^-1.5), step = n + 1."""
        step = n + 1
        return self.scale * min(step**-0.5, step * self.warmup**-1.5)
