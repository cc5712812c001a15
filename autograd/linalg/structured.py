"""Matrices that are made of given numbers or blocks, under the names of scipy.linalg."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from .. import ops
from ..arrays import HALF, ArrayLike
from ..op import composed, op
from ..ops.contraction import arrays_of
from ..tensor import Tensor

__all__ = ["block_diag", "circulant", "hankel", "toeplitz"]


@composed()
def block_diag(*arrs: ArrayLike) -> Tensor:
    """A matrix with the matrices `arrs` one after the other on its diagonal, and zeros beside them.

    Its shape is (..., sum of heights, sum of widths), axes in front broadcast. A vector is a row, a number a
    matrix of one element; without `arrs` it is (1, 0). ValueError for axes in front that do not broadcast.
    """
    blocks = [x if x.ndim > 1 else ops.reshape(x, (1, -1)) for x in arrays_of(*arrs or ([],))]
    try:
        np.broadcast_shapes(*(x.shape[:-2] for x in blocks))
    except ValueError:
        shapes = ", ".join(str(x.shape) for x in blocks)
        raise ValueError(f"linalg.block_diag: the axes in front of {shapes} do not broadcast") from None
    return _block_diag(blocks)


@op(flops=0)
def _block_diag(blocks: Sequence[ArrayLike]):
    front = np.broadcast_shapes(*(x.shape[:-2] for x in blocks))
    ends = [list(accumulate(x.shape[i] for x in blocks)) for i in (-2, -1)]
    places = [
        (..., slice(i - x.shape[-2], i), slice(j - x.shape[-1], j))
        for x, i, j in zip(blocks, *ends, strict=True)
    ]
    dtype = np.result_type(*(x.dtype for x in blocks))
    y = np.zeros_like(blocks[0], shape=(*front, ends[0][-1], ends[1][-1]), dtype=dtype)
    for x, place in zip(blocks, places, strict=True):
        y[place] = x

    def backward(g):
        return tuple(g[place] for place in places)

    return y, backward


@composed()
def toeplitz(c: ArrayLike, r: ArrayLike | None = None) -> Tensor:
    """y[..., i, j] = c[..., i - j] where i >= j, else r[..., j - i]: constant along each diagonal.

    c (..., n) is the first column, r (..., m) the first row but for its first element, which is c's; r is c
    by default. The shape is (..., n, m). ValueError where axes in front differ.
    """
    c, r = _column_and_row("toeplitz", c, r)
    return _hankel(ops.concatenate([c[..., ::-1], r[..., 1:]], axis=-1), c.shape[-1])[..., ::-1, :]


@composed()
def hankel(c: ArrayLike, r: ArrayLike | None = None) -> Tensor:
    """y[..., i, j] = c[..., i + j] where there is such an element, else r[..., i + j - n + 1].

    c (..., n) is the first column, r (..., m) the last row but for its first element, which is c's; r is
    zeros of c's shape by default. The shape is (..., n, m). ValueError where axes in front differ.
    """
    if r is None:
        (c,) = arrays_of(c)
        r = np.zeros_like(c)
    c, r = _column_and_row("hankel", c, r)
    return _hankel(ops.concatenate([c, r[..., 1:]], axis=-1), c.shape[-1])


@composed()
def circulant(c: ArrayLike) -> Tensor:
    """y[..., i, j] = c[..., (i - j) % n]: a matrix of shape (..., n, n) whose first column is c (..., n)."""
    (c,) = _lines(c)
    return _hankel(ops.concatenate([c[..., ::-1], c[..., :0:-1]], axis=-1), c.shape[-1])[..., ::-1, :]


@op(inputs=1, flops=0)
def _hankel(x: ArrayLike, n: int):
    """y[..., i, j] = x[..., i + j], of n rows."""
    *front, length = x.shape
    m = length - n + 1
    i = np.arange(max(n, m), like=x)

    def backward(g):  # a row of n + m numbers read as one of n + m - 1 begins one place further right
        wide = np.zeros_like(g, shape=(*front, n, n + m), dtype=np.float32 if g.dtype is HALF else None)
        wide[..., :m] = g
        skew = wide.reshape((*front, n * (n + m)))[..., : n * length].reshape((*front, n, length))
        return (np.add.reduce(skew, -2),)

    return x[..., i[:n, None] + i[:m]], backward


def _lines(*values: Any) -> list[Any]:
    """Arrays of an axis or more."""
    return [x if x.ndim else ops.reshape(x, (1,)) for x in arrays_of(*values)]


def _column_and_row(name: str, c: Any, r: Any) -> tuple[Any, Any]:
    """Both as arrays of an axis or more; c twice where there is no r."""
    c, r = _lines(c, c if r is None else r)
    if c.shape[:-1] != r.shape[:-1]:
        raise ValueError(f"linalg.{name}: the axes in front of c {c.shape} and r {r.shape} differ")
    return c, r
