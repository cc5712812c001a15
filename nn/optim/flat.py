"""Parameters in one flat buffer, so that an update runs over long arrays and not over many short ones."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from ...autograd import Tensor, versions

CHUNK = 65536  # elements of one piece: the five arrays of an Adam update then stay in a core's cache


class Loose:
    """Parameters that stay where they are, of an optimizer that has no buffers."""

    def __init__(self, params: Sequence[Tensor]):
        self.params = params
        self.layouts: list[Mapping[str, tuple[int, ...]]] = [{}] * len(params)


class Flat:
    """The arrays of `params` (of one dtype) in one buffer, and the optimizer's state, one for each name.

    `layouts` has the shapes of the state arrays of each parameter, `initial` what fills some of them at once,
    and `numbers` the names of what is one number for each, in float32 as PyTorch has them. Where `whole`, a
    parameter is never cut, nor joined with its neighbours.

    Each `p.data` becomes a view of `values`, with the same numbers. Arrays that other code keeps (a view of
    `p.data` taken earlier) no longer belong to the parameter then.
    """

    def __init__(
        self,
        params: Sequence[Tensor],
        layouts: Sequence[Mapping[str, tuple[int, ...]]],
        numbers: Sequence[str] = (),
        initial: Mapping[str, float] = MappingProxyType({}),
        whole: bool = False,
    ):
        self.params = list(params)
        self.shapes = [p.shape for p in params]
        self.bounds = list(accumulate((p.size for p in params), initial=0))
        self.spans = [slice(a, b) for a, b in pairwise(self.bounds)]
        self.dtype = params[0].dtype
        self.values = np.empty_like(params[0].data, shape=(self.bounds[-1],))
        self.layouts, self.whole = list(layouts), whole
        self.places = self._places()
        ends = {name: spans[-1].stop for name, spans in self.places.items()}
        self.state = {name: np.zeros_like(self.values, shape=(end,)) for name, end in ends.items()}
        self.numbers = {name: np.zeros(len(self.params), np.float32) for name in numbers}
        for name, value in initial.items():
            self.state[name].fill(value)
        self.filled = bool(initial)
        self.steps = np.zeros(len(self.params), np.int64)  # updates of each parameter so far
        self._joined, *self.scratch = self.new_scratch()
        self._views: list[np.ndarray | None] = [None] * len(self.params)
        self.adopt()

    def __getstate__(self) -> dict:
        """Without what a copy has to find anew: its parameters are no views of its buffer until `adopt`."""
        return {**vars(self), "_views": [None] * len(self.params)}

    def _places(self) -> dict[str, list[slice]]:
        """Where the state of each parameter is in the arrays of these names."""
        places = {}
        for name in dict.fromkeys(name for layout in self.layouts for name in layout):
            sizes = (math.prod(layout[name]) if name in layout else 0 for layout in self.layouts)
            places[name] = [slice(a, b) for a, b in pairwise(accumulate(sizes, initial=0))]
        return places

    def new_scratch(self) -> np.ndarray:
        """Four rows as long as a piece: room for its gradient, and three for the update rule."""
        longest = 0 if self.whole else min(self.values.size, CHUNK)
        return np.empty_like(self.values, shape=(4, longest))

    def state_of(self, i: int) -> dict[str, np.ndarray]:
        """The state arrays of a parameter, views in their shapes."""
        shapes = self.layouts[i].items()
        return {name: self.state[name][self.places[name][i]].reshape(shape) for name, shape in shapes}

    def take_over(self, i: int, other: Flat, place: int) -> None:
        """Give parameter i the state that it had at a place of another buffer."""
        if other.layouts[place] != self.layouts[i]:
            return
        self.steps[i] = other.steps[place]
        for name, view in self.state_of(i).items():
            view[...] = other.state_of(place)[name]
        for name, numbers in self.numbers.items():
            numbers[i] = other.numbers[name][place]

    def adopt(self) -> None:
        """Make every `p.data` a view of the buffer: where it is another array by now, copy that in."""
        for i, p in enumerate(self.params):
            if p.data is not self._views[i]:
                if p.shape != self.shapes[i] or p.dtype != self.dtype:
                    raise ValueError(
                        f"a parameter was {self.shapes[i]} {self.dtype} when the optimizer was made, "
                        f"it is {p.shape} {p.dtype} now; make a new optimizer"
                    )
                view = self.values[self.spans[i]].reshape(p.shape)
                view[...] = p.data
                p.data = self._views[i] = view

    def move(self, allocate: Callable[[tuple[int, ...], np.dtype], np.ndarray]) -> None:
        """Put everything into arrays that `allocate(shape, dtype)` gives, as in shared memory."""

        def moved(old: np.ndarray) -> np.ndarray:
            new = allocate(old.shape, old.dtype)
            new[...] = old
            return new

        self.adopt()
        self.values, self.steps = moved(self.values), moved(self.steps)
        if self.filled or self.steps.any():
            self.state = {name: moved(array) for name, array in self.state.items()}
        else:  # memory that nobody has touched takes no room
            self.state = {name: allocate(array.shape, array.dtype) for name, array in self.state.items()}
        self.numbers = {name: moved(array) for name, array in self.numbers.items()}
        self._views = [None] * len(self.params)
        self.adopt()

    def pieces(self, used: Sequence[bool] | np.ndarray, sharers: int = 1) -> Iterator[tuple[slice, int]]:
        """(place in the buffer, its first parameter) of what is `used`, CHUNK elements or less at a time.

        Neighbours are joined; a piece ends before a parameter that is left out, was updated less or more, or
        has other numbers. Pieces are shorter where `sharers` would otherwise not have as much to do each.
        """
        if self.whole:
            chosen = enumerate(zip(self.spans, used, strict=True))
            yield from ((span, i) for i, (span, wanted) in chosen if wanted and span.stop > span.start)
            return
        limit = max(1, min(CHUNK, -(-self.values.size // sharers)))
        for start, stop, first in self._runs(used):
            for a in range(start, stop, limit):
                yield slice(a, min(a + limit, stop)), first

    def _runs(self, used: Sequence[bool] | np.ndarray) -> list[list[int]]:
        """[start, stop, first parameter] of neighbours that are used and alike in steps and numbers."""
        alike: list[Any] = self.steps.tolist()
        if self.numbers:
            alike = list(zip(alike, *[n.tolist() for n in self.numbers.values()], strict=True))
        if all(used) and alike.count(alike[0]) == len(alike):  # almost always
            return [[0, self.values.size, 0]]
        runs: list[list[int]] = []
        for i, (span, wanted) in enumerate(zip(self.spans, used, strict=True)):
            if wanted and runs and runs[-1][1] == span.start and alike[runs[-1][2]] == alike[i]:
                runs[-1][1] = span.stop
            elif wanted:
                runs.append([span.start, span.stop, i])
        return runs

    def gather(self, gradients: Sequence[np.ndarray | None], span: slice) -> np.ndarray:
        """The gradient of a piece: part of one of the 1-D `gradients`, or some of them joined in scratch."""
        i = bisect_right(self.bounds, span.start) - 1
        found: list[np.ndarray] = []
        while self.bounds[i] < span.stop:
            g = gradients[i]
            if g is not None and g.size:
                start = self.bounds[i]
                found.append(g[max(span.start - start, 0) : span.stop - start])
            i += 1
        return (
            found[0] if len(found) == 1 else np.concatenate(found, out=self._joined[: span.stop - span.start])
        )

    def count_step(self, used: Sequence[bool] | np.ndarray) -> None:
        """Note that the parameters that were `used` are written to."""
        self.steps += np.asarray(used)
        pairs = zip(self.params, used, strict=True)
        versions.mark_written(*[p.data for p, written in pairs if written])


def share_memory(params: Sequence[Tensor]) -> bool:
    """Whether the arrays of any two overlap, as far as NumPy can tell. A sort by address finds them."""
    arrays = [p.data for p in params if p.size and isinstance(p.data, np.ndarray)]
    bounds = sorted(map(np.lib.array_utils.byte_bounds, arrays))
    return any(start < end for (_, end), (start, _) in pairwise(bounds))
