"""Grids of coordinates."""

from __future__ import annotations

import numpy as np

from ..arguments import tensor_of
from ..arrays import ArrayLike
from ..op import composed
from ..tensor import Tensor
from .shape import broadcast_arrays, reshape


@composed(numpy=np.meshgrid)
def meshgrid(
    *xi: ArrayLike, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Tensor, ...]:
    """The coordinates of a grid with the numbers of each of `xi` along one axis, a tuple of as many arrays.

    Of vectors (n,), (m,) they have shape (m, n), or (n, m) with `indexing="ij"`. With `sparse` the axes along
    which an array does not change have length 1; without `copy` they are views. ValueError for another
    `indexing`.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing is 'xy' or 'ij', not {indexing!r}")
    n = len(xi)
    along = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else range(n)
    grids = [
        reshape(tensor_of(x), [-1 if i == axis else 1 for i in range(n)])
        for x, axis in zip(xi, along, strict=True)
    ]
    out = grids if sparse else broadcast_arrays(*grids)
    return tuple([x.copy("C") for x in out] if copy else out)
