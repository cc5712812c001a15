"""Counting, with weights: sums of weights in bins, whose edges are constants."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arguments import tensor_of
from ..arrays import ArrayLike, opaque
from ..constant import constant
from ..op import composed, op
from ..tensor import Tensor
from .arithmetic import divide
from .reduce import sum
from .shape import reshape

histogram_bin_edges = constant(np.histogram_bin_edges)


@composed(numpy=np.bincount)
def bincount(x: ArrayLike, weights: ArrayLike | None = None, minlength: int = 0) -> Tensor:
    """How often each integer from 0 stands in x, of shape (n,), or the sums of the `weights` there.

    The result has the length max(x) + 1, or `minlength` if that is more. It keeps the dtype of float weights.
    ValueError for a negative number or other shapes, TypeError for an x that is no integers.
    """
    x = tensor_of(x).data
    if weights is None:
        return Tensor(np.bincount(x, minlength=minlength))
    if x.shape != np.shape(weights):
        raise ValueError(f"bincount: x of shape {x.shape} and weights of {np.shape(weights)} are not alike")
    return _bincount(weights, x, minlength)


@op(inputs=1)
def _bincount(weights: ArrayLike, x: Any, minlength: int = 0):
    y = np.bincount(x, weights, minlength)

    def backward(g):
        return (g[x],)

    return y.astype(weights.dtype) if weights.dtype.kind == "f" else y, backward


def _lost(*weights) -> bool:
    return any(isinstance(w, Tensor) and w.edge is not None for w in weights)


@composed(numpy=np.histogram)
def histogram(
    a: ArrayLike,
    bins: Any = 10,
    range: tuple[float, float] | None = None,
    density: bool | None = None,
    weights: ArrayLike | None = None,
) -> tuple[Tensor, Tensor]:
    """How many elements of `a` are in each bin, or the sums of their `weights`; and the edges of the bins.

    Shapes are (n,) and (n + 1,). `bins` is how many, a way to find out, or the edges; `density` divides by
    the sum and the widths. Weights, of the shape of `a`, have a gradient; counts and edges are constants.
    ValueError where NumPy raises it.
    """
    x, given = tensor_of(a).data, bins.data if isinstance(bins, Tensor) else bins
    if not _lost(weights):
        held = None if weights is None else tensor_of(weights).data
        counts, edges = np.histogram(x, given, range, density, held)
        return _kept(counts, held), Tensor(edges)
    edges = np.histogram(x, given, range, weights=np.zeros_like(x, dtype=float, shape=np.shape(weights)))[1]
    return _sums(weights, [x.reshape(-1)], [edges], density), Tensor(edges)


@composed(numpy=np.histogram2d)
def histogram2d(
    x: ArrayLike,
    y: ArrayLike,
    bins: Any = 10,
    range: ArrayLike | None = None,
    density: bool | None = None,
    weights: ArrayLike | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """How many points (x, y) are in each bin, or the sums of their `weights`; and the edges along x and y.

    x, y and weights are of shape (n,), the result of one length for each axis. See `histogram`. ValueError
    where NumPy raises it.
    """
    points = [tensor_of(x).data, tensor_of(y).data]
    if not _lost(weights):
        held = None if weights is None else tensor_of(weights).data
        counts, *edges = np.histogram2d(*points, bins, range, density, held)
        return _kept(counts, held), *map(Tensor, edges)  # type: ignore[return-value]
    edges = np.histogram2d(*points, bins, range)[1:]
    return _sums(weights, points, edges, density), *map(Tensor, edges)  # type: ignore[return-value]


@composed(numpy=np.histogramdd)
def histogramdd(
    sample: ArrayLike | Sequence[ArrayLike],
    bins: Any = 10,
    range: Any = None,
    density: bool | None = None,
    weights: ArrayLike | None = None,
) -> tuple[Tensor, list[Tensor]]:
    """How many points of `sample` are in each bin, or the sums of their `weights`; and the edges.

    `sample` is of shape (n, d), or a list of d arrays of shape (n,). See `histogram`. ValueError where NumPy
    raises it.
    """
    if isinstance(sample, (list, tuple)):  # of coordinates
        points = [tensor_of(part).data for part in sample]
        given: Any = points
    else:
        given = tensor_of(sample).data
        points = list(np.atleast_2d(given.T).reshape(-1, given.shape[0]) if given.ndim < 3 else given)
    if not _lost(weights):
        held = None if weights is None else tensor_of(weights).data
        counts, edges = np.histogramdd(given, bins, range, density, held)
        return _kept(counts, held), list(map(Tensor, edges))
    _, edges = np.histogramdd(given, bins, range)
    return _sums(weights, points, edges, density), list(map(Tensor, edges))


def _kept(counts, weights) -> Tensor:
    """Sums of weights in the dtype of these, if they are floats."""
    return Tensor(counts if weights is None or weights.dtype.kind != "f" else counts.astype(weights.dtype))


def _sums(weights, points, edges, density):
    """The sums of the weights in each bin; of shape (n,) for one axis."""
    weights = reshape(tensor_of(weights), -1)
    lengths = [len(e) - 1 for e in edges]
    n = math.prod(lengths)
    index = np.empty_like(points[0], dtype=np.intp)
    _put_bins(index, points, edges, lengths)
    sums = reshape(bincount(index, weights, n + 1)[:n], lengths)  # the last one is of what is outside
    if not density:
        return sums
    widths = 1
    for i, e in enumerate(edges):
        widths = widths * np.diff(e).reshape((-1,) + (1,) * (len(edges) - i - 1))
    return divide(sums, sum(sums) * widths.astype(sums.dtype))


@opaque
def _put_bins(index, points, edges, lengths):
    """The flat number of the bin of each point; the last edge belongs to the last bin."""
    index[...] = 0
    outside = np.zeros_like(index, dtype=bool)
    for x, e, n in zip(points, edges, lengths, strict=True):
        number = np.searchsorted(e, x, side="right") - 1
        number = np.where(x == e[-1], n - 1, number)
        outside |= (number < 0) | (number >= n)
        index *= n
        index += number
    index[outside] = math.prod(lengths)
