"""Padding by reflections that go on where they end: np.pad's reflect_type="odd"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..adding import add_at, zeros_to_add
from ..arrays import ArrayLike
from ..op import op


def odd(x, axis, width, mode):
    """x with an axis padded by 2 * edge - elements, over and over.

    Each element is first * x[0] + last * x[-1] + (1 - first - last) * x[source], as np.pad shows for x that
    is 1 at one end and 0 elsewhere. The source is that of even reflection.
    """
    at = np.arange(x.shape[axis], like=x.data)
    first = np.pad((at == 0).astype(x.dtype), width, mode, reflect_type="odd")
    last = np.pad(((at > 0) & (at == at.size - 1)).astype(x.dtype), width, mode, reflect_type="odd")
    source = np.pad(at, width, mode)
    return _pad(x, first, last, source, axis, width, mode)


@op(inputs=1, flops=0)
def _pad(x: ArrayLike, first: Any, last: Any, source: Any, axis: int, width: Sequence[int], mode: str):
    n = x.shape[axis]
    end = n - 1
    y = np.pad(x, [width if i == axis else (0, 0) for i in range(x.ndim)], mode, reflect_type="odd")
    column = [-1 if i == axis else 1 for i in range(x.ndim)]
    shares = [c.reshape(column) for c in (first, last, 1 - first - last)]
    before = (slice(None),) * axis

    def backward(g):
        dx = zeros_to_add(g, (*g.shape[:axis], n, *g.shape[axis + 1 :]))
        ends, inner = shares[:2], shares[2]
        add_at(dx, (*before, source), inner * g)
        for i, share in zip((0, end), ends, strict=True):
            dx[(*before, i)] += np.where(share == 0, 0, share * g).sum(axis)
        return (dx,)

    return y, backward
