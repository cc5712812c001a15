"""The product of two vectors in space."""

from __future__ import annotations

import numpy as np

from ..arrays import ArrayLike
from ..op import Needs, composed, op
from ..tensor import Tensor
from .axes import transpose
from .contraction import arrays_of, last_axis
from .joining import stack


@composed(numpy=np.cross)
def cross(
    a: ArrayLike, b: ArrayLike, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Tensor:
    """(a1 b2 - a2 b1, a2 b0 - a0 b2, a0 b1 - a1 b0) of vectors in a along `axisa` and in b along `axisb`.

    The result's stand along `axisc`; `axis` is all three. The other axes broadcast in the shape. A vector of
    2 elements has 0 for a third one; of two such only the last element is given, with no axis for it.
    ValueError for other lengths.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = arrays_of(a, b)
    a, b = last_axis("cross", a, axisa), last_axis("cross", b, axisb)
    shapes = f"{a.shape} and {b.shape}"
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError(
            f"cross: takes vectors of 3 elements, or of 2; with theirs last, shapes are {shapes}"
        )
    try:
        np.broadcast_shapes(a.shape[:-1], b.shape[:-1])
    except ValueError:
        raise ValueError(f"cross: the axes in front of the last of {shapes} do not broadcast") from None
    y = _cross(a, b) if a.shape[-1] == b.shape[-1] == 3 else _of_two(a, b)
    if a.shape[-1] == b.shape[-1] == 2:
        return y
    at = _axis(axisc, y.ndim)
    if at == y.ndim - 1:
        return y
    order = list(range(y.ndim - 1))
    return transpose(y, [*order[:at], y.ndim - 1, *order[at:]])


def _axis(axis, ndim):
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(f"cross: axisc={axis} of a result that has {ndim} axes")
    return axis % ndim


def _of_two(a, b):
    """The product where a or b has two elements: nothing is multiplied with the third that it has not."""
    last = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    if a.shape[-1] == 3:
        return stack([-a[..., 2] * b[..., 1], a[..., 2] * b[..., 0], last], -1)
    if b.shape[-1] == 3:
        return stack([a[..., 1] * b[..., 2], -a[..., 0] * b[..., 2], last], -1)
    return last


@op(flops=5, needs=True)
def _cross(needs: Needs, a: ArrayLike, b: ArrayLike):
    y = np.cross(a, b)
    a, b = a if needs[1] else None, b if needs[0] else None

    def backward(g):
        return np.cross(b, g) if needs[0] else None, np.cross(g, a) if needs[1] else None

    return y, backward
