"""Adding at an index, where elements may be named several times."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..adding import add_at
from ..arrays import HALF, ArrayLike
from ..op import op


@op(inputs=2)
def index_add(x: ArrayLike, value: ArrayLike, index: Any):
    """A copy of x with `value` added at `index`, once for each time an element is named.

    `value` broadcasts to the shape of x[index].
    """
    half = x.dtype is HALF  # added in float32, as float16 stops to grow at 2048 ones
    y = np.empty_like(x, dtype=np.float32 if half else None)
    y[...] = x
    add_at(y, index, value)

    def backward(g):
        return g, g[index]

    return y.astype(HALF) if half else y, backward
