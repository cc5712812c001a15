"""Products with logarithms, and relative entropies, under SciPy's names."""

from __future__ import annotations

import numpy as np

from ..arrays import ArrayLike
from ..op import Needs, op
from .borrowed import borrowed, in_float, inside, of_scipy, special_function


def _log(x):
    """log(x): -inf at 0 and nan below without a warning, as SciPy's functions have it."""
    y = np.log(np.where(x <= 0, 1, x))
    return np.where(x == 0, -np.inf, np.where(x < 0, np.nan, y))


_quiet_log = special_function(_log, name="quiet_log", gradient=lambda g, x: g / x, doc="log(x).", flops=4)


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
        return g * inside(_quiet_log)(y) if needs[0] else None, g * x / y if needs[1] else None

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


entr = borrowed(
    "entr",
    slope=lambda x: -1 - inside(_quiet_log)(x),
    doc="-x log(x), 0 at 0 and -inf below.",
)


def _log_ratio(x, y, more=0):
    """log(x / y) + more, with all digits where x and y are close; 0 at (0, 0), nan outside the domain."""
    fits = (x >= 0) & (y > 0)
    corner = (x == 0) & (y == 0)
    x, y = np.where(fits, x, 1), np.where(fits, y, 1)
    close = np.absolute(x - y) < y / 2
    near = np.log1p(np.where(close, x - y, 0) / y)
    far = inside(_quiet_log)(x) - inside(_quiet_log)(y)
    return np.where(corner, 0, np.where(fits, np.where(close, near, far) + more, np.nan))


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
        dx = g * _log_ratio(x, y, 1) if needs[0] else None
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
        dx = g * _log_ratio(x, y) if needs[0] else None
        if not needs[1]:
            return dx, None
        inner = (x > 0) & (y > 0)
        gap = np.where(inner, y - x, 0) / np.where(inner, y, 1)
        return dx, g * np.where(inner, gap, 1 - _quotient(x, y))

    return out, backward
