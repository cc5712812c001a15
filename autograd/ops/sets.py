"""Arrays as sets."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arguments import tensor_of
from ..arrays import ArrayLike
from ..constant import constant
from ..op import composed
from ..tensor import Tensor
from .index import take

isin = constant(np.isin)
intersect1d = constant(np.intersect1d, lossless=False)
setdiff1d = constant(np.setdiff1d, lossless=False)
setxor1d = constant(np.setxor1d, lossless=False)
union1d = constant(np.union1d, lossless=False)


@composed(numpy=np.unique)
def unique(
    ar: ArrayLike,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    """The different elements of `ar` in ascending order, of shape (n,), or its different slices along `axis`.

    Asked for, a tuple with the index of the first of each, how to make `ar` of them again, and how many there
    are, all constants. Of equal elements the first has the gradient; where they differ, however little, there
    is another number of results. They are in order though not `sorted`.
    """
    x = tensor_of(ar)
    _, index, inverse, counts = np.unique(x.data, True, True, True, axis, equal_nan=equal_nan)
    values = take(x, index, axis)
    asked = ((index, return_index), (inverse, return_inverse), (counts, return_counts))
    others = [Tensor(array) for array, wanted in asked if wanted]
    return (values, *others) if others else values


class UniqueAll(NamedTuple):
    """What unique_all gives."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """What unique_counts gives."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """What unique_inverse gives."""

    values: Tensor
    inverse_indices: Tensor


@composed(numpy=np.unique_all)
def unique_all(x: ArrayLike) -> UniqueAll:
    """`unique` of x, of shape (n,), with indices, inverse_indices and counts; nan are all different."""
    return UniqueAll(*unique(x, True, True, True, equal_nan=False))


@composed(numpy=np.unique_counts)
def unique_counts(x: ArrayLike) -> UniqueCounts:
    """`unique` of x, of shape (n,), with counts; nan are all different."""
    return UniqueCounts(*unique(x, return_counts=True, equal_nan=False))


@composed(numpy=np.unique_inverse)
def unique_inverse(x: ArrayLike) -> UniqueInverse:
    """`unique` of x, of shape (n,), with inverse_indices; nan are all different."""
    return UniqueInverse(*unique(x, return_inverse=True, equal_nan=False))


@composed(numpy=np.unique_values)
def unique_values(x: ArrayLike) -> Tensor:
    """`unique` of x, of shape (n,), where nan are all different."""
    return unique(x, equal_nan=False)
