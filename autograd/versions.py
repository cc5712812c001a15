"""Writes in place: a backward that saved an array refuses to run when that was written to in between."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from functools import partial
from types import FunctionType
from weakref import ref

import numpy as np
from numpy.lib.array_utils import byte_bounds

clock = itertools.count(1)  # counts nodes as they are made, and writes
last_write = 0  # clock reading of the newest write to a leaf
MANY = 64  # regions of one array that are told apart
# By the id of the array that owns memory: the array, and (first, last address + 1) in it: clock reading.
_regions: dict[int, tuple[ref, dict[tuple[int, int], int]]] = {}
_written: dict[int, tuple[int, ref]] = {}  # id of an array that was written to: (clock reading, the array)


def mark_written(*arrays: np.ndarray) -> None:
    """Note that arrays of leaves were changed in place: a backward that saved one can refuse to run then."""
    global last_write
    last_write = now = next(clock)
    for array in arrays:
        if not isinstance(array, np.ndarray):  # memory of another library
            continue
        key = id(array)
        known = _written.get(key)
        _written[key] = (now, ref(array, partial(_forget, key)) if known is None else known[1])


def mark_region(array: np.ndarray) -> None:
    """Note that `array`, perhaps a view that lives no longer than this call, was changed in place."""
    global last_write
    if not isinstance(array, np.ndarray) or not array.size:
        return
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    last_write = now = next(clock)
    key = id(owner)
    if key not in _regions:
        _regions[key] = (ref(owner, partial(_forget_regions, key)), {})
    _, regions = _regions[key]
    regions[byte_bounds(array)] = now
    if len(regions) > MANY:  # as one
        lows, highs = zip(*regions, strict=True)
        regions.clear()
        regions[min(lows), max(highs)] = now


def _forget_regions(key: int, _) -> None:
    _regions.pop(key, None)


def _forget(key: int, _) -> None:
    _written.pop(key, None)


def saved_arrays(node) -> Iterator[tuple[str, np.ndarray]]:
    """(name, array) of all that a node's backward closes over, itself or in functions that it calls."""
    return _arrays_in("", node.backward, set())


def _arrays_in(name: str, value, seen: set) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(value, np.ndarray):
        yield name, value
    elif isinstance(value, (tuple, list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _arrays_in(name, item, seen)
    elif isinstance(value, FunctionType) and value not in seen:
        seen.add(value)
        for free, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            try:
                yield from _arrays_in(free, cell.cell_contents, seen)
            except ValueError:  # a name that was never assigned
                continue


def written_among(arrays: Iterable[tuple[str, np.ndarray]], since: int) -> str | None:
    """The name of one that shares memory with what was written to after this reading of the clock."""
    changed = [alive() for when, alive in list(_written.values()) if when > since]
    regions = [
        bounds for _, known in list(_regions.values()) for bounds, when in list(known.items()) if when > since
    ]
    for name, array in arrays if changed or regions else ():
        if any(leaf is not None and np.may_share_memory(array, leaf) for leaf in changed):
            return name
        if regions and array.size:
            low, high = byte_bounds(array)
            if any(first < high and low < last for first, last in regions):
                return name
    return None


def check_unwritten(node, saved) -> None:
    """Raise if an array in `saved` shares memory with a leaf that was written to after `node` was made."""
    name = written_among(_arrays_in("an input", saved, set()), node.order)
    if name is not None:
        raise RuntimeError(
            f"backward through {node.name}: `{name}`, which it saved, shares memory with a Tensor that "
            "was changed in place after the forward pass (by an optimizer step, loading, or +=). Run "
            "backward before it, or the forward again after it."
        )
