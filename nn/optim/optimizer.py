"""Optimizer: parameter groups, and the loop over flat buffers that every update rule shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...autograd import enable_grad
from ...autograd.sparse import SparseRows
from .flat import Flat
from .hooks import with_hooks
from .sparse import arrays_of, take_sparse
from .state import State
from .steps import Piece, reduce, update


class Optimizer(State):
    """Base of the optimizers, used as in PyTorch.

    `params` are Tensors, (name, Tensor) as named_parameters() gives, or dicts {"params": [...], "lr": ...}
    with options of their own. The optimizer moves the parameters of a group into one flat buffer, of which
    each `p.data` is a view from then on.

    A subclass gives the names of its state arrays, `check(group)` for options, and `update`, which changes
    one piece of the buffers in place: `update(group, t, p, g, state, scratch)` with 1-D arrays of equal
    length: p, g, those in the dict `state`, and two or three of scratch; t = 1 at a parameter's first update.
    It leaves g as it is. `apply` has seen to maximize and weight decay, which is part of g, or of p itself
    where `decoupled(group)`. What a parameter has one number of, beside t, is named by `start(group)`, is in
    `state` too, and goes on by `advance`. With `whole = True` a piece is a parameter in its own shape,
    without scratch, and `layout` says the shapes of its state. For sparse gradients there are
    `check_sparse(group)`, which refuses them here, and `update_rows`.

    A subclass in PyTorch's style writes `step(closure=None)` instead, over `self.param_groups`, `p.data` and
    `p.grad`, which are ndarrays, and what it likes in the dict `self.state[p]`, which is saved and loaded.
    Its options are its own to check, there are no buffers, and no replicas of it; it may wrap another.
    """

    calls_closure = False  # as often as it needs; a step without one is none

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.own_step = cls.update is Optimizer.update and cls._step is Optimizer._step
        if cls.own_step and "step" in vars(cls):
            cls.step = with_hooks(cls.step)  # type: ignore[method-assign]

    def __init__(self, params: Iterable, defaults: dict[str, Any]):
        self.calls = 0  # of step()
        self._start_hooks()
        self._start_groups(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what a copy or a pickle holds; a subclass may add what older pickles lack."""
        vars(self).update(state)

    def advance(self, group: Mapping[str, Any], t: np.ndarray, numbers: dict[str, np.ndarray]) -> None:
        """Change these numbers, of the parameters whose update was the t-th, in place to what is next."""

    def decoupled(self, group: Mapping[str, Any]) -> bool:
        """Whether weight decay makes the parameters smaller by itself, and not by way of their gradient."""
        return bool(group.get("decoupled_weight_decay"))

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or fill them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif isinstance(p.grad, SparseRows):
                    p.grad = p.grad.emptied()
                elif p.grad is not None:
                    p.grad.fill(0)

    # ------------------------------------------------------------------ one step

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; the others and their state stay as they are.

        `closure`, where given, is called first: it makes the gradients anew and returns the loss, which is
        returned. FloatingPointError for gradients with nan or inf, TypeError or ValueError for sparse ones
        that the optimizer or its options cannot take: nothing has changed then. RuntimeError for a hook that
        gives back what are no arguments, NotImplementedError for a class without an update.
        """
        args, kwargs = self._before_step(() if closure is None else (closure,), {})
        loss = self._step(*args, **kwargs)
        self.calls += 1
        self._after_step(args, kwargs)
        return loss

    def _step(self, closure: Callable[[], Any] | None = None) -> Any:
        if self.own_step:
            raise NotImplementedError(f"{type(self).__name__} has neither step() nor update()")
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self._follow()
        flats = [flat for _, flat in self.buffers()]
        for flat in flats:
            flat.adopt()
        found = [[p.grad for p in flat.params] for flat in flats]
        sparse = any([SparseRows in map(type, of_buffer) for of_buffer in found])
        buffers, tables = (list(self.buffers()), take_sparse(found)) if sparse else ((), ())
        for table in tables:
            self.check_sparse(buffers[table.buffer][0])
        gradients = [[None if g is None else g.reshape(-1) for g in of_buffer] for of_buffer in found]
        used = [[g is not None for g in of_buffer] for of_buffer in found]
        values = [table.gradient.values.reshape(-1) for table in tables]
        self._check_finite([g for of_buffer in gradients for g in of_buffer if g is not None] + values)
        pieces = list(self.pieces(used))
        own = ((flats[p.buffer].gather(gradients[p.buffer], p.span),) for p in pieces)
        update(self.apply, pieces, reduce(own))
        for buffer, place, gradient in tables:
            group, flat = buffers[buffer]
            self._apply_rows(group, flat, place, gradient.coalesce())
            used[buffer][place] = True
        self.count_step(used)
        return loss

    def _check_finite(self, arrays: Sequence[np.ndarray]) -> None:
        """Raise FloatingPointError for 1-D gradients with nan or inf, which would spoil all that follows."""
        with np.errstate(over="ignore", invalid="ignore"):
            if math.isfinite(sum([float(np.dot(g, g)) for g in arrays])):
                return
        for index, (_, flat, i) in enumerate(self._entries()):  # or squares that are too large
            g = getattr(flat.params[i].grad, "values", flat.params[i].grad)
            if g is not None and not np.isfinite(g).all():
                nans, infs = np.isnan(g).sum(), np.isinf(g).sum()
                raise self._error(
                    f"the gradient of {self._called(index)}, of shape {flat.shapes[i]}, has {nans:,} nan and "
                    f"{infs:,} inf; nothing was changed. A step may be left out by catching this error",
                    FloatingPointError,
                )

    def update(self, group, t, p, g, state, scratch) -> None:
        """One update, the t-th, with the options `group`, in place on a piece; the class says the formula.

        Parameters p and arrays in `state` change, gradients g stay, arrays in `scratch` hold anything; of one
        shape. In `state` are also the numbers of `start`. NotImplementedError here.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update()")

    def apply(self, group, t, p, g, state, scratch) -> None:
        """Maximize and weight decay, then `update`; with its arguments group, t, p, g, state and scratch.

        g becomes -g to maximize, and g + weight_decay * p, or p shrinks by itself.
        """
        ascend, decay = group.get("maximize"), group.get("weight_decay")
        *scratch, directed = scratch or (None,)
        if decay and self.decoupled(group):
            p *= 1 - group["lr"] * decay
        elif decay:
            directed = np.multiply(p, decay, out=directed)
            directed = np.subtract(directed, g, out=directed) if ascend else np.add(directed, g, out=directed)
        if decay and not self.decoupled(group):
            g = directed
        elif ascend:
            g = np.negative(g, out=directed)
        self.update(group, t, p, g, state, scratch)

    def _apply_rows(self, group: Mapping[str, Any], flat: Flat, place: int, gradient: SparseRows) -> None:
        p, rows, g, state = arrays_of(flat, place, gradient)
        ascend = group.get("maximize")
        with np.errstate(all="ignore"):
            self.update_rows(group, int(flat.steps[place]) + 1, p, rows, -g if ascend else g, state)

    def check_sparse(self, group: Mapping[str, Any]) -> None:
        """Raise TypeError or ValueError unless this optimizer, with these options, takes sparse gradients."""
        raise self._error(
            "takes no sparse gradients; use SGD, Adagrad or Adam, or sparse=False in the embedding", TypeError
        )

    def update_rows(self, group, t, p, rows, g, state) -> None:
        """As `update`, the t-th with the options `group`, for a sparse gradient: g[i] is that of p[rows[i]].

        Each of the rows is there once; p, a view of the parameter, and the arrays of `state` are tables of
        such rows. NotImplementedError here.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update_rows()")

    # ------------------------------------------------------------------ buffers

    def pieces(
        self,
        used: Sequence[Sequence[bool] | np.ndarray],
        scratch: Sequence[Sequence[np.ndarray] | np.ndarray] | None = None,
        sharers: int = 1,
    ) -> Iterator[Piece]:
        """The parts to update, where `used` says for each buffer which of its parameters have a gradient.

        `scratch` for each buffer, where several update at a time; `sharers` is their number.
        """
        for i, (group, flat) in enumerate(self.buffers()):
            rows = flat.scratch if scratch is None else scratch[i]
            for name, value in self.start(group).items():
                flat.numbers[name][flat.steps == 0] = value
            for span, first in flat.pieces(used[i], sharers):
                values, here = flat.values[span], slice(span.stop - span.start)
                if self.whole:
                    values, state = values.reshape(flat.shapes[first]), flat.state_of(first)
                else:
                    state = {name: array[span] for name, array in flat.state.items()}
                numbers = {name: n[first].item() for name, n in flat.numbers.items()}
                t, room = int(flat.steps[first]) + 1, () if self.whole else [row[here] for row in rows]
                yield Piece(group, t, i, span, values, {**state, **numbers}, room)

    def count_step(self, used: Sequence[Sequence[bool] | np.ndarray]) -> None:
        """Note that the parameters that were `used`, of each buffer, have been updated."""
        for (group, flat), of_buffer in zip(self.buffers(), used, strict=True):
            flat.count_step(of_buffer)
            if flat.numbers:
                chosen = np.flatnonzero(of_buffer)
                numbers = {name: array[chosen] for name, array in flat.numbers.items()}
                self.advance(group, flat.steps[chosen], numbers)
                for name, array in flat.numbers.items():
                    array[chosen] = numbers[name]
