"""Averaged stochastic gradient descent (Polyak and Juditsky 1992, SIAM J. Control Optim. 30, 838-855)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .averages import average
from .groups import options
from .optimizer import Optimizer

__all__ = ["ASGD"]


class ASGD(Optimizer):
    """ASGD with PyTorch's defaults; for each parameter, at its update number t, from its gradient g:

    g = -g if maximize, + weight_decay * p
    p = (1 - lambd * eta) * p - eta * g
    a = a + mu * (p - a)                                # ax, the average
    eta = lr / (1 + lambd * lr * t)**alpha              # of the next update; at first lr
    mu = 1 / max(1, t - t0)                             # of the next update; at first 1

    The average is in `state[parameter]["ax"]` and used by nobody: look there when training is over. foreach
    and capturable are taken and change nothing: there is one way here.
    """

    state_names = ("ax",)

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0.0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        super().__init__(params, options(locals()))

    def start(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"eta": group["lr"], "mu": 1.0}

    def advance(self, group: Mapping[str, Any], t: np.ndarray, numbers: dict[str, np.ndarray]) -> None:
        lr, lambd = group["lr"], group["lambd"]
        numbers["eta"][...] = lr / (1 + lambd * lr * t) ** group["alpha"]
        numbers["mu"][...] = 1 / np.maximum(1, t - group["t0"])

    def update(self, group, t, p, g, state, scratch) -> None:
        eta, mu, (s, *_) = state["eta"], state["mu"], scratch
        np.multiply(g, eta, out=s)
        p *= 1 - group["lambd"] * eta
        p -= s
        if mu == 1:
            state["ax"][...] = p
        else:
            average(state["ax"], p, 1 - mu, s)
