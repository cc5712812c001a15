"""A batch cut along the first axis of its arrays, one share for each worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...autograd import Tensor


def rows_of(batch: tuple, workers: int, accumulate: int = 1) -> int:
    """How many rows a batch has.

    ValueError unless all its arrays and lists have equally many, and each of the `accumulate` pieces of each
    worker gets one at least. Tuples and dicts are looked into; a list is one item for each row; everything
    else is a constant.
    """
    least = workers * accumulate
    sizes = list(_sizes(batch))
    rows = {shape[0] for shape in sizes}
    if len(rows) != 1 or min(rows) < least:
        each = f" that compute it in {accumulate} pieces each" if accumulate > 1 else ""
        raise ValueError(
            f"replicas: a batch of arrays with shapes {', '.join(map(str, sizes))} cannot be shared out "
            f"among {workers} workers{each}: all must have the same first axis, with at least {least} rows. "
            "(A list is one item for each row; give several arrays, or constants, as a tuple.)"
        )
    return rows.pop()


def bounds_of(rows: int, shares: int) -> list[range]:
    """The rows of each share: of each worker, or of each worker's pieces, which together are its share."""
    ends = [rows * index // shares for index in range(shares + 1)]
    return [range(start, stop) for start, stop in zip(ends, ends[1:], strict=False)]


def take(item: Any, rows: range | np.ndarray, double: bool = False) -> Any:
    """These rows of everything in `item` that has rows: views for a range, copies for an array. With `double`
    arrays of floats are float64."""
    if isinstance(item, Tensor):
        item = item.data
    if isinstance(item, np.ndarray):
        if item.ndim:
            item = item[slice(rows.start, rows.stop) if isinstance(rows, range) else rows]
        return item.astype(np.float64) if double and item.dtype.kind == "f" else item
    if isinstance(item, list):
        return [item[i] for i in rows]
    if isinstance(item, tuple):
        parts = [take(x, rows, double) for x in item]
        return type(item)(*parts) if hasattr(item, "_fields") else tuple(parts)
    if isinstance(item, Mapping):
        return {key: take(x, rows, double) for key, x in item.items()}
    return item


def kind_of(item: Any) -> Any:
    """What is alike in batches of one kind: how they nest, dtypes and numbers of axes."""
    if isinstance(item, (Tensor, np.ndarray)):
        return item.dtype, item.ndim
    if isinstance(item, tuple):
        return tuple([kind_of(x) for x in item])
    if isinstance(item, Mapping):
        return tuple([(key, kind_of(x)) for key, x in item.items()])
    return type(item)


def is_flat(batch: tuple) -> bool:
    """Whether it consists of arrays and constants: no lists, no dicts, no arrays in tuples."""
    nested = [x for x in batch if isinstance(x, (list, tuple, Mapping))]
    return not any(isinstance(x, (list, Mapping)) or any(True for _ in _sizes(x)) for x in nested)


def _sizes(item: Any) -> Iterator[tuple[int, ...]]:
    """The shape of everything that has rows."""
    if isinstance(item, Tensor) and item.requires_grad:
        raise ValueError(
            "replicas: a Tensor of the batch requires a gradient, which only parameters get; give x.detach()"
        )
    if isinstance(item, (Tensor, np.ndarray)):
        if item.ndim:
            yield item.shape
    elif isinstance(item, list):
        yield (len(item),)
    elif isinstance(item, (tuple, Mapping)):
        for x in item if isinstance(item, tuple) else item.values():
            yield from _sizes(x)
    elif getattr(item, "shape", ()):
        kind = type(item)
        raise ValueError(
            f"replicas: a {kind.__module__}.{kind.__qualname__} cannot be shared out; make it an array"
        )
