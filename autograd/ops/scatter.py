"""Adding at an index, where elements may be named several times."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import ArrayLike
from ..op import op


@op(inputs=2)
def index_add(x: ArrayLike, value: ArrayLike, index: Any):
    """A copy of x with `value` added at `index`, once for each time an element is named.

    `value` broadcasts to the shape of x[index].
    """
    y = np.empty_like(x)
    y[...] = x
    np.add.at(y, index, value)

    def backward(g):
        return g, g[index]

    return y, backward
