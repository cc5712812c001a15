"""Resilient propagation (Riedmiller and Braun 1993, doi:10.1109/ICNN.1993.298623)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .groups import options
from .optimizer import Optimizer

__all__ = ["Rprop"]


class Rprop(Optimizer):
    """Rprop, for gradients over all data, with PyTorch's defaults; for each parameter, from its gradient g:

    g = -g if maximize
    d = d * (etas[1] if g * h > 0, etas[0] if g * h < 0), clipped to step_sizes     # step_size, at first lr
    g = 0 where g * h < 0                                                           # h: the last g, prev
    p = p - d * sign(g)

    foreach and capturable are taken and change nothing: there is one way here.
    """

    state_names = ("prev", "step_size")
    not_negative = ("lr",)
    several = {"etas": 2, "step_sizes": 2}

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        super().__init__(params, options(locals()))

    def check(self, group: Mapping[str, Any]) -> None:
        super().check(group)
        if not 0 < group["etas"][0] < 1 < group["etas"][1]:
            raise self._error(f"etas must be a number in (0, 1) and one above 1, got {group['etas']}")

    def update(self, group, t, p, g, state, scratch) -> None:
        h, d, (s, room, *_) = state["prev"], state["step_size"], scratch
        mask = room.view(np.bool_)[: p.size]
        if t == 1:
            d[...] = group["lr"]
        for compare, factor in ((np.greater, group["etas"][1]), (np.less, group["etas"][0])):
            np.multiply(g, h, out=s)
            compare(s, 0, out=mask)
            np.multiply(mask, s.dtype.type(factor), out=s)  # ten times faster than to multiply where=mask
            np.logical_not(mask, out=mask)
            s += mask
            d *= s
        np.clip(d, *group["step_sizes"], out=d)
        np.multiply(g, mask, out=h)
        np.greater(h, 0, out=s)  # the sign, but 0 for nan, as in PyTorch
        np.less(h, 0, out=mask)
        s -= mask
        s *= d
        p -= s
