"""Sparse gradients: the rows of a table that were used are updated, and no whole gradient is made."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...autograd.kernels import blocks
from ...autograd.sparse import SparseRows
from .flat import Flat


class Table(NamedTuple):
    """A parameter with a sparse gradient, and where it is: which of the buffers, which parameter in it."""

    buffer: int
    place: int
    gradient: SparseRows


def take_sparse(found: Sequence[list[Any]]) -> list[Table]:
    """The sparse ones among the gradients of each buffer; in their place there is None then."""
    tables = []
    for buffer, gradients in enumerate(found):
        for place, g in enumerate(gradients):
            if type(g) is SparseRows:
                tables.append(Table(buffer, place, g))
                gradients[place] = None
    return tables


def refuse_decay(name: str, group: Mapping[str, Any]) -> None:
    """Raise ValueError for a weight decay, which would change all rows of a table, as PyTorch does."""
    if group["weight_decay"]:
        raise ValueError(
            f"{name}: weight_decay changes all rows of a table, and its gradient is sparse; give the table a "
            'group of its own, {"params": [table], "weight_decay": 0}, or use sparse=False'
        )


def arrays_of(
    flat: Flat, place: int, g: SparseRows
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """(a parameter of a buffer, the rows that its gradient g has, g's values, the parameter's state).

    All but the rows are tables of (rows, numbers in a row), views where they are in the buffer.
    """
    table = g.shape[0], math.prod(g.shape[1:])
    p = flat.values[flat.spans[place]].reshape(table)
    state = {name: array.reshape(table) for name, array in flat.state_of(place).items()}
    return p, g.indices, g.values.reshape(g.indices.size, table[1]), state


def in_blocks(rows: np.ndarray, values: np.ndarray, *tables: np.ndarray) -> Iterator[list[np.ndarray]]:
    """[gradient, rows of each table] for some of the `rows` at a time, copies, which are then put back."""
    for some in blocks(rows.size, values.shape[1]):
        at = rows[some]
        parts = [table.take(at, 0) for table in tables]
        yield [values[some], *parts]
        for table, part in zip(tables, parts, strict=True):
            table[at] = part
