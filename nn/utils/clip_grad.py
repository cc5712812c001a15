"""Gradients held to a norm."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ...autograd import Tensor


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, error_if_nonfinite: bool = False
) -> float:
    """Scale all gradients in place so that their joint 2-norm is at most `max_norm`; returns the norm before.

    The factor is max_norm / (norm + 1e-6) where that is below 1, as in PyTorch. If the norm is not finite, no
    factor can mend the gradients: they stay as they are (PyTorch makes them nan or 0) and the norm tells, or
    ValueError is raised if `error_if_nonfinite`. Pass max_norm=math.inf to measure only.
    """
    if isinstance(parameters, Tensor):
        parameters = [parameters]
    gradients = [p.grad for p in parameters if p.grad is not None]
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is looked at below
        norm = math.sqrt(sum(map(square_sum, gradients)))
    if not math.isfinite(norm):
        if error_if_nonfinite:
            raise ValueError(f"the gradients' norm is {norm}: some gradient is infinite or nan")
        return norm
    factor = max_norm / (norm + 1e-6)
    if factor < 1:
        for g in gradients:
            np.multiply(g, factor, out=g)
    return norm


def square_sum(g: np.ndarray) -> float:
    """The sum of the squares of all elements, also where float32 cannot hold it."""
    flat = g.reshape(-1)
    total = float(np.dot(flat, flat))
    if not math.isfinite(total):  # float32 squares overflow from 1e19 on
        flat = flat.astype(np.float64)
        total = float(np.dot(flat, flat))
    return total
