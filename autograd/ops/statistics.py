"""Weighted means, covariance, and sums of products of shifted arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import tensor_of
from ..arrays import ArrayLike, Axes, DTypeLike
from ..op import Needs, composed, op
from ..tensor import Tensor
from .extrema import clip
from .index import diagonal
from .joining import concatenate
from .reduce import mean, sum, weights_like


@composed(numpy=np.average)
def average(
    a: ArrayLike,
    axis: Axes = None,
    weights: ArrayLike | None = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    """sum(a * weights) / sum(weights) along `axis`, without weights the mean; if `returned`, both.

    The shape is a's without these axes (one, several, or None for all); with `keepdims` they stay, with
    length 1. Weights are of a's shape or of that of the axes. ZeroDivisionError where they add up to 0.
    """
    a = tensor_of(a)
    if weights is None:
        y = mean(a, axis, keepdims=keepdims)
        total = Tensor(np.full_like(y.data, a.size / max(y.size, 1)))
        return (y, total) if returned else y
    w = weights_like("average", a, weights, axis)
    if a.dtype.kind != "f" and w.dtype.kind != "f":
        w = w.astype(np.float64)
    total = sum(w, axis, keepdims=keepdims)
    if (total == 0).any():
        raise ZeroDivisionError("average: weights add up to 0, and a mean with them is not defined")
    y = sum(a * w, axis, keepdims=keepdims) / total
    return (y, total.astype(y.dtype)) if returned else y


@composed(numpy=np.cov)
def cov(
    m: ArrayLike,
    y: ArrayLike | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: ArrayLike | None = None,
    aweights: ArrayLike | None = None,
    *,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """The covariances of the variables in the rows of m (and y), or in the columns without `rowvar`.

    (variables, variables), divided by n - ddof, where `ddof` is 1, or 0 with `bias`. `fweights` say how often
    an observation counts, `aweights` how much. ValueError for more than two axes and for weights that do not
    fit.
    """
    if ddof is not None and ddof != int(ddof):
        raise ValueError(f"cov: ddof is a whole number, not {ddof}")
    x = _variables("m", m, rowvar, dtype)
    if y is not None:
        x = concatenate([x, _variables("y", y, rowvar, dtype)], 0)
    ddof = (0 if bias else 1) if ddof is None else ddof
    frequency = None if fweights is None else _observations("fweights", fweights, x)
    weight = None if aweights is None else _observations("aweights", aweights, x)
    if frequency is None and weight is None:
        total, free = x.shape[1], max(x.shape[1] - ddof, 0)
        scaled = x = x - mean(x, 1, keepdims=True)
    else:
        w: Any = weight if frequency is None else frequency if weight is None else frequency * weight
        total = sum(w)
        free = total - (ddof if weight is None or not ddof else ddof * sum(w * weight) / total)
        x = x - (sum(x * w, 1) / total)[:, None]
        scaled = x * w
    return (x @ scaled.T / free).squeeze()


def _variables(name: str, m: ArrayLike, rowvar: bool, dtype: DTypeLike | None) -> Tensor:
    """Variables in rows, of floats."""
    x = tensor_of(m)
    if x.ndim > 2:
        raise ValueError(f"cov: {name} has at most two axes, not shape {x.shape}")
    if dtype is not None or x.dtype.kind != "f":
        x = x.astype(np.float64 if dtype is None else dtype)
    if x.ndim < 2:
        return x.reshape((1, -1))
    return x if rowvar or (name == "y" and len(x) == 1) else x.T


def _observations(name: str, weights: ArrayLike, x: Tensor) -> Tensor:
    w = tensor_of(weights)
    if w.shape != x.shape[1:]:
        raise ValueError(f"cov: {name} of shape {w.shape} for observations of shape {x.shape}")
    if (w < 0).any() or (name == "fweights" and (w != np.floor(w.data)).any()):
        raise ValueError(f"cov: {name} are not negative" + ", and whole numbers" * (name == "fweights"))
    return w.astype(x.dtype)


@composed(numpy=np.corrcoef)
def corrcoef(
    x: ArrayLike, y: ArrayLike | None = None, rowvar: bool = True, *, dtype: DTypeLike | None = None
) -> Tensor:
    """cov(x, y) over the product of the two standard deviations, within [-1, 1].

    (variables, variables). ValueError for more than two axes.
    """
    c = cov(x, y, rowvar, dtype=dtype)
    if not c.ndim:
        return c / c
    deviation = diagonal(c) ** 0.5
    return clip(c / deviation[:, None] / deviation, -1, 1)


@op(needs=True, numpy=np.convolve, flops=2)
def convolve(needs: Needs, a: ArrayLike, v: ArrayLike, mode: str = "full"):
    """sum of a[i - j] * v[j] over j, for arrays with one axis.

    The shape has one axis: of the n + m - 1 sums "full" gives all, "same" the max(n, m) in the middle,
    "valid" those of all elements of the shorter one. ValueError for another mode, empty arrays, and other
    numbers of axes.
    """
    a, v = a.reshape((1,) * (not a.ndim) + a.shape), v.reshape((1,) * (not v.ndim) + v.shape)
    n, m = a.size, v.size
    if a.ndim > 1 or v.ndim > 1 or not n or not m:
        raise ValueError(f"a and v have one axis and are not empty; got shapes {a.shape} and {v.shape}")
    y = np.convolve(a, v, mode)
    start = {"full": 0, "same": (min(n, m) - 1) // 2, "valid": min(n, m) - 1}[mode]
    a, v = a if needs[1] else None, v if needs[0] else None

    def backward(g):
        full = g
        if mode != "full":
            full = np.zeros_like(g, shape=n + m - 1)
            full[start : start + g.size] = g
        da = None if v is None else _matching(full, v)
        return da, None if a is None else _matching(full, a)

    return y, backward


def _matching(full, v):
    """The sums of full[i + j] * v[j] over j, where all of v has a place."""
    return np.convolve(full, v[::-1], "valid")


@composed(numpy=np.correlate)
def correlate(a: ArrayLike, v: ArrayLike, mode: str = "valid") -> Tensor:
    """sum of a[i + j] * v[j] over j, for arrays with one axis.

    The modes, and the shapes they give, are those of `convolve`. ValueError as there.
    """
    a, v = tensor_of(a), tensor_of(v)
    if a.ndim != 1 or v.ndim != 1:
        raise ValueError(f"correlate: a and v have one axis; got shapes {a.shape} and {v.shape}")
    if a.size >= v.size:
        return convolve(a, v[::-1], mode)
    return convolve(v, a[::-1], mode)[::-1]
