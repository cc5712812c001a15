"""Sums, means and maxima of rows of a table."""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor, op
from ...autograd.adding import Segments, added_at, taken_at
from ...autograd.arrays import HALF, ArrayLike, as_array, opaque
from ._inputs import as_float, where
from ._tables import check_norm, check_within, gradient_of_table, hold_rows, ids_of, is_leaf, row_of

__all__ = ["embedding_bag"]


def _flops(inputs, outputs, attributes):
    samples = attributes["ids"].shape[0]
    return samples * outputs[0][-1] * (2 if len(inputs) > 1 and inputs[1] else 1)


@op(inputs=2, flops=_flops)
def _embedding_bag(needs, weight, scale, ids, bags, count, divisor=None, by_frequency=False, sparse=False):
    """The sum of the rows weight[ids[i]] * scale[i] of each of `count` bags, bags[i] being that of i.

    Divided by `divisor`, a number or one for each bag, where it is given; scale may be None.
    """
    ids, bags = as_array(ids), as_array(bags)
    shape, dtype = weight.shape, weight.dtype
    if divisor is not None and not isinstance(divisor, (int, float)):
        divisor = divisor[:, None]
    if scale is None:
        sums = taken_at(weight, ids, bags, (count, shape[1]))
    else:
        sums = added_at(np.take(weight, ids, 0) * scale[:, None], bags, (count, shape[1]))
    if divisor is not None:
        sums /= divisor
    weight, scale = weight if needs[1] else None, scale if needs[0] else None

    def backward(g):
        if divisor is not None:
            g = g / divisor
        dw = dscale = None
        if needs[0] and scale is None and not by_frequency and not sparse:
            dw = taken_at(g, bags, ids, shape)
        elif needs[0]:
            rows = np.take(g, bags, 0)
            rows = rows if scale is None else rows * scale[:, None]
            dw = gradient_of_table(rows, ids, shape, None, by_frequency, sparse)
        if needs[1]:
            dscale = np.vecdot(np.take(g, bags, 0), np.take(weight, ids, 0))
        return dw, dscale

    return sums if sums.dtype == dtype else sums.astype(dtype), backward


@opaque
def _find_largest(largest, table, ids, bags):
    """largest[b, j] becomes the first of the ids in bag b whose row has the largest number in column j."""
    segments = Segments(bags.astype(np.intp, copy=False), len(largest))
    ids = ids[segments.order]
    for a, b in pairwise(segments.bounds):
        if a < b:
            of_bags = ids[segments.begins[a] : segments.begins[b]].reshape(b - a, -1)
            first = _first_largest(table.take(of_bags, 0))
            largest[segments.rows[a:b]] = of_bags[np.arange(b - a)[:, None], first]


def _first_largest(x):
    """x.argmax(axis=1) of three axes, in half the time: that jumps from row to row for each number."""
    length = x.shape[1]
    top = np.maximum.reduce(x, 1)
    if length > 255 or np.isnan(top).any():
        return x.argmax(axis=1)
    ranks = np.arange(length, 0, -1, dtype=np.uint8)[:, None]
    return length - np.maximum.reduce((x == top[:, None]) * ranks, 1).astype(np.intp)


def _largest(weight: Tensor, ids: np.ndarray, bags: np.ndarray, counts: np.ndarray) -> Tensor:
    largest = np.zeros_like(ids, shape=(counts.shape[0], weight.shape[1]), dtype=np.intp)
    _find_largest(largest, weight.data, ids, bags)
    if not weight.shape[0]:
        weight = ag.concatenate([weight, np.zeros_like(weight.data, shape=(1, weight.shape[1]))])
    out = ag.take_along_axis(weight, largest, 0)
    filled = counts > 0
    return out if bool(filled.all()) else ag.where(filled[:, None], out, 0)


