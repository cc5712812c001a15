"""Products with logarithms, and relative entropies, under SciPy's names."""

from __future__ import annotations

import numpy as np

from ..arrays import ArrayLike
from ..op import Needs, op
from .borrowed import borrowed, in_float, of_scipy


@op(needs=True, flops=8)
@in_float
def xlogy(needs: Needs, x: ArrayLike, y: ArrayLike):
    """x log(y), and 0 where x is 0, whatever y; shapes broadcast.

    Needs SciPy.
    """
    out = of_scipy("xlogy")(x, y)
    y = np.where((x == 0) & (y <= 0), 1, y)
    x = x if needs[1] else None

    def backward(g):
        return g * np.log(y) if needs[0] else None, g * x / y if needs[1] else None

    return out, backward


@op(needs=True, flops=8)
@in_float
def xlog1py(needs: Needs, x: ArrayLike, y: ArrayLike):
    """x log(1 + y), and 0 where x is 0, whatever y; shapes broadcast.

    Needs SciPy.
    """
    out = of_scipy("xlog1py")(x, y)
    y = np.where((x == 0) & (y <= -1), 0, y)
    x = x if needs[1] else None

    def backward(g):
        return g * np.log1p(y) if needs[0] else None, g * x / (y + 1) if needs[1] else None

    return out, backward


def _entr_slope(x):
    """-log(x) - 1: inf at 0, nan below."""
    slope = -1 - np.log(np.where(x <= 0, 1, x))
    return np.where(x == 0, np.inf, np.where(x < 0, np.nan, slope))


entr = borrowed(
    "entr",
    slope=lambda x: _entr_slope(x),
    doc="-x log(x), 0 at 0 and -inf below.",
)


def _log_ratio(x, y, inner):
    """log(x / y), which keeps its digits where x and y are close; 0 where not `inner`."""
    x, y = np.where(inner, x, 1), np.where(inner, y, 1)
    rise = x - y
    close = np.absolute(rise) < y / 2
    near = np.log1p(np.where(close, rise, 0) / y)
    return np.where(close, near, np.log(x) - np.log(y))


def _edges(x, y, slope):
    """A slope in x, -inf at x = 0 < y, 0 at (0, 0), and nan where the function is inf."""
    slope = np.where((x > 0) & (y > 0), slope, np.nan)
    slope = np.where((x == 0) & (y > 0), -np.inf, slope)
    return np.where((x == 0) & (y == 0), 0, slope)


def _quotient(x, y):
    """x / y, with 0 for 0 / 0 and nan where the relative entropies are inf."""
    fits = ((x > 0) & (y > 0)) | ((x == 0) & (y >= 0))
    return np.where(fits, x / np.where(y > 0, y, 1), np.nan)


@op(needs=True, flops=10)
@in_float
def rel_entr(needs: Needs, x: ArrayLike, y: ArrayLike):
    """x log(x / y), 0 where x is 0 <= y, inf where one is negative or y alone is 0; shapes broadcast.

    The gradient is nan where the result is inf for such a reason. Needs SciPy.
    """
    out = of_scipy("rel_entr")(x, y)

    def backward(g):
        inner = (x > 0) & (y > 0)
        dx = g * _edges(x, y, _log_ratio(x, y, inner) + 1) if needs[0] else None
        return dx, -g * _quotient(x, y) if needs[1] else None

    return out, backward


def _kl_div(x, y):
    """SciPy's but for x close to y, where that is a difference of near equals: a series there."""
    total = x + y
    close = np.absolute(x - y) < total / 3
    s = np.where(close, x - y, 0) / np.where(close, total, 1)
    square, rest = s * s, np.zeros_like(s)
    for k in range(37, 1, -2):
        rest = (rest + 1 / k) * square
    return np.where(close, total * (square + (1 + s) * s * rest), of_scipy("kl_div")(x, y))


@op(needs=True, flops=10)
@in_float
def kl_div(needs: Needs, x: ArrayLike, y: ArrayLike):
    """x log(x / y) - x + y, y where x is 0 <= y, inf where one is negative or y alone is 0; shapes broadcast.

    The gradient is nan where the result is inf for such a reason. Needs SciPy.
    """
    out = _kl_div(x, y)

    def backward(g):
        inner = (x > 0) & (y > 0)
        dx = g * _edges(x, y, _log_ratio(x, y, inner)) if needs[0] else None
        if not needs[1]:
            return dx, None
        gap = np.where(inner, y - x, 0) / np.where(inner, y, 1)
        return dx, g * np.where(inner, gap, 1 - _quotient(x, y))

    return out, backward
