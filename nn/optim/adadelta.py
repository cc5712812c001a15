"""Adadelta (Zeiler 2012, arXiv:1212.5701)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .averages import average_squares
from .groups import options
from .optimizer import Optimizer

__all__ = ["Adadelta"]


class Adadelta(Optimizer):
    """Adadelta with PyTorch's defaults; for each parameter, from its gradient g:

    g = -g if maximize, + weight_decay * p
    v = rho * v + (1 - rho) * g**2                      # square_avg
    d = sqrt(u + eps) / sqrt(v + eps) * g
    u = rho * u + (1 - rho) * d**2                      # acc_delta
    p = p - lr * d

    foreach and capturable are taken and change nothing: there is one way here.
    """

    state_names = ("square_avg", "acc_delta")
    not_negative = ("lr", "eps", "weight_decay")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        super().__init__(params, options(locals()))

    def check(self, group: Mapping[str, Any]) -> None:
        super().check(group)
        if not 0 <= group["rho"] <= 1:
            raise self._error(f"rho must be a number in [0, 1], got {group['rho']}")

    def update(self, group, t, p, g, state, scratch) -> None:
        v, u, rho, eps = state["square_avg"], state["acc_delta"], group["rho"], group["eps"]
        d, s, *_ = scratch
        average_squares(v, g, rho, s)
        np.add(v, eps, out=s)
        np.sqrt(s, out=s)
        np.add(u, eps, out=d)
        np.sqrt(d, out=d)
        d /= s
        d *= g
        average_squares(u, d, rho, s)
        d *= group["lr"]
        p -= d
