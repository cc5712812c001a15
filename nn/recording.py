"""Training from a recording: the NumPy calls of a loss and its gradients without the Python in between."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..autograd import Tensor, grad
from ..autograd.memory import give_back
from ..autograd.modes import keeping_recipes, recording
from ..autograd.program import Program
from ..autograd.trace import DivergedError, NotReplayableError, recorder
from . import random
from .module import Module, Parameter
from .structure import Structure

MOST = 32  # recordings that are kept; each has memory for a step


def replay(model: Module, loss: Callable[..., Tensor]) -> Replay:
    """`loss(model, *batch)` as a function of the batch that is recorded once and then replayed.

        loss_of = nn.replay(model, loss)
        for x, y in batches:
            value = loss_of(x, y)  # a Tensor; backward, optimizer and all else as ever
            value.backward()

    A replay makes the same NumPy calls in memory that is kept, and gives the same numbers. It is for small
    models, whose time goes into Python rather than into arithmetic. There is a recording for each combination
    of shapes and dtypes of the batch's arrays, of training and evaluation mode and of frozen parameters.
    Other arguments are constants, as is what Python does while recording: hooks and prints inside are not run
    again. Dropout is drawn anew. If a condition on numbers comes out differently, that step runs unrecorded.
    The first steps of a recording are compared with unrecorded ones; where they differ, or where the loss
    cannot be recorded, a warning says why and nothing is replayed. A recording keeps the memory of a step;
    comparing takes as much again for a moment.

    Call `backward` at most once, and before the next step. Where nothing is recorded for gradients (no_grad)
    or everything is (higher_order), or where the batch itself wants gradients, `loss` is simply called.
    """
    return Replay(model, loss)


class Replay:
    """A loss with its recordings; made by `replay`.

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
        self._programs: dict[Any, _Checked | None] = {}  # None: not to be replayed

    def __call__(self, *batch) -> Tensor:
        batch = tuple([x.data if isinstance(x, Tensor) and x.edge is None else x for x in batch])
        if not recording.get() or keeping_recipes.get() or any(isinstance(x, Tensor) for x in batch):
            return self.loss(self.model, *batch)
        if recorder.get() is not None:  # inside of another recording
            return self.loss(self.model, *batch)
        if self._structure is None or self._structure.change() is not None:
            self._structure = Structure(self.model, (Module, Parameter, np.ndarray))
            self._programs = {key: None for key, program in self._programs.items() if program is None}
        arrays = [x for x in batch if isinstance(x, np.ndarray)]
        key = self._structure.modes(), tuple([_form(x) for x in batch])
        program = self._programs.get(key)
        if program is None and key in self._programs:
            return self.loss(self.model, *batch)
        try:
            if program is None or program.moved():
                while len(self._programs) >= MOST:
                    del self._programs[next(iter(self._programs))]
                program = self._programs[key] = self._record(batch, arrays)
            if program.doubtful(arrays):
                program.check(batch, arrays, self)
                give_back()  # a comparison holds a step's memory twice
            return program.run(arrays)
        except NotReplayableError as problem:
            self._programs[key] = None
            warnings.warn(f"nn.replay: {problem}; this loss is not replayed", RuntimeWarning, stacklevel=2)
        except DivergedError:
            pass
        return self.loss(self.model, *batch)

    def _record(self, batch: tuple, arrays: list[np.ndarray]) -> _Checked:
        def fn(*traced):
            left = iter(traced)
            return self.loss(self.model, *(next(left) if isinstance(x, np.ndarray) else x for x in batch))

        assert self._structure is not None
        try:
            with random.kept():
                program = _Checked(fn, arrays, self._structure.params, self._places)
        finally:
            changed = self._structure.change()
            self._structure.restore()
        if changed is not None:
            raise NotReplayableError(f"the loss replaces {changed!r} of the model")
        return program

    def __repr__(self) -> str:
        count = sum(program is not None for program in self._programs.values())
        return f"Replay({type(self.model).__name__}, {count} recordings)"


def _form(x) -> Any:
    if isinstance(x, np.ndarray):
        return x.shape, x.dtype
    if getattr(x, "__hash__", None) is None:
        raise TypeError(
            f"nn.replay: a batch is of arrays and of constants that can be hashed, not {type(x).__name__}"
        )
    return type(x), x


class _Checked(Program):
    """A program that has to show first that it computes what its function does."""

    def __init__(self, fn, arrays, leaves, places):
        self._compared = False
        self._unvaried = {i: x.copy() for i, x in enumerate(arrays)}  # in all that it was compared on
        super().__init__(fn, arrays, leaves, places)

    def run(self, arrays) -> Tensor:
        if not self.draws:
            return super().run(arrays)
        with random.kept(on_error=True):  # what runs in place of this draws the same numbers
            return super().run(arrays)

    def doubtful(self, arrays: list[np.ndarray]) -> bool:
        """Whether it was never compared, or not with numbers like these in each array."""
        return not self._compared or any(
            [not np.array_equal(arrays[i], x) for i, x in self._unvaried.items()]
        )

    def check(self, batch: tuple, arrays: list[np.ndarray], owner: Replay) -> None:
        """Compare with the function itself."""
        with random.kept():
            right = self._found(owner.loss(owner.model, *batch))
        with random.kept():
            replayed = self._found(self.run(arrays))
        for a, b in zip(right, replayed, strict=True):
            if not _close(a, b):
                raise NotReplayableError(
                    "a replay gives other numbers than the loss, which uses numbers that are neither in the "
                    "batch nor the model's parameters, or NumPy in a way that cannot be recorded"
                )
        self._compared = True
        self._unvaried = {i: x for i, x in self._unvaried.items() if np.array_equal(arrays[i], x)}

    def _found(self, loss: Tensor) -> list[np.ndarray | None]:
        """The loss and all gradients."""
        if loss.edge is None:
            return [loss.data]
        found = grad(loss, self.leaves, np.ones(loss.shape, loss.dtype), allow_unused=True)
        return [loss.data, *(g if g is None else g.data for g in found)]


def _close(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    if a is None or b is None:
        return a is b
    if a.shape != b.shape:
        return False
    size = np.abs(a[np.isfinite(a)]).max(initial=0)
    return np.allclose(a, b, rtol=1e-4, atol=1e-5 * size, equal_nan=True)
