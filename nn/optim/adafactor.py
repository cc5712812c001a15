"""Adafactor (Shazeer and Stern 2018, arXiv:1804.04235), as in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

import numpy as np

from .groups import options
from .optimizer import Optimizer

__all__ = ["Adafactor"]


class Adafactor(Optimizer):
    """Adam's second moment kept as a row and a column of each matrix; with PyTorch's defaults and rules.

    For each parameter, at its update number t, from its gradient g, with eps1, eps2 = eps:

    w = t**beta2_decay
    v = v + w * (g**2 - v)                                          # variance, of one axis or none
    r = r + w * (mean(g**2, axis=-1) - r)                           # row_var, of more axes
    c = c + w * (mean(g**2, axis=-2) - c)                           # col_var; v = r * c / max(mean(r), eps1)
    u = g / max(sqrt(v), eps1)
    a = min(lr, 1 / sqrt(t)) * max(eps2, rms(p))
    p = p * (1 - lr * weight_decay) - a * u / max(1, rms(u) / d)    # + to maximize

    rms is the root of the mean square. eps1 = None is the distance from 1 to the next number of the
    parameter's dtype. In float16 only the state is rounded, within what that dtype holds. foreach is taken
    and changes nothing. ValueError for beta2_decay > 0, d < 1 and what is negative; TypeError for sparse
    gradients.
    """

    whole = True
    state_names = ("row_var", "col_var", "variance")
    words = ("eps",)

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ):
        super().__init__(params, options(locals()))

    def check(self, group: Mapping[str, Any]) -> None:
        super().check(group)
        eps = group["eps"]
        pair = isinstance(eps, (tuple, list)) and len(eps) == 2
        if not pair or not isinstance(eps[1], Real) or not isinstance(eps[0], (Real, type(None))):
            raise self._error(f"eps must be two numbers, the first of them or None, got {eps!r}", TypeError)
        if not all(number is None or number >= 0 for number in eps):
            raise self._error(f"eps must be 0 or more, got {eps}")
        if not group["beta2_decay"] <= 0:
            raise self._error(f"beta2_decay must be 0 or less, got {group['beta2_decay']}")
        if not group["d"] >= 1:
            raise self._error(f"d must be 1 or more, got {group['d']}")

    def layout(self, group: Mapping[str, Any], shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        if len(shape) < 2:
            return {"variance": shape}
        return {"row_var": (*shape[:-1], 1), "col_var": (*shape[:-2], 1, shape[-1])}

    def apply(self, group, t, p, g, state, scratch) -> None:
        """Weight decay, then `update`; with its arguments group, t, p, g, state and scratch.

        The length of the step comes from p as it is before it shrinks, and its sign from maximize.
        """
        length = min(group["lr"], 1 / math.sqrt(t)) * max(group["eps"][1], _rms(p))
        if group["weight_decay"]:
            p *= 1 - group["lr"] * group["weight_decay"]
        self.update({**group, "length": -length if group["maximize"] else length}, t, p, g, state, scratch)

    def update(self, group, t, p, g, state, scratch) -> None:
        eps, weight = group["eps"][0], float(t) ** group["beta2_decay"]
        eps = float(np.finfo(p.dtype).eps) if eps is None else eps
        g = g.astype(np.result_type(g, np.float32), copy=False)
        u = np.multiply(g, g, out=np.empty_like(g))  # an array, also of no axes
        if p.ndim > 1:
            rows = _follow(state["row_var"], u.mean(-1, keepdims=True), weight)
            columns = _follow(state["col_var"], u.mean(-2, keepdims=True), weight)
            rows = rows / np.maximum(rows.mean(-2, keepdims=True), eps)
            np.multiply(rows, columns, out=u)
        else:
            u[...] = _follow(state["variance"], u, weight)
        np.maximum(u, eps * eps, out=u)
        np.sqrt(u, out=u)
        np.divide(g, u, out=u)
        u *= group["length"] / max(1.0, _rms(u) / group["d"])
        np.subtract(p, u, out=p, casting="same_kind")


def _follow(average: np.ndarray, new: np.ndarray, weight: float) -> np.ndarray:
    """Move a running average towards what is new, in place; gives it as it was before it was rounded."""
    exact = average + weight * (new - average)
    narrow = average.dtype != exact.dtype
    average[...] = np.minimum(exact, np.finfo(average.dtype).max) if narrow else exact
    return exact


def _rms(a: np.ndarray) -> float:
    flat = a.reshape(-1).astype(np.result_type(a, np.float32), copy=False)
    return math.sqrt(np.dot(flat, flat) / flat.size)
