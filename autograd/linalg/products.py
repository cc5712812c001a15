"""Products of vectors and matrices under the names of np.linalg."""

from __future__ import annotations

import numpy as np

from ..arrays import ArrayLike
from ..op import composed
from ..ops.arithmetic import multiply
from ..ops.shape import reshape
from ..tensor import Tensor


@composed(numpy=np.linalg.outer)
def outer(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """x1[i] x2[j] of two vectors: a matrix of shape (n, m).

    ValueError where one of them is not one-dimensional.
    """
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        raise ValueError(f"linalg.outer: takes two vectors, not shapes {np.shape(x1)} and {np.shape(x2)}")
    return multiply(reshape(x1, (-1, 1)), x2)
