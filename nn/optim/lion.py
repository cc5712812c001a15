"""Lion (Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, arXiv:2302.06675)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .groups import options
from .optimizer import Optimizer

__all__ = ["Lion"]


class Lion(Optimizer):
    """Steps of one size, up or down as momentum says; for each parameter, from its gradient g:

    g = -g if maximize; p *= 1 - lr * weight_decay
    p = p - lr * sign(beta1 * m + (1 - beta1) * g)
    m = beta2 * m + (1 - beta2) * g                     # exp_avg

    Defaults and the form of its state are those of its authors' version for PyTorch, which has none of its
    own. They advise a rate 3 to 10 times smaller than AdamW's and a weight decay as much larger. foreach and
    capturable are taken and change nothing: there is one way here.
    """

    state_names = ("exp_avg",)
    several = {"betas": 2}
    fractions = ("betas",)
    counts = False

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ):
        super().__init__(params, options(locals()))

    def decoupled(self, group: Mapping[str, Any]) -> bool:
        return True

    def update(self, group, t, p, g, state, scratch) -> None:
        m, (direction, s, *_) = state["exp_avg"], scratch
        beta1, beta2 = group["betas"]
        np.multiply(m, beta1, out=direction)
        np.multiply(g, 1 - beta1, out=s)
        direction += s
        np.sign(direction, out=s)  # not in place, which takes NumPy ten times as long
        s *= group["lr"]
        p -= s
        np.multiply(g, 1 - beta2, out=s)
        m *= beta2
        m += s
