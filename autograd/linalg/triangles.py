"""Triangles of matrices, equations with them, and checks that the functions of matrices share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import joined
from ..arrays import HALF
from ..tensor import Tensor

BLOCK = 64  # rows: smaller equations are NumPy's


def cubic(factor: float) -> Callable:
    """FLOPs of a function of matrices (..., m, n): about `factor` times m n min(m, n) for each."""

    def flops(inputs, outputs, _):
        shape = inputs[0] or ()
        return factor * math.prod(shape) * min(shape[-2:]) if len(shape) > 1 else 0

    return flops


def tensor_of(x: Any) -> Tensor:
    """`x` as a Tensor; a list of Tensors as one."""
    x = joined(x)
    return x if isinstance(x, Tensor) else Tensor(x)


def refuse_half(*arrays, name: str = "") -> None:
    """TypeError for float16, in which no factorisation is of use, as in NumPy."""
    if any(a.dtype == HALF for a in arrays):
        raise TypeError(f"{name}there is no linear algebra of float16; use .astype(np.float32)")


def check_square(a, name: str = "") -> None:
    """LinAlgError unless `a` is a matrix, or a stack of them, with as many rows as columns."""
    if len(a.shape) < 2 or a.shape[-1] != a.shape[-2]:
        raise np.linalg.LinAlgError(f"{name}takes square matrices (..., n, n), not shape {a.shape}")


def columns_of(b):
    """A vector as a matrix of one column."""
    return b[..., None] if len(b.shape) == 1 else b


def lower(x, k=0):
    """x with zeros above the k-th diagonal, whatever stood there."""
    return np.where(np.tri(*x.shape[-2:], k, dtype=bool, like=x), x, 0)


def upper(x, k=0):
    """x with zeros below the k-th diagonal."""
    return np.where(np.tri(*x.shape[-2:], k - 1, dtype=bool, like=x), 0, x)


def from_lower(x):
    """The symmetric matrix whose lower triangle is that of x."""
    return lower(x) + lower(x, -1).mT


def solve_upper(u, b):
    """The solution of u x = b with an upper triangular u, by blocks from below.

    LAPACK exchanges no rows of such a block, and substitutes back.
    """
    n = u.shape[-1]
    if n <= BLOCK:
        return np.linalg.solve(u, b)
    half = n // 2
    last = solve_upper(u[..., half:, half:], b[..., half:, :])
    first = solve_upper(u[..., :half, :half], b[..., :half, :] - u[..., :half, half:] @ last)
    return np.concatenate([first, last], axis=-2)


def solve_lower(u, b):
    """The same with a lower triangular matrix: rows and columns reversed, it is an upper one."""
    return solve_upper(u[..., ::-1, ::-1], b[..., ::-1, :])[..., ::-1, :]
