"""What np.fft has for real numbers: the middle of a spectrum moved to its start, and back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .arguments import tensor_of
from .arrays import ArrayLike, Axes
from .op import composed
from .ops import flipping
from .ops.axes import axis_of
from .tensor import Tensor

__all__ = ["fftshift", "ifftshift"]


@composed(numpy=np.fft.fftshift)
def fftshift(x: ArrayLike, axes: Axes = None) -> Tensor:
    """x, of the same shape, its first element moved to n // 2 along `axes`: all, one, or several.

    AxisError for an axis that x does not have, TypeError for one that is no whole number.
    """
    return _moved("fftshift", x, axes, lambda n: n // 2)


@composed(numpy=np.fft.ifftshift)
def ifftshift(x: ArrayLike, axes: Axes = None) -> Tensor:
    """x, of the same shape, the element at n // 2 moved to the start along `axes`: fftshift taken back.

    AxisError and TypeError as there.
    """
    return _moved("ifftshift", x, axes, lambda n: -(n // 2))


def _moved(name: str, x: ArrayLike, axes: Axes, shift: Callable[[int], int]) -> Tensor:
    x = tensor_of(x)
    given = range(x.ndim) if axes is None else axes if np.iterable(axes) else [axes]
    chosen = tuple([axis_of(name, axis, x.ndim) for axis in given])
    return flipping.roll(x, [shift(x.shape[axis]) for axis in chosen], chosen) if chosen else x.copy()
