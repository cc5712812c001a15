"""What a loss may give: its mean, or a total and a count whose sums over all workers are divided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor


def parts(given: Any) -> tuple[Tensor, Any]:
    """(total, count) as the loss gave it; (mean, None). TypeError for anything else."""
    if isinstance(given, tuple) and len(given) == 2:
        total, count = given
        numbers = (int, float, np.number, np.ndarray, Tensor)
        if (
            isinstance(count, numbers)
            and np.size(count) == 1
            and isinstance(total, Tensor)
            and total.size == 1
        ):
            return total, count
    elif isinstance(given, Tensor) and given.size == 1:
        return given, None
    described = f"({', '.join(map(_described, given))})" if isinstance(given, tuple) else _described(given)
    raise TypeError(
        "the loss of replicas must be (total, count), a Tensor and a number, or a Tensor with one number, "
        f"got {described}"
    )


def _described(item: Any) -> str:
    return f"a Tensor of shape {item.shape}" if isinstance(item, Tensor) else type(item).__name__


def as_one(loss: Callable, constant: bool, *arguments: Any) -> Tensor:
    """What the loss gives as one Tensor: a mean as it is, (total, count) as an array of two.

    ValueError for a count that has a gradient where it must be `constant`.
    """
    total, count = parts(loss(*arguments))
    total = total.reshape(()) if total.ndim else total
    if count is None:
        return total
    if constant and isinstance(count, Tensor) and count.requires_grad:
        raise ValueError(
            "replicas: the count of (total, count) depends on parameters; its gradient needs the total of "
            "the whole batch, which is not known while pieces are computed. Give count.detach() if it is to "
            "have none, or use accumulate=1"
        )
    count = count.reshape(()) if isinstance(count, (Tensor, np.ndarray)) else count
    return ag.stack([total.astype(np.float64), count])


def numbers(given: Any, weight: float) -> np.ndarray:
    """What is summed over the shares: the part of the mean that has this weight, or total and count."""
    total, count = parts(given)
    if count is None:
        return np.array([total.item() * weight])
    return np.array([total.item(), float(count.item() if isinstance(count, Tensor) else count)])
