"""Adamax (Kingma and Ba 2015, arXiv:1412.6980, section 7.1)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .averages import average
from .groups import options
from .optimizer import Optimizer

__all__ = ["Adamax"]


class Adamax(Optimizer):
    """Adamax with PyTorch's defaults; for each parameter, at its update number t, from its gradient g:

    g = -g if maximize, + weight_decay * p
    m = beta1 * m + (1 - beta1) * g                     # exp_avg
    u = max(beta2 * u, |g| + eps)                       # exp_inf
    p = p - lr / (1 - beta1**t) * m / u

    It is Adam with the largest gradient of late in place of a mean of squares. foreach and
    capturable are taken and change nothing: there is one way here.
    """

    state_names = ("exp_avg", "exp_inf")
    not_negative = ("lr", "eps", "weight_decay")
    several = {"betas": 2}
    fractions = ("betas",)

    def __init__(
        self,
        params: Iterable,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        super().__init__(params, options(locals()))

    def update(self, group, t, p, g, state, scratch) -> None:
        m, u, (s, *_) = state["exp_avg"], state["exp_inf"], scratch
        beta1, beta2 = group["betas"]
        average(m, g, beta1, s)
        np.abs(g, out=s)
        s += group["eps"]
        u *= beta2
        np.maximum(u, s, out=u)
        np.divide(m, u, out=s)
        s *= group["lr"] / (1 - beta1**t)
        p -= s
