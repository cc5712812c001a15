"""Differences of neighbours, slopes, and areas under points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arguments import tensor_of
from ..arrays import ArrayLike, Axes, as_array
from ..op import composed
from ..tensor import Tensor
from .axes import axes_of, axis_of
from .creation import astype
from .joining import concatenate
from .reduce import sum
from .shape import broadcast_to


def _at(ndim: int, axis: int, start: int | None, stop: int | None) -> tuple:
    """The index of [start:stop] on one axis."""
    return (slice(None),) * axis + (slice(start, stop),) + (slice(None),) * (ndim - axis - 1)


@composed(numpy=np.diff)
def diff(
    a: ArrayLike,
    n: int = 1,
    axis: int = -1,
    prepend: ArrayLike | None = None,
    append: ArrayLike | None = None,
) -> Tensor:
    """a[i + 1] - a[i] along `axis`, `n` times; of booleans, whether they differ.

    The axis is n elements shorter in the result. `prepend` and `append`, numbers or arrays, are joined to it
    before. ValueError for a negative n and for shape ().
    """
    a = tensor_of(a)
    if n == 0:
        return a
    if n < 0 or not a.ndim:
        raise ValueError(f"diff: takes n >= 0 and an array with an axis; got n={n} and shape {a.shape}")
    axis = axis_of("diff", axis, a.ndim)
    if prepend is not None or append is not None:
        parts = [_edge(a, part, axis) for part in (prepend, a, append) if part is not None]
        a = concatenate(parts, axis)
    later, earlier = _at(a.ndim, axis, 1, None), _at(a.ndim, axis, None, -1)
    for _ in range(n):
        a = a[later] != a[earlier] if a.dtype == bool else a[later] - a[earlier]
    return a


def _edge(a, value, axis):
    """What is joined to a: an array, or a number for each place beside the axis."""
    shape = a.shape[:axis] + (1,) + a.shape[axis + 1 :]
    if isinstance(value, (int, float)):
        kind = np.result_type(a.dtype, value if a.dtype.kind == "f" else as_array(value).dtype)
        return np.full_like(a.data, value, shape=shape, dtype=kind)
    value = tensor_of(value)
    return value if value.ndim else broadcast_to(value, shape)


@composed(numpy=np.ediff1d)
def ediff1d(ary: ArrayLike, to_end: ArrayLike | None = None, to_begin: ArrayLike | None = None) -> Tensor:
    """ary[i + 1] - ary[i] of the flat array, with `to_begin` before and `to_end` after it.

    The shape has one axis, the dtype is that of ary; TypeError where the others do not fit it.
    """
    a = tensor_of(ary).reshape(-1)
    parts = [a[1:] - a[:-1]]
    for place, name, edge in ((0, "to_begin", to_begin), (2, "to_end", to_end)):
        if edge is not None:
            edge = tensor_of(edge).reshape(-1)
            if not np.can_cast(edge.dtype, a.dtype, "same_kind"):
                raise TypeError(f"ediff1d: {name} of {edge.dtype} beside an array of {a.dtype}")
            parts.insert(place, edge.astype(a.dtype))
    return concatenate(parts)


@composed(numpy=np.gradient)
def gradient(f: ArrayLike, *varargs: Any, axis: Axes = None, edge_order: int = 1) -> Any:
    """The slope of f along `axis` by central differences, of the shape of f; for several axes, a tuple.

    `varargs` are distances of the samples or their coordinates, numbers or arrays of one axis: one for all
    axes, or one for each. `edge_order` 1 or 2 is that of the differences at the two ends. ValueError for too
    few samples and for coordinates of another length, TypeError for another number of distances.
    """
    f = tensor_of(f)
    if f.dtype.kind != "f":
        f = f.astype(np.float64)
    every = axes_of("gradient", tuple(range(f.ndim)) if axis is None else axis, f.ndim)
    spacings = list(varargs) or [1.0]
    if len(spacings) == 1 and np.ndim(spacings[0]) == 0:
        spacings *= len(every)
    if len(spacings) != len(every):
        raise TypeError(f"gradient: {len(varargs)} distances for {len(every)} axes")
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: edge_order is 1 or 2, not {edge_order}")
    slopes = [
        astype(_slope(f, i, _steps(f, i, h), edge_order), f.dtype, copy=False)
        for i, h in zip(every, spacings, strict=True)
    ]
    return slopes[0] if len(every) == 1 else tuple(slopes)


def _steps(f, axis, spacing):
    """A number, or the steps between coordinates, in a shape that broadcasts to f."""
    if np.ndim(spacing) == 0:
        return spacing
    x = tensor_of(spacing)
    if x.ndim != 1 or len(x) != f.shape[axis]:
        raise ValueError(f"gradient: coordinates of shape {x.shape} for axis {axis} of shape {f.shape}")
    steps = diff(x if x.dtype.kind == "f" else x.astype(np.float64))
    if steps.edge is None and len(steps) and bool((steps == steps[0]).all()):
        return steps[0]
    return steps.reshape((-1,) + (1,) * (f.ndim - axis - 1))


def _slope(f, axis, h, edge_order):
    n = f.shape[axis]
    if n < edge_order + 1:
        raise ValueError(f"gradient: axis {axis} of shape {f.shape} has fewer than {edge_order + 1} samples")

    def f_at(start, stop):
        return f[_at(f.ndim, axis, start, stop)]

    even = np.ndim(h) == 0
    first, last = (h, h) if even else (h[:1], h[-1:])
    if edge_order == 1:
        begin, end = (f_at(1, 2) - f_at(0, 1)) / first, (f_at(n - 1, n) - f_at(n - 2, n - 1)) / last
    else:
        begin = _parabola([f_at(i, i + 1) for i in range(3)], first, h if even else h[1:2])
        end = -_parabola([f_at(n - i, n - i + 1) for i in (1, 2, 3)], last, h if even else h[-2:-1])
    left, middle, right = f_at(None, -2), f_at(1, -1), f_at(2, None)
    if even:
        inside = (right - left) / (2.0 * h)
    else:
        a, b = h[:-1], h[1:]
        inside = -b / (a * (a + b)) * left + (b - a) / (a * b) * middle + a / (b * (a + b)) * right
    return concatenate([begin, inside, end], axis)


def _parabola(points: Sequence[Tensor], a, b):
    """The slope at the first of three points, at distances a and b, of the parabola through them."""
    f0, f1, f2 = points
    return -(2.0 * a + b) / (a * (a + b)) * f0 + (a + b) / (a * b) * f1 - a / (b * (a + b)) * f2


@composed(numpy=np.trapezoid)
def trapezoid(y: ArrayLike, x: ArrayLike | None = None, dx: ArrayLike = 1.0, axis: int = -1) -> Tensor:
    """sum(d * (y[i + 1] + y[i]) / 2) along `axis`, where d is `dx`, or x[i + 1] - x[i].

    The axis is gone from the shape. x has one axis, of y's length, or several, that broadcast with y's but
    for this one; ValueError for other shapes.
    """
    y = tensor_of(y)
    d, at = dx, axis_of("trapezoid", axis, y.ndim)
    pairs = y[_at(y.ndim, at, 1, None)] + y[_at(y.ndim, at, None, -1)]
    if x is not None:
        x = tensor_of(x)
        after = at - y.ndim  # the axis, counted from the last
        alike = x.ndim in (1, y.ndim) or axis < 0
        if x.ndim == 1:
            x = x.reshape((-1,) + (1,) * (y.ndim - at - 1))
        fits = alike and x.ndim >= -after and x.shape[after] == y.shape[at]
        if not (
            fits and all(n in (1, m) or m == 1 for n, m in zip(x.shape[::-1], y.shape[::-1], strict=False))
        ):
            raise ValueError(f"trapezoid: x of shape {x.shape} for y of shape {y.shape} and axis {axis}")
        d = diff(x, axis=after)
    return sum(d * pairs / 2.0, at - y.ndim)
