"""Elements and arrays over and over."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..adding import added_at
from ..arguments import tensor_of
from ..arrays import HALF, ArrayLike, Shape
from ..op import composed, op
from ..tensor import Tensor
from .creation import zeros_like
from .index import getitem
from .shape import broadcast_to, reshape


@op(inputs=1, numpy=np.repeat, method=True, flops=0)
def repeat(x: ArrayLike, repeats: int | Sequence[int], axis: int | None = None):
    """x with each element `repeats` times along `axis` (None: of the flat array), or as often as a list says.

    The length n of the axis becomes n * repeats in the shape, or the sum of the list.
    """
    shape = x.shape
    y = np.repeat(x, repeats, axis)
    flat, at = ((x.size,), 0) if axis is None or not shape else (shape, axis % len(shape))
    before, n, after = flat[:at], flat[at], flat[at + 1 :]

    def backward(g):
        if isinstance(repeats, int):
            wide = np.float32 if g.dtype is HALF else None
            dx = g.reshape((*before, n, int(repeats) if n else 0, *after)).sum(axis=at + 1, dtype=wide)
        else:
            index = np.repeat(np.arange(n, like=g), repeats)
            dx = added_at(g, (slice(None),) * at + (index,), (*before, n, *after))
        return (dx.reshape(shape),)

    return y, backward


@op(inputs=1, numpy=np.tile, flops=0)
def tile(A: ArrayLike, reps: Shape):
    """A beside itself `reps` times along each axis, counted from the last one.

    A length n becomes n * reps in the shape; missing axes of A, or of reps, are 1.
    """
    y = np.tile(A, reps)
    shape, times = A.shape, (reps,) if isinstance(reps, int) else tuple(reps)
    times = tuple(map(int, times))
    lengths = (1,) * (len(times) - A.ndim) + shape
    times = (1,) * (A.ndim - len(times)) + times
    apart = tuple([m for pair in zip(times, lengths, strict=True) for m in pair])

    def backward(g):
        wide = np.float32 if g.dtype is HALF else None
        return (g.reshape(apart).sum(axis=tuple(range(0, len(apart), 2)), dtype=wide).reshape(shape),)

    return y, backward


@composed(numpy=np.resize)
def resize(a: ArrayLike, new_shape: Shape) -> Tensor:
    """The elements of a over and over, in the shape `new_shape`; zeros if it has none.

    ValueError for a length below 0.
    """
    a = tensor_of(a)
    shape = (new_shape,) if isinstance(new_shape, int) else tuple(new_shape)
    if any(n < 0 for n in shape):
        raise ValueError(f"resize: lengths are at least 0, not {shape}")
    size = math.prod(shape)
    if not a.size and size:
        return zeros_like(a, shape=shape)
    rows = broadcast_to(reshape(a, -1), (-(-size // (a.size or 1)), a.size))
    return reshape(getitem(reshape(rows, -1), slice(size)), shape).copy()
