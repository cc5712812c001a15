"""Layers that change the shape, or nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from ..functional._inputs import as_tensor, where
from ..module import Module

__all__ = ["Flatten", "Identity", "Unflatten"]


class Identity(Module):
    """The input as it is, of any shape; whatever arguments it is made with say nothing."""

    def __init__(self, *args: Any, **kwargs: Any):
        pass

    def forward(self, input: Any) -> Any:
        return input


class Flatten(Module):
    """The axes from start_dim to end_dim of input as one: (N, *sizes) to (N, product of sizes) by default.

    IndexError for an axis that input of its shape has not, ValueError where the end comes before the start.
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: ArrayLike) -> Tensor:
        x = as_tensor(input)
        start, end = (_axis("flatten", d, max(x.ndim, 1), x.shape) for d in (self.start_dim, self.end_dim))
        if start > end:
            raise ValueError(f"{where('flatten')}: start_dim {self.start_dim} comes after {self.end_dim}")
        size = 1
        for length in x.shape[start : end + 1]:
            size *= length
        return x.reshape(*x.shape[:start], size, *x.shape[end + 1 :])

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """The axis `dim` of input of any shape as several, of sizes `unflattened_size`, of which one may be -1.

    IndexError for an axis that input has not, ValueError for sizes that do not fit, TypeError for what are no
    integers: axes have no names here.
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]):
        if isinstance(dim, str):
            raise TypeError(f"Unflatten: dim is a number, not {dim!r}; axes of arrays have no names")
        if isinstance(unflattened_size, str) or not isinstance(unflattened_size, Sequence):
            kind = type(unflattened_size).__name__
            raise TypeError(f"Unflatten: unflattened_size is a tuple of integers, not a {kind}")
        for size in unflattened_size:
            if isinstance(size, bool) or not hasattr(size, "__index__"):
                what = "; axes of arrays have no names" if isinstance(size, (tuple, str)) else ""
                raise TypeError(f"Unflatten: unflattened_size has {size!r}, no integer{what}")
        self.dim = dim
        self.unflattened_size = tuple(unflattened_size)

    def forward(self, input: ArrayLike) -> Tensor:
        x = as_tensor(input)
        axis = _axis("unflatten", self.dim, x.ndim, x.shape)
        sizes = list(map(index, self.unflattened_size))
        known = 1
        for size in sizes:
            known *= size if size != -1 else 1
        length = x.shape[axis]
        if -1 in sizes and known > 0 and length % known == 0:
            sizes[sizes.index(-1)] = length // known
            known = length
        if known != length or min(sizes, default=-1) < 0:
            raise ValueError(
                f"{where('unflatten')}: sizes {self.unflattened_size} do not make axis {self.dim} of an "
                f"input of shape {x.shape}"
            )
        return x.reshape(*x.shape[:axis], *sizes, *x.shape[axis + 1 :])

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


def _axis(name: str, dim: int, ndim: int, shape: tuple) -> int:
    if not -ndim <= index(dim) < ndim:
        raise IndexError(f"{where(name)}: an input of shape {shape} has no axis {dim}")
    return dim % ndim
