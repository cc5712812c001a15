"""What embedding and embedding_bag share: ids, padding, rows held to a norm, the table's gradient."""

from __future__ import annotations

import math
from contextvars import ContextVar
from numbers import Real
from operator import index

import numpy as np

from ...autograd import Tensor, versions
from ...autograd.adding import added_at
from ...autograd.arrays import as_array
from ...autograd.replay import NotReplayableError
from ...autograd.sparse import SparseRows
from ._inputs import are_within, where

shared: ContextVar[bool] = ContextVar("whether other workers use the memory of the parameters", default=False)


def ids_of(name: str, argument: str, given) -> np.ndarray:
    """`given` as an array of integers; TypeError for others."""
    ids = given.data if isinstance(given, Tensor) else as_array(given)
    if ids.dtype.kind not in "iu" and ids.size:
        raise TypeError(f"{where(name)}: {argument} must be integers, not {ids.dtype}")
    return ids if ids.dtype.kind in "iu" else ids.astype(np.intp)


def check_within(name: str, ids: np.ndarray, n: int) -> None:
    """Raise IndexError for an id that is not from 0 to n - 1."""
    if not are_within(ids, n):
        bad = np.argwhere(np.atleast_1d((ids < 0) | (ids >= n)))[0]
        at = tuple(bad.tolist())
        raise IndexError(
            f"{where(name)}: id {np.atleast_1d(ids)[at]} at {at} is outside the vocabulary of {n} "
            + (f"(0 to {n - 1})" if n else "rows")
        )


def row_of(name: str, padding_idx, n: int) -> int | None:
    """`padding_idx` counted from 0; ValueError where it is none of n rows."""
    if padding_idx is None:
        return None
    row = index(padding_idx)
    if not -n <= row < n:
        raise ValueError(f"{where(name)}: padding_idx {row} is outside the {n} rows")
    return row % n


def check_norm(name: str, max_norm, norm_type) -> None:
    """Raise TypeError or ValueError for a largest norm, or a kind of norm, that is none."""
    for argument, value in (("max_norm", max_norm), ("norm_type", norm_type)):
        if value is not None and (not isinstance(value, Real) or isinstance(value, bool)):
            raise TypeError(f"{where(name)}: {argument} is a number, not {value!r}")
    if max_norm is not None and not max_norm >= 0:
        raise ValueError(f"{where(name)}: max_norm must be 0 or more, not {max_norm}")
    if norm_type is None or not norm_type > 0:
        raise ValueError(f"{where(name)}: norm_type must be above 0, not {norm_type}")


def hold_rows(name: str, weight, ids: np.ndarray, max_norm: float, norm_type: float) -> None:
    """Scale the rows `ids` of `weight` down to a norm of max_norm at most, in place."""
    table = weight.data if isinstance(weight, Tensor) else weight
    if hasattr(table, "opaque_call") or hasattr(ids, "opaque_call"):
        raise NotReplayableError(f"{where(name)} with max_norm changes the table, which a replay would not")
    if shared.get():
        raise RuntimeError(
            f"{where(name)}: max_norm changes the table, which several workers would do at once; use one "
            "worker, or scale the rows after the step"
        )
    rows = np.unique(ids)
    found = table[rows].astype(np.float64).reshape(rows.size, math.prod(table.shape[1:]))
    norms = _norms(found, norm_type)
    over = norms > max_norm
    if over.any():
        scale = max_norm / (norms[over] + 1e-7)
        table[rows[over]] = (found[over] * scale[:, None]).reshape(-1, *table.shape[1:])
        versions.mark_written(table)


def _norms(rows: np.ndarray, p: float) -> np.ndarray:
    size = np.absolute(rows)
    if math.isinf(p):
        return size.max(axis=1, initial=0)
    return np.sqrt((size * size).sum(axis=1)) if p == 2 else (size**p).sum(axis=1) ** (1 / p)


def is_leaf(weight) -> bool:
    """Whether the gradient of `weight` may be sparse: that of what is computed goes on through its graph."""
    return isinstance(weight, Tensor) and weight.edge is not None and weight.is_leaf


def gradient_of_table(g, ids, shape, padding_idx, by_frequency, sparse):
    """Of a table of `shape` the gradient, of which g has a row for each of `ids`.

    `by_frequency` divides each row by how often its id occurs; the row `padding_idx` gets none. A `sparse`
    one is made of ndarrays only: where the gradient is differentiated, or captured, it is whole.
    """
    if by_frequency:
        counts = added_at(np.ones_like(g, shape=ids.shape), ids, shape[:1])
        g = g / np.take(counts, ids).reshape(ids.shape + (1,) * (len(shape) - 1))
    if sparse and type(g) is np.ndarray:
        rows, values = ids.reshape(-1), g.reshape(-1, *shape[1:])
        if padding_idx is not None:
            kept = rows != padding_idx
            rows, values = rows[kept], values[kept]
        return SparseRows(rows.astype(np.intp), values, shape)
    dw = added_at(g, ids, shape)
    if padding_idx is not None:
        dw[padding_idx] = 0
    return dw
