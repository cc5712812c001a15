"""Arrays made like another one, and the same numbers in another dtype."""

from __future__ import annotations

import numpy as np

from ..arrays import ArrayLike, DTypeLike
from ..constant import constant
from ..op import Needs, op

zeros_like = constant(np.zeros_like)
ones_like = constant(np.ones_like)
empty_like = constant(np.empty_like)


@op(numpy=np.copy, method=True, flops=0)
def copy(x: ArrayLike, order: str = "K"):
    """x in memory of its own, of the same shape; `order` is that of the axes there, as in NumPy."""

    def backward(g):
        return (g,)

    return x.copy(order), backward


@op(inputs=1, numpy=np.astype, method=True, flops=0, view=True, needs=True)
def astype(needs: Needs, x: ArrayLike, dtype: DTypeLike):
    """x in another dtype, of the same shape; the gradient comes back in x's own.

    TypeError where x wants a gradient and `dtype` is no float.
    """
    own = x.dtype
    if needs[0] and np.dtype(dtype).kind != "f":
        raise TypeError(f"{np.dtype(dtype)} has no gradient; use .detach() first")

    def backward(g):
        return (g.astype(own),)

    return x.astype(dtype), backward
