"""Products of vectors and matrices under the names of np.linalg."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import ops
from ..arguments import joined
from ..arrays import ArrayLike, DTypeLike
from ..op import composed
from ..ops.axes import matrix_transpose
from ..ops.contraction import arrays_of, matmul, tensordot, vecdot
from ..tensor import Tensor

__all__ = [
    "cross",
    "diagonal",
    "matmul",
    "matrix_power",
    "matrix_transpose",
    "multi_dot",
    "outer",
    "tensordot",
]
__all__ += ["trace", "vecdot"]


@composed(numpy=np.linalg.outer)
def outer(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """x1[i] x2[j] of two vectors: a matrix of shape (n, m).

    ValueError where one of them is not one-dimensional.
    """
    x1, x2 = arrays_of(x1, x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(f"linalg.outer: takes two vectors, not shapes {x1.shape} and {x2.shape}")
    return ops.multiply(ops.reshape(x1, (-1, 1)), x2)


@composed(numpy=np.linalg.cross)
def cross(x1: ArrayLike, x2: ArrayLike, *, axis: int = -1) -> Tensor:
    """(a1 b2 - a2 b1, a2 b0 - a0 b2, a0 b1 - a1 b0) of vectors of three elements, a in x1 and b in x2.

    They stand along `axis`. The other axes broadcast in the shape. ValueError for vectors of another length.
    """
    x1, x2 = arrays_of(x1, x2)
    for x in (x1, x2):
        if -x.ndim <= axis < x.ndim and x.shape[axis] != 3:
            raise ValueError(f"linalg.cross: takes vectors of 3 elements, not {x1.shape} and {x2.shape}")
    return ops.cross(x1, x2, axis=axis)


@composed(numpy=np.linalg.diagonal)
def diagonal(x: ArrayLike, *, offset: int = 0) -> Tensor:
    """x[..., i, i + offset] for all i: of matrices (..., n, m), the shape is (..., k).

    ValueError where x has one axis only.
    """
    return ops.diagonal(_matrices("diagonal", x), offset, -2, -1)


@composed(numpy=np.linalg.trace)
def trace(x: ArrayLike, *, offset: int = 0, dtype: DTypeLike | None = None) -> Tensor:
    """The sum of x[..., i, i + offset] over i: of matrices (..., n, m), the shape is (...).

    ValueError where x has one axis only.
    """
    return ops.trace(_matrices("trace", x), offset, -2, -1, dtype)


def _matrices(name: str, x: Any) -> Any:
    (x,) = arrays_of(x)
    if x.ndim < 2:
        raise ValueError(f"linalg.{name}: takes matrices (..., n, m), not an array of shape {x.shape}")
    return x


@composed(numpy=np.linalg.multi_dot)
def multi_dot(arrays: Sequence[ArrayLike]) -> Tensor:
    """The product a @ b @ c ... of a list of `arrays`, in the order that takes the fewest multiplications.

    They are matrices. The first may be a vector, a row, and the last one a column, which add no axis to the
    shape (n, m). ValueError for fewer than two, for other shapes, and for lengths that do not fit.
    """
    items = [joined(x) for x in arrays] if isinstance(arrays, (list, tuple)) else list(arrays)
    items = arrays_of(*items)
    shapes = [x.shape for x in items]
    if len(items) < 2:
        raise ValueError(f"linalg.multi_dot: takes two arrays or more, not {len(items)}")
    for i, shape in enumerate(shapes):
        if len(shape) != 2 and (len(shape) != 1 or 0 < i < len(shapes) - 1):
            raise ValueError(
                f"linalg.multi_dot: takes matrices, of which the first and the last may be vectors; array "
                f"{i} of {len(shapes)} has the shape {shape}"
            )
        if i and shapes[i - 1][-1] != shape[0]:
            raise ValueError(
                f"linalg.multi_dot: shapes {shapes[i - 1]} and {shape} of arrays {i - 1} and {i}"
            )
    lengths = [1 if len(shapes[0]) == 1 else shapes[0][0], *(shape[0] for shape in shapes[1:])]
    lengths.append(1 if len(shapes[-1]) == 1 else shapes[-1][1])
    return _chain(items, _cuts(lengths), 0, len(items) - 1)


def _cuts(lengths):
    """Where the product of matrices i to j is best cut in two: {(i, j): k}, first of the second part."""
    n = len(lengths) - 1
    cost, cuts = {(i, i): 0 for i in range(n)}, {}
    for width in range(1, n):
        for i in range(n - width):
            j = i + width
            cost[i, j], cuts[i, j] = min(
                (cost[i, k - 1] + cost[k, j] + lengths[i] * lengths[k] * lengths[j + 1], k)
                for k in range(i + 1, j + 1)
            )
    return cuts


def _chain(items, cuts, i, j):
    if i == j:
        return items[i]
    k = cuts[i, j]
    return matmul(_chain(items, cuts, i, k - 1), _chain(items, cuts, k, j))


@composed(numpy=np.linalg.matrix_power)
def matrix_power(a: ArrayLike, n: int) -> Tensor:
    """a @ a @ ... @ a, n times, of square matrices (..., m, m), the shape of the result.

    For n = 0 it is the identity, and for negative n the power -n of the inverse. Products are of squares,
    log n of them. ValueError for an array of one axis, LinAlgError where a is not square or has no
    inverse, TypeError where n is no integer.
    """
    a = _matrices("matrix_power", a)
    if a.shape[-1] != a.shape[-2]:
        raise np.linalg.LinAlgError(f"linalg.matrix_power: takes square matrices, not shape {a.shape}")
    try:
        n = n.__index__()
    except AttributeError:
        raise TypeError(f"linalg.matrix_power: n is an integer, not {n!r}") from None
    if n == 0:  # with the gradient 0 rather than without one
        return ops.where(np.zeros_like(a, dtype=bool), a, np.eye(a.shape[-1], dtype=a.dtype, like=a))
    if n < 0:
        a, n = np.linalg.inv(a), -n
    result = None
    while n:
        if n & 1:
            result = a if result is None else matmul(result, a)
        n >>= 1
        a = matmul(a, a) if n else a
    return result if isinstance(result, Tensor) else Tensor(result)
