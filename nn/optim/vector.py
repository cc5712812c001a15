"""All parameters of an optimizer as one vector, for rules that take products of whole steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

import numpy as np

from ...autograd import versions
from ...autograd.kernels import blocks
from ...autograd.sparse import SparseRows
from .flat import Flat


class Vector:
    """The parameters at these places, (buffer, index in it), in that order.

    `dtype` holds all of them, and is float32 at least. Neighbours of one dtype are a part of a buffer,
    and written to as one array.
    """

    def __init__(self, places: Iterable[tuple[Flat, int]]):
        self._runs: list[tuple[Flat, slice, slice]] = []  # and which part of it, and of the vector
        self.params, self.size = [], 0
        for _, run in groupby(places, key=lambda place: id(place[0])):
            (flat, first), *others = run
            stop = first + len(others) + 1
            part = slice(flat.bounds[first], flat.bounds[stop])
            start, self.size = self.size, self.size + part.stop - part.start
            self._runs.append((flat, part, slice(start, self.size)))
            self.params += flat.params[first:stop]
        self.dtype = np.result_type(np.float32, *[flat.dtype for flat, _, _ in self._runs])

    def values(self) -> list[np.ndarray]:
        """A copy of the parameters, for `move`: an array for each run of neighbours."""
        self._adopt()
        return [flat.values[part].copy() for flat, part, _ in self._runs]

    def move(self, origin: list[np.ndarray], t: Any = 0, d: np.ndarray | None = None) -> None:
        """Set the parameters to origin + t * d, where there is a d."""
        self._adopt()
        for old, (flat, part, place) in zip(origin, self._runs, strict=True):
            new = flat.values[part]
            if d is None:
                new[...] = old
                continue
            along = d[place]
            for some in blocks(new.size, 1):
                np.add(old[some], along[some] * t, out=new[some], casting="same_kind")
        versions.mark_written(*[p.data for p in self.params])

    def gradient(self, sparse: Callable[[], Any]) -> np.ndarray:
        """The gradients, in a new array: zeros where there is none. Calls `sparse` for one that is sparse."""
        parts = []
        for p in self.params:
            if isinstance(p.grad, SparseRows):
                sparse()
            parts.append(np.zeros(p.size, p.dtype) if p.grad is None else p.grad.reshape(-1))
        return np.concatenate(parts, dtype=self.dtype)

    def _adopt(self) -> None:
        for flat, _, _ in self._runs:
            flat.adopt()
