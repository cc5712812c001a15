"""Training from a capture: the NumPy calls of a loss and its gradients without the Python in between."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.modes import current
from ..autograd.replay import DivergedError, NotReplayableError, Program, capturing
from . import random
from .captures import REFUSED, Changes, Form, again, check_untouched, compare, form_of, kept_out, results
from .module import Module, Parameter
from .places import is_plain
from .surroundings import Surroundings

ARRAYS = (np.ndarray, Tensor)
MOST = 32  # captures that are kept; each has memory for a step
KEPT = 4  # settings of numbers in a model and a loss that are recognised without looking through all again

_inside: ContextVar[bool] = ContextVar("inside of a loss", default=False)


def replay(model: Module, loss: Callable[..., Tensor]) -> Replay:
    """`loss(model, *batch)` as a function of the batch that is captured once and then replayed.

        loss_of = nn.replay(model, loss)
        for x, y in batches:
            value = loss_of(x, y)  # a Tensor; backward, optimizer and all else as ever
            value.backward()

    A replay makes the same NumPy calls in memory that is kept, and gives the same numbers. It is for small
    models, whose time goes into Python rather than into arithmetic. The first batch is not replayed. With the
    second one a capture is made and compared with the loss itself, and it is again 4, 8, 16, ... steps later.
    Where they differ, or where the loss cannot be captured, a warning says why; the step is that of the loss
    itself, and nothing is replayed any more.

    There is a capture for each combination of shapes and dtypes of the batch's arrays, of its other
    arguments, of frozen parameters, and of the numbers (strings, None, short lists and dicts of them) that
    can be found in modules, in the loss's closure, defaults, `self` and globals, and in functions that it
    names. All of these may change between steps; what changes in each step (give it with the batch, as an
    array) leaves nothing to replay. Arrays may change in place. Dropout is drawn anew, and running
    statistics (BatchNorm) are brought up to date by each replay. Refused are losses
    that draw other random numbers, that set attributes, and that write into arrays other than their own and
    those of the batch. Hooks of modules, prints and lists of numbers that grow are passed over by a replay.
    If a condition on numbers comes out differently, that step runs as it is. A capture keeps the memory of a
    step.

    NumPy does not tell anybody that an array of the batch picks from an ndarray: of `table[ids]`, and of
    `np.take(table, ids)`, a capture keeps the rows of the first batch. Say `ag.take(table, ids, 0)`, or
    `ag.Tensor(table)[ids]`, which are followed. Otherwise the first comparison with other ids warns and ends
    the replays; steps before it, where but a part of the ids is new, may have had old rows.

    Call `backward` at most once, and before the next step. Where nothing is recorded for gradients (no_grad)
    or everything is (higher_order), or where the batch itself wants gradients, `loss` is simply called.
    Other threads may use the model meanwhile, but not the replay.
    """
    return Replay(model, loss)


class Replay:
    """A loss with its captures, made by `replay`; copies and pickles begin without any.

    `places`: arrays for gradients by id of their parameters. A gradient that an engine walk gives may be the
    place itself, which the next backward fills anew.
    """

    parts = ("model", "loss")  # where Surroundings go on if they come here

    def __init__(
        self, model: Module, loss: Callable[..., Tensor], places: Mapping[int, np.ndarray] | None = None
    ):
        self.model = model
        self.loss = loss
        self._places = places
        self._params: list[Parameter] = []
        self._around: list[Surroundings] = []  # with different numbers, the latest first
        self._objects: list[Any] = []  # that were in the last batches
        self._logs: list[Any] = []  # lists and dicts that the loss only adds to
        self._changed: list[str] = []  # what the loss changed in the last call
        self._known: dict[Any, Form] = {}
        self._refused = False  # whatever the batch

    def __reduce__(self):
        return type(self), (self.model, self.loss)

    def __call__(self, *batch) -> Tensor:
        mode = current.get()
        if self._refused or not mode.grad or mode.recipes or mode.observers or _inside.get():
            return self.loss(self.model, *batch)
        if capturing.get() is not None or any([isinstance(x, Tensor) and x.edge is not None for x in batch]):
            return self.loss(self.model, *batch)
        arrays = [x if isinstance(x, np.ndarray) else x.data for x in batch if isinstance(x, ARRAYS)]
        if len(arrays) < len(batch):
            self._look_at(batch)
        around = self._around[0] if self._around and self._around[0].same() else self._look_around()
        forms = tuple([form_of(x) for x in batch])
        known = self._known.get((around.key, forms))
        if known is REFUSED:
            return self.loss(self.model, *batch)
        if known is None:
            return self._first(forms, batch, arrays)
        if known.is_due(arrays, around):
            return self._examined(known, forms, batch, arrays)
        program: Any = known.program
        try:
            if not program.draws:
                return program.run(arrays, known.written)
            with random.kept(on_error=True):  # what runs in place of this draws the same numbers
                return program.run(arrays, known.written)
        except Exception:  # a condition comes out differently, or an error that the loss may know about
            return self._called(batch)

    def _look_at(self, batch: tuple) -> None:
        """Objects in a batch count as what the loss is made of."""
        for x in [x for x in batch if not isinstance(x, ARRAYS) and not is_plain(x)]:
            if all(x is not known for known in self._objects):
                self._objects = [*self._objects[1 - KEPT :], x]
                self._around = []

    def _look_around(self) -> Surroundings:
        """What the model and the loss read beside the batch, as it is now."""
        for i, around in enumerate(self._around):
            if around.same():
                self._around.insert(0, self._around.pop(i))
                return around
        new = self._surroundings()
        if not self._around or not new.differs_in_numbers_only(self._around[0]):
            self._around = []
            self._params = list(self.model.parameters())
            self._known = {key: REFUSED for key, known in self._known.items() if known is REFUSED}
        self._around = [new, *self._around[: KEPT - 1]]
        return new

    def _surroundings(self) -> Surroundings:
        return Surroundings((self.loss, self.model, *self._objects), self._logs)

    def _first(self, forms: tuple, batch: tuple, arrays: list[np.ndarray]) -> Tensor:
        seen = Form(arrays)
        loss = self._called(batch)
        while len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        self._known.setdefault((self._around[0].key, forms), seen)
        return loss

    def _called(self, batch: tuple) -> Tensor:
        """The loss itself. It may prepare something once, but if it changes the same in two calls in a row,
        nothing is replayed."""
        token = _inside.set(True)
        try:
            loss = self.loss(self.model, *batch)
        finally:
            _inside.reset(token)
        before, self._changed = self._changed, []
        if not self._around[0].same():
            logs, self._changed = self._around[0].changes()
            if logs:
                self._logs += logs
                self._around = [self._surroundings()]
            for what in set(before).intersection(self._changed):
                self._refused = True
                self._known = {}
                _warn(f"the loss replaces {what}, which a replay would not do")
                break
        return loss

    # ------------------------------------------------------------------ the comparison

    def _examined(self, known: Form, forms: tuple, batch: tuple, arrays: list[np.ndarray]) -> Tensor:
        """A replay if it gives what the loss gives, else the loss; after a capture, if need be."""
        around = self._around[0]
        before = [x.copy() for x in arrays]
        contents, states, start = around.contents(), around.drawn(), random.get_rng_state()
        with Changes() as changes:
            loss = self._called(batch)
        if self._changed or around is not self._around[0]:
            return loss
        drawn, fresh, changed = random.get_rng_state(), known.wants_capture(arrays), changes.now()
        try:
            changes.undo()
            check_untouched(around.drawn() == states, around.contents() == contents)
            right = [*arrays, *results(loss, self._params), *changed]
            if fresh:
                known.written = [i for i, x in enumerate(before) if x.tobytes() != arrays[i].tobytes()]
                known.program = None  # its memory may be needed
                known.program = self._captured(known, batch, start)
                changes.undo()
            program: Any = known.program
            given = [x.copy() for x in before]
            with random.aside(start):
                replayed = [*given, *results(program.run(given, known.written), self._params), *changes.now()]
                changes.undo()
                compare(right, replayed, random.get_rng_state() == drawn)
            check_untouched(around.drawn() == states, around.contents() == contents)
            known.compared(arrays, around, fresh)
            with random.aside(start):
                return program.run(before)  # whose backward has not run
        except NotReplayableError as problem:
            self._known[around.key, forms] = REFUSED
            _warn(problem)
        except Exception:  # in a replay: a condition comes out differently, or an error that the loss handles
            if fresh:
                self._known[around.key, forms] = Form(before, known.tries + 1)
        finally:
            changes.write(changed)
            if random.get_rng_state() != drawn:
                random.set_rng_state(drawn)
        return loss

    def _captured(self, known: Form, batch: tuple, state: dict[str, Any]) -> Program:
        """A capture with the arrays of the first batch."""
        known.check()

        def fn(*given):
            left = iter(given)
            return self.loss(self.model, *[again(x, left) for x in batch])

        own = set(map(id, self._params))
        reads = [t for t in self._around[0].tensors if id(t) not in own and isinstance(t.data, np.ndarray)]
        token = _inside.set(True)
        try:
            with random.aside(state), kept_out(self.model):
                return Program(fn, known.arrays, self._params, self._places, reads)
        except (NotReplayableError, DivergedError):
            raise
        except Exception as error:
            raise NotReplayableError(f"capturing it raised {type(error).__name__}: {error}") from error
        finally:
            _inside.reset(token)

    def __repr__(self) -> str:
        count = sum(known.program is not None for known in self._known.values())
        return f"Replay({type(self.model).__name__}, {count} captures)"


def _warn(problem: object) -> None:
    warnings.warn(f"nn.replay: {problem}; this loss is not replayed", RuntimeWarning, stacklevel=4)
