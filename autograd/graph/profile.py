"""Times and values of each op, measured on request."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from .. import engine, modes
from . import units


@dataclass
class Measured:
    """What was seen of one node; statistics are of the finite numbers in its (first) output."""

    op: str
    forward: float  # seconds
    backward: float | None = None  # None until it has run
    bad: int = 0  # NaN and infinite numbers
    mean: float = math.nan
    std: float = math.nan
    low: float = math.nan
    high: float = math.nan

    @property
    def rms(self) -> float:
        return math.hypot(self.mean, self.std)


class profile:  # noqa: N801  (reads like the function that it stands for: `with profile() as p:`)
    """Measures all that is recorded inside: `with profile() as p: loss = f(); loss.backward()`.

    `nodes` has what was measured by creation number, which Graph nodes have too. Ops are pure, so the
    time of a forward is that of a second run of the op's function, alone.
    """

    def __init__(self) -> None:
        self.nodes: dict[int, Measured] = {}

    def __enter__(self) -> profile:
        self._switch = modes.observing(self._measure)
        self._switch.__enter__()
        return self

    def __exit__(self, *exc) -> None:
        self._switch.__exit__()

    def __repr__(self) -> str:
        times = f"forward {units.seconds(sum(m.forward for m in self.nodes.values()))}"
        backward = [m.backward for m in self.nodes.values() if m.backward is not None]
        times += f", backward {units.seconds(sum(backward))}" if backward else ""
        return f"<profile of {len(self.nodes)} nodes: {times}>"

    def _measure(self, node: engine.Node, recipe, out) -> None:
        start = perf_counter()
        recipe.run(node.op.body)
        measured = self.nodes[node.order] = Measured(node.name, perf_counter() - start)
        _look_at(out[0] if isinstance(out, (tuple, list)) else out, measured)
        node.backward = _timed(node.backward, measured)


def _timed(backward, measured: Measured):
    def timed(g):
        start = perf_counter()
        grads = backward(g)
        measured.backward = (measured.backward or 0.0) + perf_counter() - start
        return grads

    return timed


def _look_at(array: np.ndarray, measured: Measured) -> None:
    finite = np.isfinite(array)
    measured.bad = array.size - int(finite.sum())
    numbers = array[finite] if measured.bad else array
    if numbers.size:
        measured.mean = float(numbers.mean(dtype=np.float64))
        measured.std = float(numbers.std(dtype=np.float64))
        measured.low, measured.high = float(numbers.min()), float(numbers.max())
