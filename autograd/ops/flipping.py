"""Elements in another order along axes: reversed, rolled, turned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arguments import tensor_of
from ..arrays import ArrayLike, Axes
from ..op import composed, op
from ..tensor import Tensor


@op(inputs=1, numpy=np.flip, flops=0, view=True)
def flip(m: ArrayLike, axis: Axes = None):
    """m, of the same shape, with the elements reversed along `axis`: all, one, or several."""

    def backward(g):
        return (np.flip(g, axis),)

    return np.flip(m, axis), backward


@composed(numpy=np.fliplr)
def fliplr(m: ArrayLike) -> Tensor:
    """m[:, ::-1], of the same shape: left and right exchanged; ValueError for fewer than two axes."""
    return flip(tensor_of(m, "fliplr", 2), 1)


@composed(numpy=np.flipud)
def flipud(m: ArrayLike) -> Tensor:
    """m[::-1], of the same shape: up and down exchanged; ValueError for an array without axes."""
    return flip(tensor_of(m, "flipud", 1), 0)


@op(inputs=1, numpy=np.rot90, flops=0, view=True)
def rot90(m: ArrayLike, k: int = 1, axes: Sequence[int] = (0, 1)):
    """m turned by 90 degrees, k times, in the plane of two `axes`, from the first towards the second.

    For odd k the two lengths are exchanged in the shape. ValueError for axes that are equal or out of range.
    """

    def backward(g):
        return (np.rot90(g, -k, axes),)

    return np.rot90(m, k, axes), backward


@op(inputs=1, numpy=np.roll, flops=0)
def roll(a: ArrayLike, shift: int | Sequence[int], axis: Axes = None):
    """a, of the same shape, with its elements moved by `shift` along `axis`; what leaves at one end enters.

    One shift for each axis, or one for all; None: along the flat array.
    """

    def backward(g):
        back = [-s for s in shift] if isinstance(shift, (tuple, list)) else -shift
        return (np.roll(g, back, axis),)

    return np.roll(a, shift, axis), backward
