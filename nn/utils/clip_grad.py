"""Gradients held to a norm."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ...autograd import Tensor
from ...autograd.sparse import SparseRows
from ..optim.steps import clip, square_sum


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, error_if_nonfinite: bool = False
) -> float:
    """Scale the gradients of `parameters` to a joint 2-norm of at most `max_norm`; returns the norm before.

    In place, by the factor max_norm / (norm + 1e-6) where that is below 1, as in PyTorch. If the norm is not
    finite, no factor can mend the gradients: they stay as they are (PyTorch makes them nan or 0) and the norm
    tells, or ValueError is raised if `error_if_nonfinite`. Pass max_norm=math.inf to measure only.
    """
    if isinstance(parameters, Tensor):
        parameters = [parameters]
    gradients = []
    for p in parameters:
        g = p.grad
        if isinstance(g, SparseRows):  # of a row that is named twice, the sum counts
            p.grad = g.coalesce()
            gradients.append(p.grad.values)
        elif g is not None:
            gradients.append(g)
    norm = math.sqrt(square_sum(gradients))
    if error_if_nonfinite and not math.isfinite(norm):
        raise ValueError(f"the gradients' norm is {norm}: some gradient is infinite or nan")
    list(clip(gradients, norm, max_norm))  # each is scaled as it is asked for
    return norm
