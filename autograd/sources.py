"""Where random numbers come from: states that are read, and gone on from, for a function to be run twice."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from .arrays import drawn, opaque


class Source:
    """Something that random numbers are drawn from: how its state is read, and how it goes on from one."""

    def __init__(self, read: Callable[[], Any], write: Callable[[Any], None]):
        self.read, self.write = read, write

    def state(self) -> Any:
        return self.read()

    def restore(self, state: Any) -> None:
        self.write(state)

    def is_in(self, state: Any) -> bool:
        """Whether nothing was drawn since it was in that state."""
        return self.read() == state


class Replayed(Source):
    """One whose state is an array: a replay of NumPy's calls reads and writes it too."""

    def state(self) -> ndarray:
        return drawn(self.read)

    def restore(self, state: ndarray) -> None:
        opaque(self.write)(state)

    def is_in(self, state: ndarray) -> bool:
        return type(state) is ndarray and np.array_equal(
            self.read(), state
        )  # a replay may draw where this did not


def _read_numpy() -> Any:
    """The state of np.random; None as long as nobody has imported it, which takes 5 ms."""
    if "numpy.random" not in sys.modules:
        return None
    state: Any = np.random.mtrand._rand.get_state(legacy=False)
    inner = {k: v.tobytes() if isinstance(v, ndarray) else v for k, v in state["state"].items()}
    return {**state, "state": inner}


def _write_numpy(state: Any) -> None:
    if state is not None:
        inner = {k: np.frombuffer(v, np.uint32) if type(v) is bytes else v for k, v in state["state"].items()}
        np.random.mtrand._rand.set_state({**state, "state": inner})


def _read_python() -> Any:
    module = sys.modules.get("random")
    return None if module is None else module.getstate()


def _write_python(state: Any) -> None:
    if state is not None:
        sys.modules["random"].setstate(state)


# nn adds the generator of this package.
sources: list[Source] = [Source(_read_numpy, _write_numpy), Source(_read_python, _write_python)]
