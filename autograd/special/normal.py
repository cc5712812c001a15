"""The normal distribution's function, its logarithm and its inverse, under SciPy's names."""

from __future__ import annotations

import numpy as np

from .borrowed import borrowed, inside, of_scipy, special_function
from .erfcx import _erfcx_slope, bell_kernel, erfcx, erfcx_kernel
from .error import erf_kernel

_HALF_ROOT = 0.7071067811865476  # sqrt(1 / 2)
_DENSITY = 0.3989422804014327  # 1 / sqrt(2 pi)

_half_bell = special_function(
    lambda x: bell_kernel(x, -0.5),
    name="exp_minus_half_square",
    slope=lambda x, y: -x * y,
    doc="exp(-x^2 / 2), accurate for every x.",
)


def _tail(x):
    """ndtr(-|x|), accurate where it is small."""
    return bell_kernel(x, -0.5) * erfcx_kernel(np.absolute(x) * _HALF_ROOT) / 2


def _ndtr(x):
    return np.where(x < -1, _tail(x), (1 + erf_kernel(np.maximum(x, -1) * _HALF_ROOT)) / 2)


def _log_ndtr(x):
    least = -np.sqrt(np.finfo(x.dtype).max)  # below it the result overflows
    below = np.clip(x, least, 0)
    tail = np.log(erfcx_kernel(below * -_HALF_ROOT) / 2) - below * (below / 2)
    tail = np.where(x < least, -np.inf, tail)
    return np.where(x < 0, tail, np.log1p(-_tail(np.maximum(x, 0))))


def _log_ndtr_slope_kernel(x):
    tail = 2 * _DENSITY / erfcx_kernel(np.clip(x, -1e9, 0) * -_HALF_ROOT)
    tail = np.where(x < -1e9, -x, tail)
    return np.where(x < 0, tail, bell_kernel(x, -0.5) * _DENSITY / _ndtr(np.maximum(x, 0)))


def _curvature(x, y):
    """-y (x + y); below 0, where x + y is the difference of near equals, by the slope of erfcx."""
    below = np.where((x < 0) & (x > -1e9), x, 0) * -_HALF_ROOT
    sums = inside(_erfcx_slope)(below) / inside(erfcx)(below) * -_HALF_ROOT
    inner = np.where(x < 0, sums, np.where(x < 0, 0, x) + y)
    return np.where(x <= -1e9, -1, np.where(x <= -1e9, 0, -y) * inner)  # -1 + 1 / x^2 there


_log_ndtr_slope = special_function(
    _log_ndtr_slope_kernel,
    name="log_ndtr_slope",
    slope=_curvature,
    doc="The derivative of log_ndtr: the normal density over ndtr(x).",
)
ndtr = special_function(
    _ndtr,
    name="ndtr",
    slope=lambda x: inside(_half_bell)(x) * _DENSITY,
    doc="The normal distribution's function (1 + erf(x / sqrt(2))) / 2.",
)
log_ndtr = special_function(
    _log_ndtr,
    name="log_ndtr",
    slope=lambda x: inside(_log_ndtr_slope)(x),
    doc="log(ndtr(x)), accurate for every x.",
)


def _ndtri_slope_kernel(p):  # as for erfinv
    y = np.minimum(np.absolute(of_scipy("ndtri")(p)), 40)
    return erfcx_kernel(y * _HALF_ROOT) * (0.5 / _DENSITY) / (np.minimum(p, 1 - p) + 0.0)


_ndtri_slope = special_function(
    _ndtri_slope_kernel,
    name="ndtri_slope",
    slope=lambda x, y: inside(ndtri)(x) * y * y,
    doc="The derivative of ndtri: 1 over the normal density there.",
)
ndtri = borrowed(
    "ndtri",
    slope=lambda x: inside(_ndtri_slope)(x),
    doc="The inverse of ndtr: -inf at 0, inf at 1, nan beyond.",
)
