"""Adam (Kingma and Ba 2015, arXiv:1412.6980) and AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .averages import average, average_squares
from .groups import options
from .optimizer import Optimizer
from .sparse import in_blocks, refuse_decay

__all__ = ["Adam", "AdamW", "SparseAdam"]


class Adam(Optimizer):
    """Adam with PyTorch's defaults; for each parameter, at its update number t, from its gradient g:

    g = -g if maximize, + weight_decay * p              # p *= 1 - lr * weight_decay if decoupled_weight_decay
    m = beta1 * m + (1 - beta1) * g                     # exp_avg
    v = beta2 * v + (1 - beta2) * g**2                  # exp_avg_sq
    u = max(u, v) if amsgrad else v                     # max_exp_avg_sq
    p = p - lr * (m / (1 - beta1**t)) / (sqrt(u / (1 - beta2**t)) + eps)

    amsgrad is Reddi, Kale and Kumar's (2018, arXiv:1904.09237). foreach, fused and capturable are taken and
    change nothing: there is one way here. Where the gradient of a table is sparse, that is done for the rows
    it has, with eps beside sqrt(v), as in PyTorch's SparseAdam: the other rows stay, and their moments too.
    It takes no weight decay and no amsgrad then.
    """

    state_names = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    not_negative = ("lr", "weight_decay", "eps")
    several = {"betas": 2}
    fractions = ("betas",)

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ):
        super().__init__(params, options(locals()))

    def kept(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return self.state_names if group["amsgrad"] else self.state_names[:2]

    def update(self, group, t, p, g, state, scratch) -> None:
        m, v, (s, *_) = state["exp_avg"], state["exp_avg_sq"], scratch
        beta1, beta2 = group["betas"]
        average(m, g, beta1, s)
        average_squares(v, g, beta2, s)
        if group["amsgrad"]:
            v = np.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
        root = (1 - beta2**t) ** 0.5  # taken out of the square root: one pass over the arrays less
        np.sqrt(v, out=s)  # p -= lr * root / (1 - beta1**t) * m / (sqrt(v) + eps * root)
        s += group["eps"] * root
        np.divide(m, s, out=s)
        s *= group["lr"] * root / (1 - beta1**t)
        p -= s

    def check_sparse(self, group: Mapping[str, Any]) -> None:
        refuse_decay(type(self).__name__, group)
        if group.get("amsgrad"):
            raise self._error("amsgrad needs whole gradients, and one is sparse; use sparse=False")

    def update_rows(self, group, t, p, rows, g, state) -> None:
        root = (1 - group["betas"][1] ** t) ** 0.5  # by which `update` multiplies eps
        group = {**group, "eps": group["eps"] / root, "amsgrad": False}
        tables = p, state["exp_avg"], state["exp_avg_sq"]
        for some, part, m, v in in_blocks(rows, g, *tables):
            moments = {"exp_avg": m, "exp_avg_sq": v}
            Adam.update(self, group, t, part, some, moments, (np.empty_like(some),))


class AdamW(Adam):
    """Adam with decoupled weight decay, whose first line is p = p - lr * weight_decay * p."""

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        Optimizer.__init__(self, params, {**options(locals()), "decoupled_weight_decay": True})


class SparseAdam(Adam):
    """Adam for tables whose gradients are sparse: only the rows that a gradient has change, as in Adam here.

    TypeError for a gradient that is whole.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ):
        Optimizer.__init__(self, params, options(locals()))

    def kept(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return self.state_names[:2]

    def check_sparse(self, group: Mapping[str, Any]) -> None:
        """Every gradient is taken that is sparse."""

    def update(self, group, t, p, g, state, scratch) -> None:
        raise self._error("takes sparse gradients only; use Adam, or sparse=True in the embedding", TypeError)
