"""Linear equations and inverses, under the names of np.linalg and scipy.linalg.

NumPy has LAPACK compute float32 in float64 and rounds: that is no faster than float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..arrays import ArrayLike
from ..op import Needs, composed, op
from ..tensor import Tensor
from .triangles import (
    check_square,
    columns_of,
    cubic,
    lower,
    refuse_half,
    solve_lower,
    solve_upper,
    tensor_of,
    upper,
)


@op(inputs=1, numpy=np.linalg.inv, flops=cubic(2))
def inv(a: ArrayLike):
    """The inverse of a of shape (..., n, n), of the same shape.

    LinAlgError where a is singular or not square, TypeError for float16.
    """
    refuse_half(a)
    y = _unless_singular(np.linalg.inv, a)

    def backward(g):
        return (-(y.mT @ g @ y.mT),)

    return y, backward


def _unless_singular(fn, *arrays):
    """fn(*arrays), with a way out in its error."""
    try:
        return fn(*arrays)
    except np.linalg.LinAlgError as error:
        if "ingular" not in str(error):
            raise
        raise np.linalg.LinAlgError(f"{error}; pinv and lstsq take those too") from None


def _check_equations(a, b) -> None:
    """LinAlgError unless a is square, ValueError unless b has as many rows, and stacks that fit."""
    check_square(a)
    rows = 0 if len(b.shape) == 0 else b.shape[-1] if len(b.shape) == 1 else b.shape[-2]
    if rows != a.shape[-1] or len(b.shape) == 0:
        raise ValueError(
            f"a of shape {a.shape} takes b of shape ({a.shape[-1]},) or (..., {a.shape[-1]}, k), "
            f"not {b.shape}; for a stack of vectors write b[..., None]"
        )
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise ValueError(f"the stacks of a {a.shape} and of b {b.shape} do not broadcast") from None


def _solve_flops(factor):
    """Those of the factors of a, and of two triangular equations for each column of the result."""

    def flops(inputs, outputs, attributes):
        a = inputs[0]
        return cubic(factor)(inputs, outputs, attributes) + (2 * a[-1] * math.prod(outputs[0]) if a else 0)

    return flops


@op(numpy=np.linalg.solve, flops=_solve_flops(2 / 3))
def solve(needs: Needs, a: ArrayLike, b: ArrayLike):
    """The solution x of a x = b, for a of shape (..., n, n) and b of shape (n,) or (..., n, k).

    As in NumPy 2, b is a vector only if it has one axis; x then has shape (..., n), else (..., n, k).
    The gradient solves another equation and is as costly, for NumPy does not hand out the factors.
    LinAlgError where a is singular or not square, ValueError for shapes that do not fit, TypeError for
    float16.
    """
    refuse_half(a, b)
    _check_equations(a, b)
    vector = len(b.shape) == 1
    x = _unless_singular(np.linalg.solve, a, b)
    found = x if needs[0] else None

    def backward(g):
        gb = np.linalg.solve(a.mT, g[..., None] if vector else g)
        if not needs[0]:
            return None, gb[..., 0] if vector else gb
        ga = -(gb @ (found[..., None] if vector else found).mT)
        return ga, (gb[..., 0] if vector else gb) if needs[1] else None

    return x, backward


@op(inputs=2, flops=_solve_flops(0))
def solve_triangular(
    needs: Needs,
    a: ArrayLike,
    b: ArrayLike,
    trans: int | str = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
):
    """The solution x of a x = b with the upper triangle of a, or its `lower` one; nothing else of a is read.

    Shapes are those of `solve`. `trans` 1 or "T": of a^T x = b. `unit_diagonal`: the diagonal is taken for
    ones. NumPy alone is used: blocks of 64 rows are left to np.linalg.solve. LinAlgError where a is
    singular or not square, ValueError for shapes that do not fit or another `trans`, TypeError for float16.
    """
    refuse_half(a, b)
    _check_equations(a, b)
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise ValueError(f"trans is 0 or 'N', 1 or 'T', 2 or 'C', not {trans!r}")
    turned = trans not in (0, "N")
    t = _triangle(a, lower, unit_diagonal)
    t = t.mT if turned else t
    low, vector = lower != turned, len(b.shape) == 1
    x = (solve_lower if low else solve_upper)(t, columns_of(b))
    found = x if needs[0] else None

    def backward(g):
        gb = (solve_upper if low else solve_lower)(t.mT, g[..., None] if vector else g)
        ga = None
        if needs[0]:
            ga = -(gb @ found.mT)
            ga = _triangle(ga.mT if turned else ga, lower, unit_diagonal, 0)
        return ga, (gb[..., 0] if vector else gb) if needs[1] else None

    return x[..., 0] if vector else x, backward


def _triangle(a, low, unit_diagonal, one=1):
    """The lower or upper triangle of a, on its diagonal perhaps `one`."""
    t = lower(a) if low else upper(a)
    return np.where(np.eye(a.shape[-1], dtype=bool, like=a), one, t) if unit_diagonal else t


@composed(numpy=np.linalg.tensorinv)
def tensorinv(a: ArrayLike, ind: int = 2) -> Tensor:
    """The inverse of a as a map from its last axes to its first `ind`.

    Its shape is a.shape[ind:] + a.shape[:ind]; the products of the lengths in these parts are equal.
    ValueError for an `ind` below 1, LinAlgError where a is singular or its parts differ, TypeError for
    float16.
    """
    a = tensor_of(a)
    if ind < 1:
        raise ValueError(f"tensorinv: ind is the number of first axes, 1 or more, not {ind} (a: {a.shape})")
    n = math.prod(a.shape[ind:])
    if not a.ndim or a.size != n * n or math.prod(a.shape[:ind]) != n:
        raise np.linalg.LinAlgError(
            f"tensorinv: the first {ind} axes of {a.shape} have not as many elements as the others"
        )
    return np.linalg.inv(a.reshape(n, n)).reshape(a.shape[ind:] + a.shape[:ind])


@composed(numpy=np.linalg.tensorsolve)
def tensorsolve(a: ArrayLike, b: ArrayLike, axes: Sequence[int] | None = None) -> Tensor:
    """The solution x of tensordot(a, x, x.ndim) = b, of shape a.shape[b.ndim:].

    `axes` of a are first moved to its end. LinAlgError where a is singular, or its shape is not that of b
    and as many elements, TypeError for float16.
    """
    a, b = tensor_of(a), tensor_of(b)
    if axes is not None:
        order = list(range(a.ndim))
        for axis in axes:
            order.remove(axis)
            order.append(axis)
        a = a.transpose(tuple(order))
    shape = a.shape[b.ndim :]
    n = math.prod(shape)
    if a.size != n * n or b.size != n:
        raise np.linalg.LinAlgError(
            f"tensorsolve: a of shape {a.shape} and b of shape {b.shape} make no square matrix: the first "
            f"{b.ndim} axes of a and the others need as many elements as b"
        )
    return np.linalg.solve(a.reshape(n, n), b.reshape(n)).reshape(shape)
