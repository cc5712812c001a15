"""Adam (Kingma and Ba 2015, arXiv:1412.6980) and AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .optimizer import Optimizer
from .sparse import in_blocks, refuse_decay


class Adam(Optimizer):
    """Adam with PyTorch's defaults; for each parameter, at its update number t:

    g = g + weight_decay * p
    m = beta1 * m + (1 - beta1) * g                     # exp_avg
    v = beta2 * v + (1 - beta2) * g**2                  # exp_avg_sq
    p = p - lr * (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + eps)

    Where the gradient of a table is sparse, that is done for the rows it has, with eps beside sqrt(v), as in
    PyTorch's SparseAdam: the other rows stay, and their moments too. It takes no weight decay then.
    """

    state_names = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def check(self, group: Mapping[str, Any]) -> None:
        super().check(group)
        betas = group["betas"]
        if (
            not isinstance(betas, (tuple, list))
            or len(betas) != 2
            or not all(0 <= beta < 1 for beta in betas)
        ):
            raise self._error(f"betas must be two numbers in [0, 1), got {betas}")
        if not group["eps"] >= 0:
            raise self._error(f"eps must be 0 or more, got {group['eps']}")

    def update(self, group, t, p, g, m, v, s, decayed) -> None:
        """One update, the t-th, with the options `group`, in place on 1-D pieces of equal length.

        Parameters p, gradients g (left as they are), state m and v; s and decayed are scratch.
        """
        if group["weight_decay"]:
            np.multiply(p, group["weight_decay"], out=decayed)
            decayed += g
            g = decayed
        self.descend(group, t, p, g, m, v, s)

    def check_sparse(self, group: Mapping[str, Any]) -> None:
        refuse_decay(type(self).__name__, group)

    def update_rows(self, group, t, p, rows, g, m, v) -> None:
        """One update, the t-th with the options `group`, of the `rows` of p, m and v by their gradients g.

        As in PyTorch's SparseAdam.
        """
        root = (1 - group["betas"][1] ** t) ** 0.5  # by which `descend` multiplies eps
        options = {**group, "eps": group["eps"] / root}
        for some, p_rows, m_rows, v_rows in in_blocks(rows, g, p, m, v):
            self.descend(options, t, p_rows, some, m_rows, v_rows, np.empty_like(some))

    def descend(self, group, t, p, g, m, v, s) -> None:
        """The last three lines of the formula, with the arguments of `update`: group, t, p, g, m, v, s."""
        beta1, beta2 = group["betas"]
        np.subtract(g, m, out=s)  # m += (1 - beta1) * (g - m)
        s *= 1 - beta1
        m += s
        np.multiply(g, g, out=s)  # v = beta2 * v + (1 - beta2) * g**2
        s *= 1 - beta2
        v *= beta2
        v += s
        root = (1 - beta2**t) ** 0.5  # taken out of the square root: one pass over the arrays less
        np.sqrt(v, out=s)  # p -= lr * root / (1 - beta1**t) * m / (sqrt(v) + eps * root)
        s += group["eps"] * root
        np.divide(m, s, out=s)
        s *= group["lr"] * root / (1 - beta1**t)
        p -= s


class AdamW(Adam):
    """Adam with decoupled weight decay, for which the first line of the formula becomes:

    p = p - lr * weight_decay * p
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ):
        super().__init__(params, lr, betas, eps, weight_decay)

    def update(self, group, t, p, g, m, v, s, _) -> None:
        """As Adam's, but that p decays and not g: group, t, p, g, m, v, and s, which is scratch."""
        if group["weight_decay"]:
            p *= 1 - group["lr"] * group["weight_decay"]
        self.descend(group, t, p, g, m, v, s)