def embedding_bag(
    input: ArrayLike,
    weight: ArrayLike,
    offsets: ArrayLike | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: ArrayLike | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or max (`mode`) of the rows weight[id] in each bag of ids, (bags, width).

    input (bags, n) has a bag in each row; of input (n,) bag i begins at offsets[i], and the last one ends
    with it, or with `include_last_offset` at the last of the offsets. weight is (vocabulary, width). Rows are
    multiplied by `per_sample_weights`, in the shape of input and for "sum" alone. Ids that are `padding_idx`
    are left out; an empty bag gives zeros. In a maximum the first of equals has the gradient, and nan counts
    as the largest. The other options are those of `embedding`; neither `sparse` nor `scale_grad_by_freq` goes
    with "max". ValueError for shapes, offsets and options that do not fit, TypeError for ids that are no
    integers, IndexError for one outside.
    """
    name = "embedding_bag"
    if getattr(weight, "dtype", HALF).kind == "i" and getattr(input, "dtype", np.dtype(int)).kind == "f":
        warnings.warn("embedding_bag: input, the ids, comes before weight", DeprecationWarning, stacklevel=2)
        input, weight = weight, input  # once PyTorch's order
    weight = as_float(weight)
    if weight.ndim != 2:
        raise ValueError(f"{where(name)}: weight is (vocabulary, width), not of shape {weight.shape}")
    ids = ids_of(name, "ids", input)
    scale = _weights_of(name, per_sample_weights, ids, weight, mode)
    _check_mode(name, mode, scale_grad_by_freq, sparse)
    ids, bags, count, end = _bags_of(name, ids, offsets, include_last_offset)
    check_within(name, ids, weight.shape[0])
    padding = row_of(name, padding_idx, weight.shape[0])
    if scale is not None:
        scale = scale.reshape(-1)[:end] if end is not None else scale.reshape(-1)
    if max_norm is not None:
        check_norm(name, max_norm, norm_type)
        hold_rows(name, weight, ids, max_norm, norm_type)
    if padding is not None and bool((ids == padding).any()):
        kept = ids != padding
        ids, bags, scale = ids[kept], bags[kept], None if scale is None else scale[kept]
    divisor = None
    if mode != "sum":
        counts = added_at(np.ones_like(ids, dtype=weight.dtype), bags, (count,))
        if mode == "max":
            return _largest(weight, ids, bags, counts)
        divisor = np.maximum(counts, 1)
    options = bool(scale_grad_by_freq), bool(sparse) and is_leaf(weight)
    return _embedding_bag(weight, scale, ids, bags, count, divisor, *options)


def _check_mode(name: str, mode: str, by_frequency: bool, sparse: bool) -> None:
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"{where(name)}: mode is 'sum', 'mean' or 'max', not {mode!r}")
    for argument, given in (("scale_grad_by_freq", by_frequency), ("sparse", sparse)):
        if given and mode == "max":
            raise ValueError(f"{where(name)}: {argument}=True goes with mode='sum' or 'mean', not 'max'")


def _weights_of(name: str, given, ids: np.ndarray, weight: Tensor, mode: str) -> Tensor | None:
    """per_sample_weights as a Tensor of the dtype of weight."""
    if given is None:
        return None
    if mode != "sum":
        raise ValueError(f"{where(name)}: per_sample_weights are for mode='sum', not {mode!r}")
    dtype = getattr(given, "dtype", weight.dtype)
    scale = as_float(given, weight)
    if scale.shape != ids.shape:
        raise ValueError(
            f"{where(name)}: per_sample_weights of shape {scale.shape} for an input of shape {ids.shape}"
        )
    if dtype.kind == "f" and dtype != weight.dtype:
        raise TypeError(
            f"{where(name)}: per_sample_weights are {dtype}, weight is {weight.dtype}; "
            f"use per_sample_weights.astype(np.{weight.dtype})"
        )
    return scale if scale.dtype == weight.dtype else scale.astype(weight.dtype)


def _bags_of(name: str, ids: np.ndarray, offsets, include_last: bool):
    """(ids in a row, the bag of each, how many bags there are, where the last ends if before the others)."""
    if ids.ndim == 2:
        if offsets is not None:
            raise ValueError(f"{where(name)}: an input of shape {ids.shape} has its bags in rows, no offsets")
        count, length = ids.shape
        return ids.reshape(-1), np.repeat(np.arange(count), length), count, None
    if ids.ndim != 1:
        raise ValueError(f"{where(name)}: input is (n,) with offsets, or (bags, n), not of shape {ids.shape}")
    if offsets is None:
        raise ValueError(f"{where(name)}: an input of shape {ids.shape} needs offsets, where each bag begins")
    starts = ids_of(name, "offsets", offsets)
    if starts.ndim != 1 or (include_last and not starts.size):
        wanted = "(bags + 1,)" if include_last else "(bags,)"
        raise ValueError(f"{where(name)}: offsets are {wanted}, not of shape {starts.shape}")
    n, count = ids.size, starts.size - bool(include_last)
    if starts.size and bool(starts[0] != 0):
        raise ValueError(f"{where(name)}: the first of the offsets is 0, not {int(starts[0])}")
    if starts.size and (bool((starts[1:] < starts[:-1]).any()) or bool(starts[-1] > n)):
        raise ValueError(f"{where(name)}: offsets must not fall, nor pass the {n} ids: {_short(starts)}")
    end = None
    if not count:
        end = 0
    elif include_last and bool(starts[-1] < n):
        end = int(starts[-1])
    bags = np.searchsorted(starts[:count], np.arange(n if end is None else end, like=ids), side="right") - 1
    return ids if end is None else ids[:end], bags, count, end


def _short(offsets: np.ndarray) -> str:
    return np.array2string(np.asarray(offsets), separator=", ", threshold=20)
