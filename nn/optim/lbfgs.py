"""L-BFGS (Liu and Nocedal 1989; Nocedal and Wright 2006, chapter 7), as in PyTorch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ...autograd import Tensor, enable_grad
from .curvature import COUNTS, LATER, Memory, direction, read
from .flat import Flat
from .groups import options
from .line_search import Point, strong_wolfe
from .optimizer import Optimizer
from .vector import Vector

__all__ = ["LBFGS"]

WHOLE_NUMBERS = ("max_iter", "max_eval", "history_size")


class LBFGS(Optimizer):
    """A quasi-Newton method for losses without noise, with PyTorch's arguments, defaults and rules.

    `step(closure)` calls the closure, which makes the gradients anew and returns the loss, as often as it
    needs: for at most `max_iter` iterations, and max_eval calls (1.25 * max_iter where None). The direction
    is that of the last `history_size` steps' curvature; its length is lr, at the very first min(1, 1 / sum of
    |gradient|) * lr, or is searched for from there where line_search_fn = "strong_wolfe". A step ends where
    no gradient is above tolerance_grad, or the parameters or the loss change by less than tolerance_change.

    There is one parameter group. Parameters without a gradient count as if it were zero. The state is one for
    all parameters and stands at the first: func_evals, n_iter, d (the direction), t (its length), old_dirs
    and old_stps (changes of the gradient and of the parameters), ro, H_diag, prev_flat_grad, prev_loss, al.
    For float16 parameters it is float32. If the closure raises, parameters and state are as before the step.
    ValueError for a second group and options out of range, TypeError for a closure that is missing or returns
    no number, and for sparse gradients.
    """

    not_negative = ("lr", "max_iter", "max_eval", "tolerance_grad", "tolerance_change")
    words = ("line_search_fn",)
    counts = False
    calls_closure = True

    def __init__(
        self,
        params: Iterable,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ):
        if max_eval is None and isinstance(max_iter, (int, np.integer)):
            max_eval = int(max_iter) * 5 // 4
        self._memory: Memory = {}
        super().__init__(params, options(locals()))

    def check(self, group: Mapping[str, Any]) -> None:
        for name in WHOLE_NUMBERS:
            if not isinstance(group[name], (int, np.integer)):
                raise self._error(f"{name} must be a whole number, got {group[name]!r}", TypeError)
        super().check(group)
        if group["history_size"] < 1:
            raise self._error(f"history_size must be 1 or more, got {group['history_size']}")
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise self._error(f'line_search_fn is None or "strong_wolfe", got {group["line_search_fn"]!r}')

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if self.param_groups:
            raise self._error("has one parameter group; give it all parameters in one list")
        super().add_param_group(param_group)

    def _check_params(self, params: list[Tensor]) -> None:
        super()._check_params(params)
        if not params:
            raise self._error("an empty list of parameters")

    # ------------------------------------------------------------------ one step

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Minimise the loss for some iterations, and return what the closure gave first.

        `closure` calls zero_grad(), computes the loss, calls its backward() and returns it: a Tensor of one
        number, or a number. TypeError without it.
        """
        return super().step(closure)

    def _step(self, closure: Callable[[], Any] | None = None) -> Any:
        if not callable(closure):
            raise self._error(
                f"step() needs a closure, got {closure!r}: a function without arguments that calls "
                "zero_grad(), computes the loss, calls its backward() and returns it",
                TypeError,
            )
        handling = np.geterr()

        def call() -> Any:
            with enable_grad(), np.errstate(**handling):
                return closure()

        vector, memory = self._vector(), {**dict.fromkeys(COUNTS, 0), **self._snapshot()}
        before = vector.values()
        try:
            with np.errstate(all="ignore"):  # nan and inf are compared with, as PyTorch does
                loss = self._minimise(call, vector, memory)
        except BaseException:
            vector.move(before)
            raise
        self._memory = memory
        return loss

    def _minimise(self, closure: Callable[[], Any], vector: Vector, memory: Memory) -> Any:
        group = self.param_groups[0]
        first = closure()
        point, calls = self._point(vector, 0, first), 1
        memory["func_evals"] += 1
        if _largest(point.gradient) <= group["tolerance_grad"]:
            return first
        memory.update({name: memory.get(name) for name in LATER})
        for left in reversed(range(group["max_iter"])):
            memory["n_iter"] += 1
            d = direction(memory, point.gradient, group["history_size"])
            t = group["lr"]
            if memory["n_iter"] == 1:
                t = min(1.0, 1.0 / np.abs(point.gradient).sum()) * t
            memory.update(d=d, t=t, prev_flat_grad=point.gradient, prev_loss=point.loss)
            point = Point(0, point.loss, point.gradient, np.dot(point.gradient, d))
            if point.slope > -group["tolerance_change"]:
                break
            point, more = self._advance(closure, vector, point, d, t, group["max_eval"] - calls, left == 0)
            calls += more
            memory.update(t=point.t, func_evals=memory["func_evals"] + more)
            if calls >= group["max_eval"] or self._converged(memory, point):
                break
        return first

    def _advance(
        self,
        closure: Callable[[], Any],
        vector: Vector,
        start: Point,
        d: np.ndarray,
        t: Any,
        most: int,
        last: bool,
    ) -> tuple[Point, int]:
        """Move along d: (the point where the parameters are then, calls of the closure that it took).

        With a fixed length, what is the `last` iteration of a step needs none.
        """
        group, origin = self.param_groups[0], vector.values()

        def evaluate(t: Any) -> Point:
            vector.move(origin, t, d)
            point = self._point(vector, t, closure())
            return point._replace(slope=np.dot(point.gradient, d))

        if group["line_search_fn"]:
            point, calls = strong_wolfe(evaluate, start, t, most, _largest(d), group["tolerance_change"])
            vector.move(origin, point.t, d)
            return point, calls
        if last:
            vector.move(origin, t, d)
            return start._replace(t=t), 0
        return evaluate(t), 1

    def _converged(self, memory: Memory, point: Point) -> bool:
        group = self.param_groups[0]
        least = group["tolerance_change"]
        return (
            _largest(point.gradient) <= group["tolerance_grad"]
            or _largest(memory["d"]) * abs(point.t) <= least
            or abs(point.loss - memory["prev_loss"]) < least
        )

    def _point(self, vector: Vector, t: Any, given: Any) -> Point:
        """Where the parameters are: the loss that the closure has given, and the gradient."""
        try:
            loss = float(given.item() if hasattr(given, "item") else given)
        except (TypeError, ValueError) as error:
            got = f"one of shape {given.shape}" if hasattr(given, "shape") else repr(given)
            problem = f"the closure must return the loss, a Tensor of one number or a number, got {got}"
            raise self._error(problem, TypeError) from error
        gradient = vector.gradient(lambda: self.check_sparse(self.param_groups[0]))
        return Point(t, loss, gradient, 0)

    def _vector(self) -> Vector:
        return Vector((flat, i) for _, flat, i in self._entries())

    # ------------------------------------------------------------------ the state

    def _snapshot(self) -> Memory:
        """The state, with lists of its own; its arrays are never written to."""
        return {name: list(v) if isinstance(v, list) else v for name, v in self._memory.items()}

    def _is_first(self, flat: Flat, i: int) -> bool:
        return i == 0 and flat is self._flats[0][0]

    def _state_of(self, group: Mapping[str, Any], flat: Flat, i: int) -> dict[str, Any]:
        return self._snapshot() if self._is_first(flat, i) else {}

    def _read_entry(
        self, index: Any, given: Mapping[str, Any], layout: Mapping[str, tuple], group: Mapping[str, Any]
    ) -> dict[str, Any]:
        if given and index != group["params"][0]:
            raise self._error(f"state for parameter {index}: there is one, at the first parameter")
        vector = self._vector()
        try:
            return read(given, vector.size, vector.dtype) if given else {}
        except (TypeError, ValueError) as error:
            raise self._error(f"state of parameter {index}: {error}") from error

    def _take(self, group: Mapping[str, Any], flat: Flat, i: int, entry: dict[str, Any]) -> None:
        if self._is_first(flat, i):
            self._memory = copy.deepcopy(entry)


def _largest(vector: np.ndarray) -> Any:
    """The largest absolute value; nan where there is one."""
    return np.abs(vector).max(initial=0)
