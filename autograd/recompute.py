"""Less memory for more time: what a function computes is not kept but computed again in backward."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from contextvars import Context, copy_context
from typing import Any, TypeVar

import numpy as np
from numpy import ndarray

from .arrays import keeping
from .engine import Edge, Node, Recorded, new_node, reachable
from .entered import entered
from .modes import Mode, current
from .sources import Source, sources
from .tensor import Tensor, wrap
from .versions import clock
from .views import OTHER, mark_view

R = TypeVar("R")
SAMPLE = 1024  # numbers of an output that the second run is compared by
OF_TORCH = ("use_reentrant", "preserve_rng_state", "determinism_check", "context_fn")


def checkpoint(fn: Callable[..., R], *args: Any, **kwargs: Any) -> R:
    """fn(*args, **kwargs), of which backward computes anew what it needs, rather than it being kept.

        for block in blocks:
            x = ag.checkpoint(block, x)

    Between forward and backward there is only what `fn` reads; backward runs it once more. The gradients are
    the same to the bit, those of parameters that it uses included. Arguments and result may be Tensors, and
    tuples, lists and dicts of them, or anything else; a Tensor hidden in another object keeps its graph.
    Calls may be nested, as sqrt(n) segments of sqrt(n) layers. Under no_grad this only calls `fn`.

    The second run draws the same random numbers, from this package's generator, np.random and random; sees
    the context variables of the first; and leaves running statistics (BatchNorm) alone. All else that `fn`
    does is done twice, and it has to give the same. RuntimeError if it changes an argument in place; from
    backward, if the second run records other ops, reads other Tensors or gives other numbers (up to 1,024 of
    an output are compared), or if what it reads was written to in between. TypeError for `fn` that is no
    function, and for PyTorch's options. (Chen et al. 2016, arXiv:1604.06174)
    """
    if not callable(fn):
        raise TypeError(f"checkpoint: the first argument is a function, not {type(fn).__name__}")
    for option in OF_TORCH:
        if option in kwargs:
            raise TypeError(f"checkpoint: {option} is PyTorch's; leave it out, there is one way only")
    if not current.get().grad:
        return fn(*args, **kwargs)
    call = Call(fn, args, kwargs)
    first, states = Run(Reading(keeping.get())), [(source, source.state()) for source in sources]
    with first:
        result = fn(*args, **kwargs)
    call.check_untouched(args, kwargs)
    made: dict[Edge, list[Tensor]] = {}
    for tensor in tensors_in(result):
        if first.has_made(tensor):
            made.setdefault(tensor.edge, []).append(tensor)  # type: ignore[arg-type]
    if made:
        leaves = [node for node in reachable(made, first.start) if node.op is None]  # of a lazy layer
        first.edges |= dict.fromkeys([(leaf, 0) for leaf in leaves])
        moved = [(source, state) for source, state in states if not source.is_in(state)]
        _put_in_place(Again(call, first, moved, result), first, list(made.values()))
    return result


def _put_in_place(again: Again, first: Run, made: list[list[Tensor]]) -> None:
    """One node in place of the graph of the Tensors `made` (those of an edge together)."""
    inputs = [t.data for t in tensors_in((again.call.args, again.call.kwargs))] + list(first.arrays.values())

    def backward(g):
        return again(g, inputs)  # closed over, so that the engine sees if they are written to before

    shape: Any = [ts[0].shape for ts in made]
    dtype: Any = [ts[0].dtype for ts in made]
    form = (shape, dtype) if len(made) > 1 else (shape[0], dtype[0])
    node = new_node(checkpoint, tuple(first.edges), backward, *form)
    node.recipe = inputs
    outputs = [tensor for ts in made for tensor in ts]
    origins = [_origin(tensor, first, set(map(id, outputs))) for tensor in outputs]
    for i, ts in enumerate(made):
        for tensor in ts:
            tensor.edge = (node, i)
    for view, (source, index) in zip(outputs, origins, strict=True):
        if source is None:
            view._origin = None
        elif source is view._origin[0]:  # and knows of it; its edge may be another now
            view._origin = (source, index, source.edge)
        else:
            mark_view(view, source, index)


def _origin(view: Tensor, first: Run, outputs: set[int]) -> tuple[Tensor | None, Any]:
    """What it is a view of, and the index; past Tensors that were made inside, which it would keep alive."""
    if view._origin is None:
        return None, OTHER
    source, index, _ = view._origin
    while first.has_made(source) and id(source) not in outputs:
        if source._origin is None:
            return None, OTHER
        source, index = source._origin[0], OTHER
    return source, index


# ------------------------------------------------------------------------------------ arguments and results


class Call:
    """A function and what it is called with, as it was."""

    def __init__(self, fn: Callable, args: tuple, kwargs: dict[str, Any]):
        self.fn = fn
        self.args, self.kwargs = _again((args, kwargs), {})

    def __call__(self) -> Any:
        args, kwargs = _again((self.args, self.kwargs), {})
        return self.fn(*args, **kwargs)

    def __str__(self) -> str:
        return f"checkpoint of {getattr(self.fn, '__qualname__', type(self.fn).__name__)}"

    def check_untouched(self, args: tuple, kwargs: dict[str, Any]) -> None:
        """RuntimeError if a Tensor that was given has become another; then it is again what it was."""
        pairs = zip(tensors_in((self.args, self.kwargs)), tensors_in((args, kwargs)), strict=False)
        changed = [(was, t) for was, t in pairs if was.data is not t.data or was.edge is not t.edge]
        for was, tensor in changed:
            tensor.data, tensor.edge = was.data, was.edge
        if changed:
            raise RuntimeError(
                f"{self}: it changes an argument (of shape {changed[0][0].shape}) in place, and its second "
                "run would find it changed; let it make a new Tensor: x = x + 1 for x += 1, or x.copy() first"
            )


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The Tensors of tuples, lists and dicts in each other, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from tensors_in(item)


def _again(value: Any, known: dict[int, Tensor]) -> Any:
    """`value` with Tensors and containers of its own, which nobody else changes; `known` are those so far.

    What was one Tensor is one: attention asks whether query, key and value are.
    """
    if isinstance(value, Tensor):
        return known.setdefault(id(value), wrap(value.data, value.edge, value.__class__))
    if isinstance(value, tuple):
        parts = [_again(item, known) for item in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if type(value) is list:
        return [_again(item, known) for item in value]
    return {key: _again(item, known) for key, item in value.items()} if type(value) is dict else value


# ------------------------------------------------------------------------------------ the two runs


class Run:
    """In a `with` block: notes the ops that are recorded, and which of what they read was there before."""

    def __init__(self, keeper: Any):
        self.start = next(clock)
        self.keeper = keeper
        self.ops: list[tuple[str, Any]] = []
        self.edges: dict[Edge, None] = {}
        self.arrays: dict[int, ndarray] = {}  # of these edges, by id

    def __enter__(self) -> None:
        mode = current.get()
        self._tokens = current.set(mode.but(observers=(*mode.observers, self))), keeping.set(self.keeper)

    def __exit__(self, *exc) -> None:
        current.reset(self._tokens[0])
        keeping.reset(self._tokens[1])
        del self._tokens  # which refer to the context

    def __call__(self, node: Node, recipe: Any, out: Any) -> None:
        """What an observer of recorded ops does."""
        self.ops.append((node.name, node.shape))
        arrays = [part for a in recipe.arrays for part in (a if isinstance(a, list) else [a])]
        for array, edge in zip(arrays, node.edges, strict=True):
            if edge is not None and edge[0].order < self.start:
                self.edges[edge] = None
                self.arrays[id(array)] = array

    def has_made(self, tensor: Tensor) -> bool:
        """Whether it was computed inside."""
        return not tensor.is_leaf and tensor.edge[0].order > self.start  # type: ignore[index]


class Reading:
    """Keeps arrays that outlive a call as whoever did so before, and remembers what was read from them."""

    def __init__(self, outer: Any):
        self.outer = outer
        self.found: list[ndarray] = []

    def read(self, array: ndarray) -> ndarray:
        found = array if self.outer is None else self.outer.read(array)
        self.found.append(found.copy())
        return found

    def change(self, fn: Callable[..., None], targets: Any, *args: Any) -> None:
        if self.outer is None:
            fn(targets, *args)
        else:
            self.outer.change(fn, targets, *args)


class Repeating:
    """Gives what was read in the first run; changes nothing, as the first run has done so."""

    def __init__(self, found: list[ndarray]):
        self.left = iter(found)

    def read(self, array: ndarray) -> ndarray:
        return next(self.left, array)

    def change(self, fn: Callable[..., None], targets: Any, *args: Any) -> None:
        pass


class Again:
    """The second run of a call, in the context of the first; `states`: of the sources that it drew from."""

    def __init__(self, call: Call, first: Run, states: list[tuple[Source, Any]], result: Any):
        self.call = call
        self.states = states
        self.context: Context = copy_context()
        self.ops, self.edges, self.found = first.ops, first.edges.keys(), first.keeper.found
        outputs: dict[Edge, tuple] = {}  # place in the result, and a sample
        for place, tensor in enumerate(tensors_in(result)):
            if first.has_made(tensor):
                outputs.setdefault(tensor.edge, (place, _sample(tensor.data)))  # type: ignore[arg-type]
        self.outputs = list(outputs.values())

    def __call__(self, g: Any, _) -> Recorded:
        """Where the gradients of the outputs go on."""
        gradients = g if type(g) is tuple else (g,)
        recipes = any(isinstance(d, Tensor) for d in gradients)
        mode = current.get().but(grad=True, recipes=recipes)
        return Recorded(self.context.copy().run(self._run, mode), gradients)

    def _run(self, mode: Mode) -> list[Edge]:
        current.set(mode)
        second = Run(Repeating(self.found))
        now = [source.state() for source, _ in self.states]
        try:
            for source, state in self.states:
                source.restore(state)
            with ExitStack() as around:
                for enter in entered.get():
                    around.enter_context(enter())
                with second:
                    found = list(tensors_in(self.call()))
        finally:
            for (source, _), state in zip(self.states, now, strict=True):
                source.restore(state)
        difference = self._difference(second, found)
        if difference:
            raise RuntimeError(
                f"{self.call}: its second run, in backward, {difference}. It must do the same each time, and "
                "what it reads stay as it is until backward: no counters, no switch of train or eval or "
                "requires_grad in between, random numbers from nn, np.random or random only."
            )
        return [found[place].edge for place, _ in self.outputs]

    def _difference(self, second: Run, found: list[Tensor]) -> str:
        """How it is not the first run; empty if it is, as far as is seen."""
        for i, (before, now) in enumerate(zip(self.ops, second.ops, strict=False)):
            if before != now:
                return f"records as op {i} {now[0]} of {now[1]}, the first {before[0]} of {before[1]}"
        if len(self.ops) != len(second.ops):
            return f"records {len(second.ops)} ops, the first {len(self.ops)}"
        if self.edges != second.edges.keys():
            return "reads other Tensors that require a gradient than the first"
        for place, sample in self.outputs:
            if place >= len(found) or not second.has_made(found[place]):
                return "gives other Tensors than the first"
            if not _is_close(sample, _sample(found[place].data)):
                return f"gives other numbers than the first, in a Tensor of shape {found[place].shape}"
        return ""


def _sample(array: Any) -> ndarray | None:
    """Numbers from all over it; None of an array that traces, or is of another library."""
    return array.flat[:: max(1, -(-array.size // SAMPLE))] if type(array) is ndarray else None


def _is_close(a: ndarray | None, b: ndarray | None) -> bool:
    """Whether they are as equal as the same sums in another order (by another number of threads) are."""
    if a is None or b is None:
        return True
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    rtol = {2: 1e-2, 4: 1e-4}.get(a.itemsize, 1e-9)
    size = np.abs(a[np.isfinite(a)]).max(initial=0)
    return np.allclose(a, b, rtol=rtol, atol=rtol * size, equal_nan=True)
