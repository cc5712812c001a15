"""NAdam (Dozat 2016, Incorporating Nesterov Momentum into Adam, ICLR workshop)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .averages import average, average_squares
from .groups import options
from .optimizer import Optimizer

__all__ = ["NAdam"]


class NAdam(Optimizer):
    """NAdam with PyTorch's defaults; for each parameter, at its update number t, from its gradient g:

    g = -g if maximize, + weight_decay * p              # p *= 1 - lr * weight_decay if decoupled_weight_decay
    mu(t) = beta1 * (1 - 0.96**(t * momentum_decay) / 2)
    w = w * mu(t)                                       # mu_product, at first 1
    m = beta1 * m + (1 - beta1) * g                     # exp_avg
    v = beta2 * v + (1 - beta2) * g**2                  # exp_avg_sq
    n = (1 - mu(t)) / (1 - w) * g + mu(t + 1) / (1 - w * mu(t + 1)) * m
    p = p - lr * n / (sqrt(v / (1 - beta2**t)) + eps)

    It is Adam with Nesterov's momentum. foreach and capturable are taken and change nothing:
    there is one way here.
    """

    state_names = ("exp_avg", "exp_avg_sq")
    not_negative = ("lr", "eps", "weight_decay", "momentum_decay")
    several = {"betas": 2}
    fractions = ("betas",)

    def __init__(
        self,
        params: Iterable,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ):
        super().__init__(params, options(locals()))

    def start(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"mu_product": 1.0}

    def advance(self, group: Mapping[str, Any], t: np.ndarray, numbers: dict[str, np.ndarray]) -> None:
        numbers["mu_product"] = _product(numbers["mu_product"], _momentum(group, t))

    def update(self, group, t, p, g, state, scratch) -> None:
        m, v, (n, s, *_) = state["exp_avg"], state["exp_avg_sq"], scratch
        beta1, beta2 = group["betas"]
        mu, following = _momentum(group, t), _momentum(group, t + 1)
        product = float(_product(state["mu_product"], mu))
        of_gradient, of_mean = (1 - mu) / (1 - product), following / (1 - product * following)
        average(m, g, beta1, s)
        average_squares(v, g, beta2, s)
        root = (1 - beta2**t) ** 0.5  # taken out of the square root: one pass over the arrays less
        np.sqrt(v, out=s)
        s += group["eps"] * root
        np.multiply(m, of_mean / of_gradient, out=n)
        n += g
        n /= s
        n *= group["lr"] * root * of_gradient
        p -= n


def _momentum(group: Mapping[str, Any], t: Any) -> Any:
    """mu(t) of the class, for a number or an array."""
    return group["betas"][0] * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"]))


def _product(product: Any, mu: Any) -> Any:
    """Their product, in the float32 in which PyTorch computes and keeps it."""
    return np.multiply(product, mu, dtype=np.float32)
