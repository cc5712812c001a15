"""Products of two arrays that are summed over shared axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from ..arguments import joined
from ..arrays import ArrayLike
from ..op import Needs, composed, op
from ..tensor import Tensor
from .arithmetic import multiply
from .axes import transpose
from .einsum import LETTERS, _einsum
from .shape import reshape

AxesOfTwo: TypeAlias = int | tuple[int | Sequence[int], int | Sequence[int]]


def rows(x):
    """x as one matrix of all its rows (reshape(-1, n) does not know how many when n is 0)."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def _matmul_flops(inputs, outputs, _):
    a, b = inputs
    inner = a[-1] if a else b[-2 if len(b) > 1 else 0] if b else 0
    return 2 * math.prod(outputs[0]) * inner


@op(numpy=(np.matmul, np.linalg.matmul), operator="matmul", flops=_matmul_flops, needs=True)
def matmul(needs: Needs, a: ArrayLike, b: ArrayLike):
    """a @ b as in NumPy: (..., n, k) @ (..., k, m) is (..., n, m); the axes in front broadcast.

    A vector (k,) is a row of `a` or a column of `b`, and adds no axis to the result. ValueError for shapes
    that do not fit, and for numbers.
    """
    try:
        y = a @ b
    except ValueError:  # which speaks of signatures
        raise ValueError(_misfit(np.shape(a), np.shape(b))) from None
    a_vector, b_vector = a.ndim == 1, b.ndim == 1
    one_matrix = b.ndim == 2 and a.ndim > 2  # the same b for a whole stack: one large product instead of many
    a, b = a if needs[1] else None, b if needs[0] else None

    def backward(g):  # da = g b^T, db = a^T g
        if b_vector:
            g = g[..., None]
        if a_vector:
            g = g[..., None, :]
        da = db = None
        if needs[0]:
            da = g @ (b[:, None] if b_vector else b).mT
            da = da[..., 0, :] if a_vector else da
        if needs[1] and one_matrix:
            db = rows(a).mT @ rows(g)
        elif needs[1]:
            db = (a[None] if a_vector else a).mT @ g
            db = db[..., 0] if b_vector else db
        return da, db

    return y, backward


def _misfit(a, b):
    """What is wrong with shapes whose product there is none of."""
    if not a or not b:
        return "takes arrays of one axis or more; a number is multiplied with by *"
    k, m = a[-1], b[-2 if len(b) > 1 else 0]
    if k != m:
        where = "last axis but one" if len(b) > 1 else "axis"
        return f"a's last axis, of length {k}, is summed over with b's {where}, of length {m}"
    return f"the axes in front, {a[:-2]} and {b[:-2]}, do not broadcast"


def length_check(name: str, a: Any, b: Any, axis_a: int, axis_b: int) -> None:
    """ValueError where axes of a and b that are summed over together differ in length."""
    if a.shape[axis_a] != b.shape[axis_b]:
        raise ValueError(
            f"{name}: axis {axis_a} of {a.shape} and axis {axis_b} of {b.shape} are summed over together, "
            f"and their lengths {a.shape[axis_a]} and {b.shape[axis_b]} differ"
        )


def arrays_of(*values: Any) -> list[Any]:
    """Arrays and Tensors as they are; lists and numbers as arrays, or as Tensors with such inside."""
    made = [joined(value) for value in values]
    return [x if hasattr(x, "shape") else np.asarray(x) for x in made]


@composed(numpy=np.dot, method=True)
def dot(a: ArrayLike, b: ArrayLike) -> Tensor:
    """np.dot(a, b): products of elements, summed over a's last axis and b's last but one, or only one.

    The shape is a's without that axis and then b's without its own. A number is multiplied with. ValueError
    where the two axes differ in length.
    """
    if type(a) is not Tensor or type(b) is not Tensor:
        a, b = joined(a), joined(b)
    if not getattr(a, "ndim", None) or not getattr(b, "ndim", None):  # numbers, or lists
        if np.ndim(a) == 0 or np.ndim(b) == 0:
            return multiply(a, b)
        a, b = arrays_of(a, b)
    n, m = a.ndim, b.ndim  # type: ignore[union-attr]
    length_check("dot", a, b, -1, -2 if m > 1 else -1)
    return matmul(a, b) if m <= 2 else _summed(a, b, [n - 1], [m - 2])


