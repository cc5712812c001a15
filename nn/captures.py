"""A form of batches with its capture, and the comparison of a replay with the loss itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..autograd import Tensor, engine
from ..autograd.arrays import keeping
from ..autograd.replay import NotReplayableError, Program, Traced
from ..autograd.sparse import SparseRows
from ..autograd.tensor import wrap
from .module import Module, Parameter
from .surroundings import Surroundings

TRIES = MOVES = 4
FIRST = 4  # step after a capture that is compared


class Form:
    """A form of batches: the arrays of the first one, and the capture made with them."""

    def __init__(self, arrays: list[np.ndarray], tries: int = 0):
        self.arrays = [x.copy() for x in arrays]
        self.tries = tries  # to find two batches for which conditions come out alike
        self.moves = 0  # captures that no step was replayed from before a Tensor got another array
        self.program: Program | None = None
        self.written: list[int] = []  # arrays of the batch that the loss writes to
        self._steps = 0  # since the capture
        self._next = FIRST  # of them that is to be compared
        # Of arrays that were the same in all that was compared: those of the batch, samples of others.
        self._unvaried = dict(enumerate(self.arrays))
        self._samples: dict[int, bytes] = {}

    def is_due(self, arrays: list[np.ndarray], around: Surroundings) -> bool:
        """Whether a step is to be compared: in the steps 4, 8, 16, ... after the capture, and where an array
        has other numbers for the first time. What depends on them was never compared."""
        self._steps += 1
        if self.program is None or self._steps >= self._next or self.program.moved():
            return True
        if self._unvaried and self._news(arrays):
            return True
        return bool(self._samples) and any([around.sample(i) != seen for i, seen in self._samples.items()])

    def _news(self, arrays: list[np.ndarray]) -> bool:
        return any([not np.array_equal(arrays[i], x) for i, x in self._unvaried.items()])

    def wants_capture(self, arrays: list[np.ndarray]) -> bool:
        """Whether the comparison is to be with a new capture."""
        moved = self.program is not None and self.program.moved()
        self.moves = self.moves + 1 if moved and self._steps <= 1 else 0
        return self.program is None or moved or self._news(arrays)

    def check(self) -> None:
        """Raises NotReplayableError where no capture is to be made."""
        if self.tries > TRIES:
            raise NotReplayableError("conditions on numbers come out differently from batch to batch")
        if self.moves > MOVES:
            raise NotReplayableError(
                "a Tensor that the loss reads has another array in each step (t.data[...] = x would keep it)"
            )
        for x in self.arrays:
            if type(x) not in (np.ndarray, np.memmap):
                raise NotReplayableError(f"an array of the batch is a {type(x).__name__}, with its own rules")

    def compared(self, arrays: list[np.ndarray], around: Surroundings, fresh: bool) -> None:
        """Note with which arrays a replay gave the same as the loss."""
        self._unvaried = {i: x for i, x in self._unvaried.items() if np.array_equal(arrays[i], x)}
        while self._next <= self._steps:
            self._next *= 2
        if fresh:
            self._steps, self._next = 0, FIRST
            self._samples = dict(enumerate(around.samples()))
        self._samples = {i: x for i, x in self._samples.items() if around.sample(i) == x}


REFUSED = Form([])


class Changes:
    """Inside, arrays that outlive a call of the loss (`arrays.change`) are remembered as they were."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def __enter__(self) -> Changes:
        self._token = keeping.set(self)
        return self

    def __exit__(self, *exc) -> None:
        keeping.reset(self._token)

    def read(self, array: np.ndarray) -> np.ndarray:
        return array

    def change(self, fn: Callable[..., None], targets: Sequence[np.ndarray | None], *args) -> None:
        for target in targets:
            if target is not None and id(target) not in self._before:
                self._before[id(target)] = target, target.copy()
        fn(targets, *args)

    def undo(self) -> None:
        self.write([before for _, before in self._before.values()])

    def now(self) -> list[np.ndarray]:
        return [array.copy() for array, _ in self._before.values()]

    def write(self, contents: list[np.ndarray]) -> None:
        for (array, _), content in zip(self._before.values(), contents, strict=True):
            array[...] = content


@contextmanager
def kept_out(model: Module) -> Iterator[None]:
    """What is made in a capture is taken out of the model's attributes at its end."""
    before = [(vars(module), dict(vars(module))) for module in model.modules()]
    try:
        yield
    finally:
        for own, old in before:
            for name, value in list(own.items()):
                if isinstance(getattr(value, "data", value), Traced):
                    del own[name]
                    own.update({name: old[name]} if name in old else {})


def form_of(x) -> Any:
    if isinstance(x, (np.ndarray, Tensor)):
        return type(x), x.shape, x.dtype
    if getattr(x, "__hash__", None) is None:
        raise TypeError(
            f"nn.replay: a batch is of arrays and of constants that can be hashed, not {type(x).__name__}"
        )
    return type(x), x


def again(x, arrays: Iterator[np.ndarray]) -> Any:
    """What stands for `x` of a batch in a capture: the next of its arrays, if it is one."""
    if isinstance(x, Tensor):
        return wrap(next(arrays), None, type(x))
    return next(arrays) if isinstance(x, np.ndarray) else x


def results(loss: Any, params: list[Parameter]) -> list[np.ndarray | None]:
    """The loss and all gradients."""
    if not isinstance(loss, Tensor):
        raise NotReplayableError(f"the loss gives a {type(loss).__name__}, not a Tensor")
    found: dict = {p.edge: None for p in params if p.edge is not None}
    if loss.edge is not None:
        seed = np.ones(loss.shape, loss.dtype)
        engine.walk([loss.edge], [seed], retain_graph=True, targets=found, hooks=False)
    if any(isinstance(g, SparseRows) for g in found.values()):
        raise NotReplayableError(
            "a table has a sparse gradient, whose number of rows changes; sparse=False is replayed"
        )
    return [loss.data, *found.values()]


def compare(right: list, replayed: list, as_drawn: bool) -> None:
    """Raises NotReplayableError where a replay is not what the loss is."""
    if not as_drawn:
        raise NotReplayableError(
            "the loss draws from nn's generator itself, which a replay would not; use dropout, or draw before"
        )
    if not all(map(_close, right, replayed)):
        raise NotReplayableError(
            "a replay gives other numbers than the loss, which uses numbers that are not in the batch, nor "
            "found in the model and the loss, or NumPy in a way that cannot be captured"
        )


def check_untouched(generators: bool, arrays: bool) -> None:
    """Raises NotReplayableError unless these are as they were before the loss."""
    if not generators:
        raise NotReplayableError(
            "the loss draws random numbers from Python or NumPy themselves, which a replay would not; draw "
            "them before and give them with the batch, or use dropout"
        )
    if not arrays:
        raise NotReplayableError(
            "a replay would give other numbers than the loss, which changes arrays in place beside the batch"
        )


def _close(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    if a is None or b is None:
        return a is b
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind != "f":
        return a.tobytes() == b.tobytes()
    size = np.abs(a[np.isfinite(a)]).max(initial=0)
    rtol = {2: 1e-2, 4: 1e-4}.get(a.itemsize, 1e-9)
    return np.allclose(a, b, rtol=rtol, atol=rtol / 10 * size, equal_nan=True)
