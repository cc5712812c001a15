"""All parameters in one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from ... import autograd as ag
from ...autograd import Tensor, versions
from ...autograd.arrays import ArrayLike

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The numbers of all parameters one after the other, of shape (n,); gradients go through.

    ValueError without parameters.
    """
    parts = [p.reshape(-1) for p in parameters]
    if not parts:
        raise ValueError("parameters_to_vector: there are no parameters")
    return ag.concatenate(parts)


def vector_to_parameters(vec: ArrayLike, parameters: Iterable[Tensor]) -> None:
    """Write the numbers of `vec`, of shape (n,), into the parameters, in place.

    ValueError, before anything is written, unless they have n numbers together.
    """
    numbers = vec.data if isinstance(vec, Tensor) else Tensor(vec).data
    params = list(parameters)
    total = sum(p.size for p in params)
    if numbers.shape != (total,):
        raise ValueError(f"vector_to_parameters: vec of shape {numbers.shape} for {total} numbers")
    start = 0
    for p in params:
        p.data[...] = numbers[start : start + p.size].reshape(p.shape)
        versions.mark_written(p.data)
        start += p.size
