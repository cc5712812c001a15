"""Training from a capture: the NumPy calls of a loss and its gradients without the Python in between."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..autograd import Tensor, grad
from ..autograd.modes import current
from ..autograd.replay import DivergedError, NotReplayableError, Program, capturing
from . import random
from .module import Module, Parameter
from .structure import Structure

MOST = 32  # captures that are kept; each has memory for a step
TRIES = 4


def replay(model: Module, loss: Callable[..., Tensor]) -> Replay:
    """`loss(model, *batch)` as a function of the batch that is captured once and then replayed.

        loss_of = nn.replay(model, loss)
        for x, y in batches:
            value = loss_of(x, y)  # a Tensor; backward, optimizer and all else as ever
            value.backward()

    A replay makes the same NumPy calls in memory that is kept, and gives the same numbers. It is for small
    models, whose time goes into Python rather than into arithmetic. There is a capture for each combination
    of shapes and dtypes of the batch's arrays, of training and evaluation mode and of frozen parameters.
    Other arguments are constants, as is what Python does while capturing: hooks and prints inside are not run
    again. Dropout is drawn anew. If a condition on numbers comes out differently, that step runs as it is.
    The first batch is not replayed. With the second one the capture is made and compared with the loss
    itself: where they differ, or where the loss cannot be captured, a warning says why and nothing is
    replayed (arrays that the loss changes in place are changed twice more by that). A capture keeps the
    memory of a step.

    Call `backward` at most once, and before the next step. Where nothing is recorded for gradients (no_grad)
    or everything is (higher_order), or where the batch itself wants gradients, `loss` is simply called.
    """
    return Replay(model, loss)


class Replay:
    """A loss with its captures; made by `replay`.

    `places`: arrays for gradients by id of their parameters. A gradient that an engine walk gives may be the
    place itself, which the next backward fills anew.
    """

    def __init__(
        self, model: Module, loss: Callable[..., Tensor], places: Mapping[int, np.ndarray] | None = None
    ):
        self.model = model
        self.loss = loss
        self._places = places
        self._structure: Structure | None = None
        self._known: dict[Any, _Seen] = {}

    def __call__(self, *batch) -> Tensor:
        batch = tuple([x.data if isinstance(x, Tensor) and x.edge is None else x for x in batch])
        mode = current.get()
        if not mode.grad or mode.recipes or mode.observers or any(isinstance(x, Tensor) for x in batch):
            return self.loss(self.model, *batch)
        if capturing.get() is not None:  # inside of another capture
            return self.loss(self.model, *batch)
        if self._structure is None or self._structure.change() is not None:
            self._structure = Structure(self.model, (Module, Parameter, np.ndarray))
            self._known = {key: REFUSED for key, known in self._known.items() if known is REFUSED}
        arrays = [x for x in batch if isinstance(x, np.ndarray)]
        key = self._structure.modes(), tuple([_form(x) for x in batch])
        known = self._known.get(key)
        try:
            if known is not None and known is not REFUSED:
                return self._replayed(known, batch, arrays)
        except NotReplayableError as problem:
            self._refuse(key, problem)
        except DivergedError:
            if known is not None and known.program is None:  # between the first batch and this
                self._known[key] = _Seen(arrays, known.tries + 1)
        if known is None:
            while len(self._known) >= MOST:
                del self._known[next(iter(self._known))]
            self._known[key] = _Seen(arrays)
        loss = self.loss(self.model, *batch)
        if self._known[key] is not REFUSED and self._structure.change() is not None:
            self._refuse(key, f"the loss replaces {self._structure.change()!r} of the model")
        return loss

    def _refuse(self, key, problem: object) -> None:
        self._known[key] = REFUSED
        warnings.warn(f"nn.replay: {problem}; this loss is not replayed", RuntimeWarning, stacklevel=3)

    def _replayed(self, known: _Seen, batch: tuple, arrays: list[np.ndarray]) -> Tensor:
        program = known.program
        if known.tries > TRIES:
            raise NotReplayableError("conditions on numbers come out differently from batch to batch")
        if program is None or program.moved() or known.news(arrays):
            known.program = program = None  # its memory may be needed
            known.program = program = self._captured(known.arrays, batch, arrays)
            known.compared(arrays)
        if not program.draws:
            return program.run(arrays)
        with random.kept(on_error=True):  # what runs in place of this draws the same numbers
            return program.run(arrays)

    def _captured(self, first: list[np.ndarray], batch: tuple, arrays: list[np.ndarray]) -> Program:
        """A capture with the arrays `first`, after it has given the right numbers for `batch`."""
        assert self._structure is not None

        def fn(*given):
            left = iter(given)
            return self.loss(self.model, *(next(left) if isinstance(x, np.ndarray) else x for x in batch))

        leaves = self._structure.params
        try:
            with random.kept():
                right = _numbers(fn(*arrays), leaves)
            with random.kept():
                program = Program(fn, first, leaves, self._places)
        finally:
            self._structure.restore()
        with random.kept():
            replayed = _numbers(program.run(arrays), leaves)
        if not all(map(_close, right, replayed)):
            raise NotReplayableError(
                "a replay gives other numbers than the loss, which uses numbers that are neither in the "
                "batch nor the model's parameters, or NumPy in a way that cannot be captured"
            )
        return program

    def __repr__(self) -> str:
        count = sum(known.program is not None for known in self._known.values())
        return f"Replay({type(self.model).__name__}, {count} captures)"


class _Seen:
    """A form of batches: the arrays of the first one, and the capture made with them."""

    def __init__(self, arrays: list[np.ndarray], tries: int = 0):
        self.arrays = [x.copy() for x in arrays]
        self.tries = tries  # to find two batches for which conditions come out alike
        self.program: Program | None = None
        self._unvaried = dict(enumerate(self.arrays))  # those that were the same in all that was compared

    def news(self, arrays: list[np.ndarray]) -> bool:
        """Whether an array has other numbers for the first time: what depends on it was never compared."""
        return any([not np.array_equal(arrays[i], x) for i, x in self._unvaried.items()])

    def compared(self, arrays: list[np.ndarray]) -> None:
        self._unvaried = {i: x for i, x in self._unvaried.items() if np.array_equal(arrays[i], x)}


REFUSED = _Seen([])


def _form(x) -> Any:
    if isinstance(x, np.ndarray):
        return x.shape, x.dtype
    if getattr(x, "__hash__", None) is None:
        raise TypeError(
            f"nn.replay: a batch is of arrays and of constants that can be hashed, not {type(x).__name__}"
        )
    return type(x), x


def _numbers(loss: Tensor, leaves: list[Parameter]) -> list[np.ndarray | None]:
    """The loss and all gradients."""
    if not isinstance(loss, Tensor) or loss.edge is None:
        return [np.asarray(getattr(loss, "data", loss))]
    wanted = [p for p in leaves if p.requires_grad]
    found = grad(loss, wanted, np.ones(loss.shape, loss.dtype), allow_unused=True)
    return [loss.data, *(g if g is None else g.data for g in found)]


def _close(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    if a is None or b is None:
        return a is b
    if a.shape != b.shape:
        return False
    size = np.abs(a[np.isfinite(a)]).max(initial=0)
    return np.allclose(a, b, rtol=1e-4, atol=1e-5 * size, equal_nan=True)
