"""Stochastic gradient descent with momentum, as in PyTorch (Sutskever et al. 2013 for Nesterov's)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...autograd.kernels import blocks
from .groups import options
from .optimizer import Optimizer
from .sparse import in_blocks, refuse_decay

__all__ = ["SGD"]


class SGD(Optimizer):
    """Gradient descent with PyTorch's defaults; for each parameter, from its gradient g:

    g = -g if maximize, + weight_decay * p
    b = g at the first update, then momentum * b + (1 - dampening) * g      # momentum_buffer
    p = p - lr * (g + momentum * b if nesterov else b)                      # lr * g without momentum

    foreach and fused are taken and change nothing: there is one way here. A sparse gradient gives the same
    numbers: with momentum all rows move, without it only those that it has are looked at. It takes no weight
    decay then.
    """

    state_names = ("momentum_buffer",)
    not_negative = ("lr", "weight_decay", "momentum")
    counts = False

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        super().__init__(params, options(locals()))

    def check(self, group: Mapping[str, Any]) -> None:
        super().check(group)
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise self._error("nesterov needs a momentum, and no dampening")

    def kept(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return self.state_names if group["momentum"] else ()

    def update(self, group, t, p, g, state, scratch) -> None:
        momentum, b, (s, *_) = group["momentum"], state["momentum_buffer"], scratch
        if momentum and t == 1:
            b[...] = g
        elif momentum:
            b *= momentum
            np.multiply(g, 1 - group["dampening"], out=s)
            b += s
        if momentum and group["nesterov"]:
            np.multiply(b, momentum, out=s)
            s += g
            s *= group["lr"]
        else:
            np.multiply(b if momentum else g, group["lr"], out=s)
        p -= s

    def check_sparse(self, group: Mapping[str, Any]) -> None:
        refuse_decay(type(self).__name__, group)

    def update_rows(self, group, t, p, rows, g, state) -> None:
        lr, momentum, dampening = (group[name] for name in ("lr", "momentum", "dampening"))
        b = state["momentum_buffer"]
        if not momentum or group["nesterov"]:
            for some, part in in_blocks(rows, g, p):
                part -= some * lr
        if not momentum:
            return
        if t == 1:
            b[...] = 0
            b[rows] = g
        else:
            b *= momentum
            b[rows] += g * (1 - dampening)
        for some in blocks(len(p), p.shape[1]):
            p[some] -= b[some] * (lr * momentum if group["nesterov"] else lr)
