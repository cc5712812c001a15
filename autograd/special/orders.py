"""Bessel functions of any order, under SciPy's names and with its arguments, and those of orders 0 and 1."""

from __future__ import annotations

import numpy as np

from .borrowed import Beside, at, borrowed, borrowed_beside, inside, op_beside

_jv = op_beside("jv", slope=lambda v, z: (at(_jv, v - 1, z) - at(_jv, v + 1, z)) / 2)
jv: Beside = borrowed_beside(_jv, "v z", doc="The Bessel function of the first kind J_v(z).")
jn = jv


def _y_slope(y, v, z):
    """inf at 0, where it is inf - inf."""
    safe = np.where(z == 0, 1, z)
    return np.where(z == 0, np.inf, (at(y, v - 1, safe) - at(y, v + 1, safe)) / 2)


_yv = op_beside("yv", slope=lambda v, z: _y_slope(_yv, v, z))
yv: Beside = borrowed_beside(_yv, "v z", doc="The Bessel function of the second kind Y_v(z), nan below 0.")
_yn = op_beside("yn", slope=lambda v, z: _y_slope(_yn, v, z))
yn: Beside = borrowed_beside(
    _yn, "n x", doc="The Bessel function of the second kind Y_n(x) of a whole order, nan below 0.", whole=True
)
_iv = op_beside("iv", slope=lambda v, z: (at(_iv, v - 1, z) + at(_iv, v + 1, z)) / 2)
iv: Beside = borrowed_beside(_iv, "v z", doc="The modified Bessel function of the first kind I_v(z).")
_ive = op_beside(
    "ive", slope=lambda v, z: (at(_ive, v - 1, z) + at(_ive, v + 1, z)) / 2 - np.sign(z) * at(_ive, v, z)
)
ive: Beside = borrowed_beside(
    _ive,
    "v z",
    doc="exp(-|z|) I_v(z); its derivative is a difference, off by about |z| units in the last place.",
)
_kv = op_beside("kv", slope=lambda v, z: (at(_kv, v - 1, z) + at(_kv, v + 1, z)) / -2)
kv: Beside = borrowed_beside(
    _kv, "v z", doc="The modified Bessel function of the second kind K_v(z), nan below 0."
)


def _kve_slope(v, z):
    safe = np.where(z == 0, 1, z)
    return np.where(z == 0, -np.inf, at(_kve, v, safe) - (at(_kve, v - 1, safe) + at(_kve, v + 1, safe)) / 2)


_kve = op_beside("kve", slope=_kve_slope)
kve: Beside = borrowed_beside(
    _kve,
    "v z",
    doc="exp(z) K_v(z); its derivative is a difference, off by about |z| units in the last place.",
)


def _y1_slope(x):
    safe = np.where(x == 0, 1, x)
    return np.where(x == 0, np.inf, inside(y0)(safe) - inside(y1)(safe) / safe)


def _k0e_slope(x):
    safe = np.where(x == 0, 1, x)
    return np.where(x == 0, -np.inf, inside(k0e)(safe) - inside(k1e)(safe))


def _k1e_slope(x):
    safe = np.where(x == 0, 1, x)
    return np.where(x == 0, -np.inf, inside(k1e)(safe) * (1 - 1 / safe) - inside(k0e)(safe))


j0 = borrowed("j0", slope=lambda x: -inside(j1)(x), doc="The Bessel function of the first kind J_0.")
j1 = borrowed(
    "j1",
    slope=lambda x: (inside(j0)(x) - at(_jv, 2, x)) / 2,
    doc="The Bessel function of the first kind J_1.",
)
y0 = borrowed(
    "y0", slope=lambda x: -inside(y1)(x), doc="The Bessel function of the second kind Y_0, nan below 0."
)
y1 = borrowed("y1", slope=_y1_slope, doc="The Bessel function of the second kind Y_1, nan below 0.")
k0 = borrowed(
    "k0",
    slope=lambda x: -inside(k1)(x),
    doc="The modified Bessel function of the second kind K_0, nan below 0.",
)
k1 = borrowed(
    "k1",
    slope=lambda x: (inside(k0)(x) + at(_kv, 2, x)) / -2,
    doc="The modified Bessel function of the second kind K_1, nan below 0.",
)
k0e = borrowed("k0e", slope=_k0e_slope, doc="exp(x) K_0(x); for its derivative, see kve.")
k1e = borrowed("k1e", slope=_k1e_slope, doc="exp(x) K_1(x); for its derivative, see kve.")
