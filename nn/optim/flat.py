"""Parameters in one flat buffer, so that an update runs over long arrays and not over many short ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import numpy as np

from ...autograd import Tensor, engine

CHUNK = 65536  # elements of one piece: the five arrays of an Adam update then stay in a core's cache


class Flat:
    """The arrays of `params` (of one dtype) in one buffer, and the optimizer's state laid out likewise.

    Each `p.data` becomes a view of `values`, with the same numbers. Arrays that other code keeps (a view of
    `p.data` taken earlier) no longer belong to the parameter then.
    """

    def __init__(self, params: Sequence[Tensor], names: Sequence[str]):
        self.params = list(params)
        self.shapes = [p.shape for p in params]
        self.spans = [slice(a, b) for a, b in pairwise(accumulate((p.size for p in params), initial=0))]
        total, dtype = self.spans[-1].stop, params[0].dtype
        self.values = np.empty(total, dtype)
        self.state = {name: np.zeros(total, dtype) for name in names}
        self.steps = [0] * len(self.params)
        self.scratch = np.empty((2, min(total, CHUNK)), dtype)  # of the update
        self._joined = np.empty(min(total, CHUNK), dtype)
        self._views: list[np.ndarray | None] = [None] * len(self.params)
        self.adopt()

    def adopt(self) -> None:
        """Make every `p.data` a view of the buffer: where it is another array by now, copy that in."""
        for i, p in enumerate(self.params):
            if p.data is not self._views[i]:
                if p.shape != self.shapes[i] or p.dtype != self.values.dtype:
                    raise ValueError(
                        f"a parameter was {self.shapes[i]} {self.values.dtype} when the optimizer was made, "
                        f"it is {p.shape} {p.dtype} now; make a new optimizer"
                    )
                view = self.values[self.spans[i]].reshape(p.shape)
                view[...] = p.data
                p.data = self._views[i] = view

    def pieces(self) -> Iterator[tuple[slice, np.ndarray, int]]:
        """(place in the buffers, 1-D gradient, updates so far) of all parameters with a gradient, in pieces.

        Neighbours are joined up to CHUNK elements, larger parameters are cut; gradients are copied only where
        they are joined. A piece ends before a parameter without gradient or with another number of updates.
        """
        joined: list[np.ndarray] = []
        start = steps = 0
        for p, span, n in zip(self.params, self.spans, self.steps, strict=True):
            g = p.grad
            if joined and (g is None or n != steps or span.stop - start > CHUNK):
                yield self._join(joined, start, steps)
                joined = []
            if g is None:
                continue
            g = g.reshape(-1)
            if g.size > CHUNK:
                for a in range(0, g.size, CHUNK):
                    b = min(a + CHUNK, g.size)
                    yield slice(span.start + a, span.start + b), g[a:b], n
                continue
            if not joined:
                start, steps = span.start, n
            joined.append(g)
        if joined:
            yield self._join(joined, start, steps)

    def _join(self, gradients: list[np.ndarray], start: int, steps: int) -> tuple[slice, np.ndarray, int]:
        g = gradients[0]
        if len(gradients) > 1:
            size = sum(g.size for g in gradients)
            g = np.concatenate(gradients, out=self._joined[:size])
        return slice(start, start + g.size), g, steps

    def count_step(self) -> None:
        """Note that all parameters with a gradient were written to."""
        for i, p in enumerate(self.params):
            if p.node is not None and p.grad is not None:
                self.steps[i] += 1
                engine.mark_written(p.data)
