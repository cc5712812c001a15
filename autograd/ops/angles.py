"""Degrees and radians, and angles that jump by whole turns."""

from __future__ import annotations

import math

import numpy as np

from ..arrays import ArrayLike
from ..elementwise import elementwise
from ..op import op

DEGREE = math.pi / 180

deg2rad = elementwise(np.deg2rad, slope=lambda: DEGREE, doc="Degrees as radians: x * pi / 180.")
radians = elementwise(np.radians, slope=lambda: DEGREE, doc="Degrees as radians: x * pi / 180.")
rad2deg = elementwise(np.rad2deg, slope=lambda: 1 / DEGREE, doc="Radians as degrees: x * 180 / pi.")
degrees = elementwise(np.degrees, slope=lambda: 1 / DEGREE, doc="Radians as degrees: x * 180 / pi.")


@op(inputs=1, numpy=np.angle)
def angle(z: ArrayLike, deg: bool = False):
    """The angle of real numbers in the complex plane: 0, or pi (180 with `deg`) below 0; its gradient is 0.

    The shape is that of z.
    """

    def backward(g):
        return (np.zeros_like(g),)

    return np.angle(z, deg), backward


@op(inputs=1, numpy=np.unwrap)
def unwrap(p: ArrayLike, discont: float | None = None, axis: int = -1, *, period: float = 2 * math.pi):
    """p plus multiples of `period`, so that it jumps by no more than half of it along `axis`.

    The shape is that of p. Smaller jumps than `discont` are left. The multiples are constants: the gradient
    is handed on. ValueError for an axis that p does not have.
    """

    def backward(g):
        return (g,)

    return np.unwrap(p, discont, axis, period=period), backward
