"""Diagonals and triangles of matrices."""

from __future__ import annotations

import numpy as np

from ..arrays import ArrayLike
from ..constant import constant
from ..op import composed, op
from ..tensor import Tensor
from .shape import ravel

tril_indices_from = constant(np.tril_indices_from)
triu_indices_from = constant(np.triu_indices_from)
diag_indices_from = constant(np.diag_indices_from)


@op(inputs=1, numpy=np.tril, flops=0)
def tril(m: ArrayLike, k: int = 0):
    """m, of the same shape, with zeros above the k-th diagonal of its last two axes.

    A vector of n numbers is n equal rows. ValueError for a single number.
    """
    if not m.ndim:
        raise ValueError("takes an array of one axis or more, not a single number")

    def backward(g):
        return (np.tril(g, k),)

    return np.tril(m, k), backward


@op(inputs=1, numpy=np.triu, flops=0)
def triu(m: ArrayLike, k: int = 0):
    """m, of the same shape, with zeros below the k-th diagonal of its last two axes.

    A vector of n numbers is n equal rows. ValueError for a single number.
    """
    if not m.ndim:
        raise ValueError("takes an array of one axis or more, not a single number")

    def backward(g):
        return (np.triu(g, k),)

    return np.triu(m, k), backward


@op(inputs=1, numpy=np.diag, flops=0, view=True)
def diag(v: ArrayLike, k: int = 0):
    """The matrix with v on its k-th diagonal, of shape (n + |k|, n + |k|); of a matrix, its k-th diagonal.

    ValueError for more than two axes, or none.
    """
    shape = v.shape
    if len(shape) not in (1, 2):
        raise ValueError(f"takes a vector or a matrix, not an array of shape {shape}")
    y = np.diag(v, k)
    count = y.shape[0]

    def backward(g):
        if len(shape) == 1:
            return (np.diag(g, k),)
        dx = np.zeros_like(g, shape=shape)
        i = np.arange(count, like=g)
        dx[i - min(k, 0), i + max(k, 0)] = g
        return (dx,)

    return y, backward


@composed(numpy=np.diagflat)
def diagflat(v: ArrayLike, k: int = 0) -> Tensor:
    """The matrix with all n elements of v on its k-th diagonal, of shape (n + |k|, n + |k|)."""
    return diag(ravel(v), k)
