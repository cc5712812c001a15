"""Adagrad (Duchi, Hazan and Singer 2011, JMLR 12, 2121-2159)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .groups import options
from .optimizer import Optimizer
from .sparse import in_blocks, refuse_decay

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    """Adagrad with PyTorch's defaults; for each parameter, at its update number t, from its gradient g:

    g = -g if maximize, + weight_decay * p
    v = v + g**2                                        # sum, at first initial_accumulator_value
    p = p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(v) + eps)

    A group may have an initial_accumulator_value of its own, which PyTorch takes from the constructor only.
    foreach and fused are taken and change nothing: there is one way here. A sparse gradient gives the same
    numbers, and only the rows that it has are looked at. It takes no weight decay then.
    """

    state_names = ("sum",)
    not_negative = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        super().__init__(params, options(locals()))

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"sum": group["initial_accumulator_value"]}

    def update(self, group, t, p, g, state, scratch) -> None:
        v, (s, *_) = state["sum"], scratch
        np.multiply(g, g, out=s)
        v += s
        np.sqrt(v, out=s)
        s += group["eps"]
        np.divide(g, s, out=s)
        s *= group["lr"] / (1 + (t - 1) * group["lr_decay"])
        p -= s

    def check_sparse(self, group: Mapping[str, Any]) -> None:
        refuse_decay(type(self).__name__, group)

    def update_rows(self, group, t, p, rows, g, state) -> None:
        for some, part, v in in_blocks(rows, g, p, state["sum"]):
            self.update(group, t, part, some, {"sum": v}, (np.empty_like(some),))
