"""Stochastic gradient descent with momentum, as in PyTorch (Sutskever et al. 2013 for Nesterov's)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...autograd.kernels import blocks
from .optimizer import Optimizer
from .sparse import in_blocks, refuse_decay


class SGD(Optimizer):
    """Gradient descent with PyTorch's defaults; for each parameter:

    g = g + weight_decay * p
    b = g at the first update, then momentum * b + (1 - dampening) * g      # momentum_buffer
    p = p - lr * (g + momentum * b if nesterov else b)                      # lr * g without momentum

    A sparse gradient gives the same numbers; without momentum, only the rows that it has are looked at. It
    takes no weight decay then.
    """

    state_names = ("momentum_buffer",)

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ):
        options = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, {**options, "nesterov": nesterov})

    def check(self, group: Mapping[str, Any]) -> None:
        super().check(group)
        if not group["momentum"] >= 0:
            raise self._error(f"momentum must be 0 or more, got {group['momentum']}")
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise self._error("nesterov needs a momentum, and no dampening")

    def kept(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        return self.state_names if group["momentum"] else ()

    def update(self, group, t, p, g, b, s, decayed) -> None:
        """One update, the t-th, with the options `group`, in place on 1-D pieces of equal length.

        Parameters p, gradients g (left as they are), state b; s and decayed are scratch.
        """
        momentum = group["momentum"]
        if group["weight_decay"]:
            np.multiply(p, group["weight_decay"], out=decayed)
            decayed += g
            g = decayed
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

    def update_rows(self, group, t, p, rows, g, b) -> None:
        """One update, the t-th with the options `group`, by the gradients g of some `rows` of p.

        With momentum, in b, all rows go on moving.
        """
        lr, momentum, dampening = (group[name] for name in ("lr", "momentum", "dampening"))
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