@op(numpy=np.vdot, flops=2, needs=True)
def vdot(needs: Needs, a: ArrayLike, b: ArrayLike):
    """The sum of a[i] b[i] over all elements in order, a number of shape ().

    The shapes may differ where the sizes do not; ValueError where they do.
    """
    shape_a, shape_b = np.shape(a), np.shape(b)
    if math.prod(shape_a) != math.prod(shape_b):
        raise ValueError(f"a has {math.prod(shape_a)} elements and b has {math.prod(shape_b)}")
    y = np.vdot(a, b)
    a, b = a if needs[1] else None, b if needs[0] else None

    def backward(g):
        return (
            (g * b).reshape(shape_a) if needs[0] else None,
            (g * a).reshape(shape_b) if needs[1] else None,
        )

    return y, backward


@composed(numpy=np.inner)
def inner(a: ArrayLike, b: ArrayLike) -> Tensor:
    """Products of elements summed over the last axes of a and b, or of a number with everything.

    The shape is a's without its last axis and then b's without its own. ValueError where the two differ in
    length.
    """
    a, b = arrays_of(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return multiply(a, b)
    length_check("inner", a, b, -1, -1)
    if b.ndim == 1:
        return matmul(a, b)
    return _summed(a, b, [a.ndim - 1], [b.ndim - 1])


@composed(numpy=np.outer)
def outer(a: ArrayLike, b: ArrayLike) -> Tensor:
    """a[i] b[j] of all elements of a and b, in order: a matrix of shape (a.size, b.size)."""
    return multiply(reshape(a, (-1, 1)), reshape(b, -1))


@composed(numpy=(np.tensordot, np.linalg.tensordot))
def tensordot(a: ArrayLike, b: ArrayLike, axes: AxesOfTwo = 2) -> Tensor:
    """Products of elements summed over some `axes` of a, each with one of b.

    `axes` are the numbers of a's axes and those of b's (two numbers, or two lists), or one number: so many of
    a's last with as many of b's first. The shape is what is left of a's and then of b's. ValueError where
    axes that are summed over together differ in length, or occur twice, or are not as many.
    """
    a, b = arrays_of(a, b)
    in_a, in_b = _pairs_of_axes(a.ndim, b.ndim, axes)
    for i, j in zip(in_a, in_b, strict=True):
        length_check("tensordot", a, b, i, j)
    return _summed(a, b, in_a, in_b)


def _pairs_of_axes(n, m, axes):
    """The axes of a and those of b that tensordot sums over, none of them negative."""
    try:
        one, two = axes
    except TypeError:
        if not 0 <= axes <= min(n, m):
            raise ValueError(
                f"tensordot: axes={axes} of arrays that have {n} and {m} axes; a negative axis is named for "
                "both: axes=(-1, 0)"
            ) from None
        return list(range(n - axes, n)), list(range(axes))
    lists = [list(x) if isinstance(x, (list, tuple, np.ndarray)) else [x] for x in (one, two)]
    if len(lists[0]) != len(lists[1]):
        raise ValueError(f"tensordot: axes={axes} are {len(lists[0])} of a and {len(lists[1])} of b")
    for which, given, ndim in zip("ab", lists, (n, m), strict=True):
        for i in given:
            if not -ndim <= i < ndim:
                raise np.exceptions.AxisError(f"tensordot: axis {i} of {which}, which has {ndim} axes")
        if len({i % ndim for i in given}) < len(given):
            raise ValueError(f"tensordot: axes={axes} has an axis of {which} twice")
    return [i % n for i in lists[0]], [i % m for i in lists[1]]


def _summed(a, b, in_a, in_b):
    """The products summed over axes of a, each with one of b; what is left of a's axes and then of b's."""
    return _einsum([a, b], _subscripts(a.ndim, b.ndim, tuple(in_a), tuple(in_b)))


@lru_cache(maxsize=512)
def _subscripts(n, m, in_a, in_b):
    of_a = LETTERS[:n]
    shared = dict(zip(in_b, in_a, strict=True))
    of_b = "".join(of_a[shared[i]] if i in shared else LETTERS[n + i] for i in range(m))
    left = "".join(c for c in of_a if c not in of_b) + "".join(c for c in of_b if c not in of_a)
    return f"{of_a},{of_b}->{left}"


@composed(numpy=(np.vecdot, np.linalg.vecdot))
def vecdot(x1: ArrayLike, x2: ArrayLike, axis: int = -1, *, keepdims: bool = False) -> Tensor:
    """The sum of x1[..., i] x2[..., i] over `axis`, which is counted before the shapes broadcast.

    The shape is the broadcast one without the axis; with `keepdims` it stays, with length 1. ValueError where
    the two lengths differ, or an array has no such axis.
    """
    x1, x2 = (last_axis("vecdot", x, axis) for x in arrays_of(x1, x2))
    y = _stacked("vecdot", x1, x2, "i", "i", "")
    if not keepdims:
        return y
    at = axis % (y.ndim + 1)
    return reshape(y, y.shape[:at] + (1,) + y.shape[at:])


def last_axis(name: str, x: Any, axis: int) -> Any:
    """x with an axis moved to the end. AxisError where it has no such axis."""
    if not -x.ndim <= axis < x.ndim:
        raise np.exceptions.AxisError(f"{name}: axis {axis} of an array of shape {x.shape}")
    at = axis % x.ndim
    return x if at == x.ndim - 1 else transpose(x, [i for i in range(x.ndim) if i != at] + [at])


@composed(numpy=getattr(np, "matvec", ()))
def matvec(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """The sum of x1[..., i, j] x2[..., j] over j: a matrix and a vector, shapes in front broadcast.

    (..., n, k) and (..., k) is (..., n). ValueError for shapes that do not fit.
    """
    return _stacked("matvec", *arrays_of(x1, x2), "ij", "j", "i")


@composed(numpy=getattr(np, "vecmat", ()))
def vecmat(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """The sum of x1[..., i] x2[..., i, j] over i: a vector and a matrix, shapes in front broadcast.

    (..., k) and (..., k, m) is (..., m). ValueError for shapes that do not fit.
    """
    return _stacked("vecmat", *arrays_of(x1, x2), "i", "ij", "j")


def _stacked(name, a, b, of_a, of_b, left):
    """A product of stacks of vectors or matrices whose axes have these letters."""
    if a.ndim < len(of_a) or b.ndim < len(of_b):
        form = {1: "(..., n)", 2: "(..., n, m)"}
        raise ValueError(
            f"{name}: takes {form[len(of_a)]} and {form[len(of_b)]}, not {a.shape} and {b.shape}"
        )
    shared = next(c for c in of_a if c in of_b)
    length_check(name, a, b, of_a.index(shared) - len(of_a), of_b.index(shared) - len(of_b))
    in_a, in_b = a.ndim - len(of_a), b.ndim - len(of_b)
    try:
        np.broadcast_shapes(a.shape[:in_a], b.shape[:in_b])
    except ValueError:
        raise ValueError(f"{name}: the axes in front of {a.shape} and {b.shape} do not broadcast") from None
    front = LETTERS[: max(in_a, in_b)]  # capitals, while there are few enough
    if len(front) > 26:
        raise ValueError(f"{name}: takes 26 axes in front at most, not {len(front)}")
    return _einsum(
        [a, b], f"{front[len(front) - in_a :]}{of_a},{front[len(front) - in_b :]}{of_b}->{front}{left}"
    )


@composed(numpy=np.kron)
def kron(a: ArrayLike, b: ArrayLike) -> Tensor:
    """Each element of a times all of b, as blocks.

    In the shape each length is the product of a's and b's; the one with fewer axes gets axes of length 1 in
    front.
    """
    a, b = arrays_of(a, b)
    n = max(a.ndim, b.ndim)
    of_a, of_b = ((1,) * (n - x.ndim) + x.shape for x in (a, b))
    wide = [m for length in of_a for m in (length, 1)], [m for length in of_b for m in (1, length)]
    y = multiply(reshape(a, wide[0]), reshape(b, wide[1]))
    return reshape(y, [i * j for i, j in zip(of_a, of_b, strict=True)])
