"""What the parametrizations and the older functions do alike: norms, matrices, power iterations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor
from ...autograd.arrays import change, kept
from .. import random


def norm_except_dim(v: Any, dim: int) -> Any:
    """The 2-norm over all axes of v but `dim`, which are kept with length 1; over all with dim = -1, as one.

    IndexError for an axis that there is not.
    """
    if dim == -1:
        return ag.linalg.vector_norm(v)
    if not 0 <= dim < v.ndim:
        raise IndexError(f"weight_norm: a tensor of shape {v.shape} has no axis {dim}; -1 or None is for all")
    others = tuple(axis for axis in range(v.ndim) if axis != dim)
    return ag.linalg.vector_norm(v, axis=others, keepdims=True)


def weight_normed(v: Any, g: Any, dim: int) -> Any:
    """g v / |v| (Salimans and Kingma 2016, arXiv:1602.07868)."""
    return v * (g / norm_except_dim(v, dim))


def matrix_of(weight: Any, dim: int) -> Any:
    """The weight as a matrix whose rows go along the axis `dim`."""
    if dim != 0:
        weight = ag.moveaxis(weight, dim, 0) if isinstance(weight, Tensor) else np.moveaxis(weight, dim, 0)
    return weight.reshape(weight.shape[0], -1)


def normalized(x: np.ndarray, eps: float) -> np.ndarray:
    return x / max(float(np.sqrt((x * x).sum())), eps)


def drawn(n: int, dtype: np.dtype, eps: float) -> np.ndarray:
    """A random vector of length 1."""
    return normalized(random.generator().standard_normal(n).astype(dtype), eps)


def iterate(targets: list[np.ndarray], matrix: np.ndarray, eps: float, order: str) -> None:
    """One power iteration, written into `targets`, u and v, in a replay too: they approach the first singular
    vectors."""
    change(_iterate, targets, matrix, eps, order)


def _iterate(targets, matrix, eps, order) -> None:
    u, v = targets
    for which in order:
        if which == "u":
            u[...] = normalized(matrix @ v, eps)
        else:
            v[...] = normalized(matrix.T @ u, eps)


def largest(matrix: Any, u: np.ndarray, v: np.ndarray) -> Any:
    """u^T W v, the largest singular value once u and v are its vectors, which are constants."""
    return (kept(u).copy() * (matrix @ kept(v).copy())).sum()


def default_dim(module: Any) -> int:
    """The axis of a weight's outputs, which is the second in transposed convolutions."""
    return int(any(name in _TRANSPOSED for name in _class_names(module)))


_TRANSPOSED = ("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d")


def _class_names(module: Any) -> Iterator[str]:
    return (cls.__name__ for cls in type(module).__mro__)
