"""RAdam (Liu et al. 2020, On the Variance of the Adaptive Learning Rate and Beyond, arXiv:1908.03265)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .averages import average, average_squares
from .groups import options
from .optimizer import Optimizer

__all__ = ["RAdam"]


class RAdam(Optimizer):
    """RAdam with PyTorch's defaults; for each parameter, at its update number t, from its gradient g:

    g = -g if maximize, + weight_decay * p              # p *= 1 - lr * weight_decay if decoupled_weight_decay
    m = beta1 * m + (1 - beta1) * g                     # exp_avg
    v = beta2 * v + (1 - beta2) * g**2                  # exp_avg_sq
    k = 2 / (1 - beta2) - 1                             # so many steps the mean of squares looks back
    n = k - 2 * t * beta2**t / (1 - beta2**t)           # and so many there have been
    r = sqrt((n - 4) * (n - 2) * k / ((k - 4) * (k - 2) * n))
    p = p - lr * m / (1 - beta1**t)                                                       if n <= 5
    p = p - lr * m / (1 - beta1**t) * r * sqrt(1 - beta2**t) / (sqrt(v) + eps)            else

    It is Adam, whose first steps are those of momentum alone, until v is known well enough. foreach and
    capturable are taken and change nothing: there is one way here.
    """

    state_names = ("exp_avg", "exp_avg_sq")
    not_negative = ("lr", "eps", "weight_decay")
    several = {"betas": 2}
    fractions = ("betas",)

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ):
        super().__init__(params, options(locals()))

    def update(self, group, t, p, g, state, scratch) -> None:
        m, v, (s, *_) = state["exp_avg"], state["exp_avg_sq"], scratch
        beta1, beta2 = group["betas"]
        average(m, g, beta1, s)
        average_squares(v, g, beta2, s)
        rate, known = group["lr"] / (1 - beta1**t), _certainty(beta2, t)
        if known:
            np.sqrt(v, out=s)
            s += group["eps"]
            np.divide(m, s, out=s)
            s *= rate * known * (1 - beta2**t) ** 0.5
        else:
            np.multiply(m, rate, out=s)
        p -= s


def _certainty(beta2: float, t: int) -> float:
    """r of the class, 0 where n is 5 or less."""
    k = 2 / (1 - beta2) - 1
    n = k - 2 * t * beta2**t / (1 - beta2**t)
    return ((n - 4) * (n - 2) * k / ((k - 4) * (k - 2) * n)) ** 0.5 if n > 5 else 0.0
