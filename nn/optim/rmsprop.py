"""RMSprop (Tieleman and Hinton 2012, lecture 6.5 of Neural Networks for Machine Learning)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .averages import average, average_squares
from .groups import options
from .optimizer import Optimizer

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """RMSprop with PyTorch's defaults; for each parameter, from its gradient g:

    g = -g if maximize, + weight_decay * p
    v = alpha * v + (1 - alpha) * g**2                  # square_avg
    a = alpha * a + (1 - alpha) * g                     # grad_avg, if centered
    g = g / (sqrt(v - a**2 if centered else v) + eps)
    b = momentum * b + g                                # momentum_buffer, if there is a momentum
    p = p - lr * (b if momentum else g)

    The centered form is Graves' (2013, arXiv:1308.0850, equations 38 to 45). foreach and capturable are taken
    and change nothing: there is one way here.
    """

    state_names = ("square_avg", "momentum_buffer", "grad_avg")
    not_negative = ("lr", "eps", "momentum", "weight_decay", "alpha")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        super().__init__(params, options(locals()))

    def kept(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        used = {"square_avg": True, "momentum_buffer": group["momentum"], "grad_avg": group["centered"]}
        return tuple(name for name in self.state_names if used[name])

    def update(self, group, t, p, g, state, scratch) -> None:
        v, b, a, (s, *_) = state["square_avg"], state["momentum_buffer"], state["grad_avg"], scratch
        average_squares(v, g, group["alpha"], s)
        if group["centered"]:
            average(a, g, group["alpha"], s)
            np.multiply(a, a, out=s)
            np.subtract(v, s, out=s)
        np.sqrt(s if group["centered"] else v, out=s)
        s += group["eps"]
        np.divide(g, s, out=s)
        if group["momentum"]:
            b *= group["momentum"]
            b += s
        np.multiply(b if group["momentum"] else s, group["lr"], out=s)
        p -= s
