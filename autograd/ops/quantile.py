"""Quantiles: two elements of the sorted array, between which it is interpolated."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import tensor_of
from ..arrays import ArrayLike, Axes, as_array
from ..modes import current
from ..op import Needs, composed, op
from ..tensor import Tensor
from .median import as_rows, gathered, numbers, places_of
from .reduce import mean, weights_like

# The place of a quantile among n sorted elements, by method (R. J. Hyndman and Y. Fan, "Sample quantiles in
# statistical packages", The American Statistician 50 (1996)): between two elements, where it is linear in q.
CONTINUOUS: dict[str, Any] = {
    "linear": lambda n, q: (n - 1) * q,
    "interpolated_inverted_cdf": lambda n, q: n * q + q * 0 - 1,
    "hazen": lambda n, q: n * q + 0.5 - 1,
    "weibull": lambda n, q: n * q + q - 1,
    "median_unbiased": lambda n, q: n * q + (1 / 3 + q * (1 - 2 / 3)) - 1,
    "normal_unbiased": lambda n, q: n * q + (3 / 8 + q * (1 - 2 * 3 / 8)) - 1,
}
# Or on an element, or halfway: what lies between is rounded.
STEPPED: dict[str, Any] = {
    "lower": lambda n, q: np.floor((n - 1) * q),
    "higher": lambda n, q: np.ceil((n - 1) * q),
    "nearest": lambda n, q: np.around((n - 1) * q),
    "midpoint": lambda n, q: (np.floor((n - 1) * q) + np.ceil((n - 1) * q)) / 2,
    "inverted_cdf": lambda n, q: np.ceil(n * q - 1),
    "averaged_inverted_cdf": lambda n, q: (np.floor(n * q) + np.ceil(n * q - 1)) / 2,
    "closest_observation": lambda n, q: _to_even(n * q - 1 - 0.5),
}


def _to_even(v):
    low = np.floor(v)
    return np.where((v == low) & (low % 2 == 1), low, low + 1)


@op(needs=True)
def _lerp(needs: Needs, a: ArrayLike, b: ArrayLike, t: ArrayLike):
    """a + (b - a) t, from the nearer end."""
    step = b - a
    y = np.where(t >= 0.5, b - step * (1 - t), a + step * t)
    near, far = 1 - t if needs[0] else None, t if needs[1] else None
    step = step if needs[2] else None

    def backward(g):
        return tuple([None if factor is None else g * factor for factor in (near, far, step)])

    return y, backward


@composed(numpy=np.quantile)
def quantile(
    a: ArrayLike,
    q: ArrayLike,
    axis: Axes = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: ArrayLike | None = None,
) -> Tensor:
    """The number below which the q-th part of the elements of a along `axis` lies; of what has nan, nan.

    The shape is that of q followed by a's without these axes; with `keepdims` they stay, with length 1. Every
    `method` of NumPy's is there; those that interpolate have a gradient for q, too, and the others one of
    zeros. `weights`, of a's shape or of its axes, go with "inverted_cdf". `overwrite_input` changes nothing.
    ValueError for q outside of [0, 1] and an unknown method, IndexError for no elements, TypeError for what
    would need a gradient that is not there.
    """
    return _quantile("quantile", _filled("quantile", a, axis), q, axis, out, method, keepdims, weights)


@composed(numpy=np.percentile)
def percentile(
    a: ArrayLike,
    q: ArrayLike,
    axis: Axes = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: ArrayLike | None = None,
) -> Tensor:
    """The quantile of a at q / 100, along `axis`.

    Shapes and arguments are those of `quantile`. ValueError for q outside of [0, 100] and an unknown method,
    IndexError for no elements, TypeError for what would need a gradient that is not there.
    """
    a = _filled("percentile", a, axis)
    return _quantile("percentile", a, _hundredth(q), axis, out, method, keepdims, weights)


@composed(numpy=np.nanquantile)
def nanquantile(
    a: ArrayLike,
    q: ArrayLike,
    axis: Axes = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: ArrayLike | None = None,
) -> Tensor:
    """The quantile at q of the elements of a that are not nan along `axis`, nan where there is nothing else.

    Shapes and arguments are those of `quantile`. ValueError for q outside of [0, 1] and an unknown method,
    TypeError for what would need a gradient that is not there.
    """
    return _quantile("nanquantile", a, q, axis, out, method, keepdims, weights, skip=True)


@composed(numpy=np.nanpercentile)
def nanpercentile(
    a: ArrayLike,
    q: ArrayLike,
    axis: Axes = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: ArrayLike | None = None,
) -> Tensor:
    """The quantile at q / 100 of the elements of a that are not nan, along `axis`.

    Shapes and arguments are those of `quantile`. ValueError for q outside of [0, 100] and an unknown method,
    TypeError for what would need a gradient that is not there.
    """
    return _quantile("nanpercentile", a, _hundredth(q), axis, out, method, keepdims, weights, skip=True)


def _filled(name: str, a: ArrayLike, axis: Axes) -> Tensor:
    """`a`; IndexError where there is nothing along the axis."""
    a = tensor_of(a)
    if not a.size and not as_rows(name, a, axis, None, False)[0].shape[-1]:
        raise IndexError(f"{name}: a of shape {a.shape} has no elements along the axis")
    return a


def _hundredth(q: Any) -> Any:
    return q / 100 if isinstance(q, (Tensor, int, float)) else as_array(q) / 100


def _quantile(name, a, q, axis, out, method, keepdims, weights, skip=False):
    rows, shape = as_rows(name, a, axis, out, keepdims)
    q, narrow = _checked_quantiles(name, q, rows, method, weights)
    if not rows.shape[-1]:  # nan, and NumPy's warning
        return np.broadcast_to(mean(rows, -1).reshape(shape), q.shape + shape)
    flat = q.data.reshape(-1).astype(np.float64)
    if weights is not None:
        y = gathered(rows, *_weighted(name, tensor_of(a), rows.data, flat, axis, weights, skip))
    else:
        n = numbers(rows.data) if skip else rows.shape[-1]
        if method in STEPPED:
            place = STEPPED[method](n, flat)
            t = place - np.floor(place)
        else:
            place = CONTINUOUS[method](n, flat)
            t = place if q.edge is None else CONTINUOUS[method](n, q.reshape(-1).astype(np.float64))
            t = t - np.floor(place)
        low, high = _within(np.floor(place), n), _within(np.ceil(place), n)
        if skip:
            order = np.argsort(rows.data, axis=-1, kind="stable")
        else:
            low, high = low.tolist(), high.tolist()
            order = places_of(rows.data, low + high, n)
        y = gathered(rows, order, low)
        if method in CONTINUOUS or method in ("midpoint", "averaged_inverted_cdf"):
            kind = np.result_type(rows.dtype, np.float64 if rows.dtype.kind != "f" else rows.dtype)
            kind = kind if narrow else np.result_type(kind, q.dtype)
            y = _lerp(y, gathered(rows, order, high), t.astype(kind))
    if q.edge is not None and method in STEPPED and y.dtype.kind == "f":
        y = y + (q.reshape(-1) * 0).astype(y.dtype)  # its slope
    lengths = tuple(range(y.ndim - 1))
    return y.transpose((y.ndim - 1, *lengths)).reshape(q.shape + shape)


def _checked_quantiles(name, q, rows, method, weights) -> tuple[Tensor, bool]:
    """q as a Tensor, and whether it is weak beside other floats."""
    narrow = isinstance(q, (int, float, list, tuple))
    q = tensor_of(q)
    if method not in CONTINUOUS and method not in STEPPED:
        raise ValueError(f"{name}: method is one of {', '.join([*CONTINUOUS, *STEPPED])}; not {method!r}")
    if weights is not None and method != "inverted_cdf":
        raise ValueError(f"{name}: weights go with method='inverted_cdf', not with {method!r}")
    if not ((q.data >= 0) & (q.data <= 1)).all():
        top = 100 if "percent" in name else 1
        raise ValueError(f"{name}: q must be within [0, {top}]")
    if rows.dtype == bool:
        raise TypeError(f"{name}: booleans have no quantiles; use .astype(float)")
    return q, narrow


def _within(place, n):
    """Places among n elements as indices; of no elements, 0."""
    return np.maximum(np.minimum(place, n - 1), 0).astype(np.int64)


def _weighted(name, a, rows, q, axis, weights, skip):
    """The order of the rows, and the first places where the weights up to there are the q-th part of all."""
    w = weights_like(name, a, weights, axis)
    if w.edge is not None and current.get().grad:
        raise TypeError(f"{name}: weights have no gradient; pass weights.detach()")
    w = as_rows(name, w, axis, None, False)[0].data
    order = np.argsort(rows, axis=-1, kind="stable")
    if skip:
        w = np.where(rows == rows, w, 0)
    share = np.cumsum(np.take_along_axis(w, order, axis=-1), axis=-1, dtype=np.float64)
    n = numbers(rows) if skip else rows.shape[-1]
    total = np.where(n == 0, 1, share[..., -1:])
    if not ((total > 0) & (total < np.inf)).all():
        raise ValueError(f"{name}: weights add up to 0, inf or nan")
    share = np.where(share == 0, -1, share / total)
    places = _within(np.add.reduce(share[..., None, :] < q[:, None], -1, np.int64), n)
    if skip:
        return order, places
    hole = np.take_along_axis(rows, order[..., -1:], axis=-1)
    return order, np.where(hole == hole, places, rows.shape[-1] - 1)
