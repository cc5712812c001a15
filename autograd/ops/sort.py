"""Sorting, searching and counting."""

from __future__ import annotations

import numpy as np

from ..arrays import ArrayLike
from ..constant import constant
from ..op import Needs, op

argmax = constant(np.argmax, method=True)
argmin = constant(np.argmin, method=True)
argsort = constant(np.argsort, method=True)
nonzero = constant(np.nonzero, method=True)
count_nonzero = constant(np.count_nonzero)
searchsorted = constant(np.searchsorted, method=True)
unique = constant(np.unique, lossless=False)


@op(inputs=1, numpy=np.sort, needs=True)
def sort(needs: Needs, x: ArrayLike, axis: int | None = -1, kind: str | None = None):
    """x with its elements in ascending order along `axis`, nan last, of the shape of x; None: the flat array.

    `kind` is NumPy's way to sort, which changes nothing but the time.
    """
    if not needs[0]:
        return np.sort(x, axis, kind), None
    shape = x.shape
    if axis is None:
        x, axis = x.reshape(-1), 0
    order = np.argsort(x, axis, "stable")

    def backward(g):  # the inverse of a permutation is what sorts it
        return (np.take_along_axis(g, np.argsort(order, axis), axis).reshape(shape),)

    return np.take_along_axis(x, order, axis), backward
