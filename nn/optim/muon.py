"""Muon (Jordan 2024, https://kellerjordan.github.io/posts/muon): steps that are nearly orthogonal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...autograd import Tensor
from .groups import options
from .optimizer import Optimizer

__all__ = ["Muon"]


class Muon(Optimizer):
    """Momentum with orthogonal steps, for matrices alone, with PyTorch's defaults; from the gradient g:

    b = b + (1 - momentum) * (g - b)                                # momentum_buffer
    u = g + momentum * (b - g) if nesterov else b
    x = u / max(norm(u), eps), then ns_steps times: s = x @ x.T; x = k0 * x + (k1 * s + k2 * s @ s) @ x
    p = p * (1 - lr * weight_decay) - lr * ratio * x

    k are the ns_coefficients of Newton-Schulz; where u has more rows than columns it is transposed for that.
    For p of (m, n), ratio is sqrt(max(1, m / n)) where adjust_lr_fn is None or "original", and
    0.2 * sqrt(max(m, n)), Adam's size of a step, where it is "match_rms_adamw" (Liu et al. 2025,
    arXiv:2502.16982).

    PyTorch rounds u and each product to bfloat16, about three digits. Here they have the parameter's dtype,
    and float32 for float16; the steps of both agree to some percent of their size. ValueError for a parameter
    that is no matrix, TypeError for sparse gradients.
    """

    whole = True
    state_names = ("momentum_buffer",)
    not_negative = ("lr", "weight_decay", "momentum", "eps", "ns_steps")
    several = {"ns_coefficients": 3}
    words = ("adjust_lr_fn",)
    counts = False

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ):
        super().__init__(params, options(locals()))

    def check(self, group: Mapping[str, Any]) -> None:
        super().check(group)
        name, steps = group["adjust_lr_fn"], group["ns_steps"]
        if name not in (None, "original", "match_rms_adamw"):
            raise self._error(f'adjust_lr_fn is None, "original" or "match_rms_adamw", got {name!r}')
        if not isinstance(steps, (int, np.integer)):
            raise self._error(f"ns_steps must be a whole number, got {steps!r}", TypeError)
        if steps >= 100:
            raise self._error(f"ns_steps must be less than 100, got {steps}; 5 are enough")

    def _check_params(self, params: list[Tensor]) -> None:
        super()._check_params(params)
        for p in params:
            if p.ndim != 2:
                raise self._error(
                    f"trains matrices, got a parameter of shape {p.shape}; give that to another optimizer, "
                    "as AdamW([p for p in model.parameters() if p.ndim != 2])"
                )

    def decoupled(self, group: Mapping[str, Any]) -> bool:
        return True

    def update(self, group, t, p, g, state, scratch) -> None:
        b, momentum = state["momentum_buffer"], group["momentum"]
        dtype = np.result_type(p, np.float32)
        u = np.subtract(g, b, dtype=dtype)
        u *= 1 - momentum
        np.add(b, u, out=b, casting="same_kind")
        if group["nesterov"]:
            np.subtract(b, g, out=u)
            u *= momentum
            u += g
        else:
            u[...] = b
        u = _orthogonal(u, group["ns_coefficients"], group["ns_steps"], group["eps"])
        m, n = p.shape
        match = group["adjust_lr_fn"] == "match_rms_adamw"
        u *= group["lr"] * (0.2 * math.sqrt(max(m, n)) if match else math.sqrt(max(1, m / n)))
        np.subtract(p, u, out=p, casting="same_kind")


def _orthogonal(x: np.ndarray, coefficients: tuple[float, ...], steps: int, eps: float) -> np.ndarray:
    """The matrix x, which is overwritten, with singular values near 1: `steps` times an odd polynomial of it.

    It is k0 * x + k1 * (x @ x.T) @ x + k2 * (x @ x.T)**2 @ x, with one product as large as x:
    the sum of its factors is made first, as they are of the smaller side only.
    """
    k0, k1, k2 = coefficients
    x /= max(math.sqrt(np.vdot(x, x)), eps)
    short = min(x.shape)
    x, tall = (x.T, True) if x.shape[0] > short else (x, False)
    other = np.empty_like(x)
    gram, factor = np.empty((2, short, short), x.dtype)
    for _ in range(steps):
        np.matmul(x, x.T, out=gram)
        np.matmul(gram, gram.T, out=factor)  # gram is symmetric, and BLAS makes half of such a product
        factor *= k2
        gram *= k1
        factor += gram
        factor.reshape(-1)[:: short + 1] += k0
        np.matmul(factor, x, out=other)
        x, other = other, x
    return x.T if tall else x
