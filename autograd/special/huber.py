"""Losses that are squares near 0 and straight lines beyond, under SciPy's names."""

from __future__ import annotations

import numpy as np

from ..arrays import ArrayLike
from ..op import Needs, op
from .borrowed import in_float


@op(needs=True, flops=6)
@in_float
def huber(needs: Needs, delta: ArrayLike, r: ArrayLike):
    """r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2), and inf for delta < 0; shapes broadcast.

    The gradient is nan for delta < 0.
    """
    size = np.absolute(r)
    near = np.where(size <= delta, r, 0)
    out = np.where(size <= delta, near * near / 2, delta * (size - delta / 2))

    def backward(g):
        size = np.absolute(r)
        g = np.where(delta < 0, np.nan, g)
        d = g * np.where(size <= delta, 0, size - delta) if needs[0] else None
        return d, g * np.where(size <= delta, r, np.sign(r) * delta) if needs[1] else None

    return np.where(delta < 0, np.inf, out), backward


@op(needs=True, flops=8)
@in_float
def pseudo_huber(needs: Needs, delta: ArrayLike, r: ArrayLike):
    """delta^2 (sqrt(1 + (r / delta)^2) - 1), 0 for delta = 0 and inf for delta < 0; shapes broadcast.

    The gradient is nan for delta < 0.
    """

    def parts(delta, r):
        ratio = r / np.where(delta == 0, 1, delta)
        root = np.sqrt(1 + ratio * ratio)
        return ratio, root, ratio * ratio / (root + 1)  # the last is root - 1

    _, _, rise = parts(delta, r)

    def backward(g):
        ratio, root, rise = parts(delta, r)
        g = np.where(delta < 0, np.nan, g)
        d = g * delta * rise * rise / root if needs[0] else None  # 2 rise - ratio^2 / root
        return d, g * delta * ratio / root if needs[1] else None

    return np.where(delta < 0, np.inf, delta * delta * rise), backward
