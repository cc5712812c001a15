"""The tape: nodes, the backward walk, gradient accumulation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush, heappushpop
from typing import Any, NamedTuple

import numpy as np
from numpy import add, ndarray

from . import versions
from .arrays import HALF, as_array
from .modes import Scope, current, scope
from .pieces import Pieces
from .sparse import SparseRows
from .versions import clock


class Node:
    """One recorded op, or a leaf: what backward needs to know, and no arrays but those its closure holds.

    `edges` has one (node, output index) for each input, None for constants. A leaf has no edges; it holds its
    gradient. Nodes never refer to what was computed from them, so a graph is freed by reference counting.
    """

    __slots__ = (
        *("op", "edges", "order", "backward", "shape", "dtype", "scope", "constants", "attributes", "recipe"),
        *("grads", "hooks", "__weakref__"),
    )
    op: Any  # the function that was called; None for a leaf
    edges: Any
    order: int  # creation number: parents are always older than children
    backward: Any
    shape: Any  # of the output; a list of shapes where the op returns a tuple
    dtype: Any
    scope: Scope | None  # the Module call it was recorded in
    constants: tuple  # of each input without an edge: its shape or the number it is; unset if there is none
    attributes: dict[str, Any]  # arguments that are no inputs, arrays described; unset if there is none
    recipe: Any  # what a re-run of the op needs, kept under higher_order() only
    grads: Any  # {output index: accumulated gradient} where a gradient is to be kept
    hooks: Any

    @property
    def shapes(self) -> tuple:
        return tuple(self.shape) if type(self.shape) is list else (self.shape,)

    @property
    def dtypes(self) -> tuple:
        return tuple(self.dtype) if type(self.dtype) is list else (self.dtype,)

    @property
    def name(self) -> str:
        return "leaf" if self.op is None else self.op.__name__

    def __repr__(self) -> str:
        return f"<Node {self.name} #{self.order} {' '.join(map(str, self.shapes))}>"


def new_node(op, edges, backward, shape, dtype) -> Node:
    """A Node; made here because calling an `__init__` takes 0.1 us, more than all the assignments."""
    node = Node()
    node.op = op
    node.edges = edges
    node.backward = backward
    node.shape, node.dtype = shape, dtype
    node.order, node.scope = next(clock), scope.get()
    node.recipe = node.grads = node.hooks = None
    return node


Edge = tuple[Node, int]  # an output of a node


def leaf(shape: tuple[int, ...], dtype: np.dtype) -> Node:
    """A node without parents that keeps the gradient arriving at it."""
    node = new_node(None, (), None, shape, dtype)
    node.grads = {0: None}
    return node


# ------------------------------------------------------------------------------------ the walk


class Recorded(NamedTuple):
    """What a backward gives that has recorded a graph: the walk goes on there, with `grads` of its `edges`.

    That graph may lead to inputs of the backward's node, and to older nodes nowhere else.
    """

    edges: list[Edge]
    grads: tuple


def reachable(roots, since: int = 0) -> Iterator[Node]:
    """Every node below the edges `roots`, each once, in no particular order; iterative.

    Of those made after `since`, a creation number.
    """
    seen = {edge[0] for edge in roots if edge is not None and edge[0].order > since}
    stack = list(seen)
    while stack:
        node = stack.pop()
        yield node
        for edge in node.edges:
            if edge is not None and edge[0] not in seen and edge[0].order > since:
                seen.add(edge[0])
                stack.append(edge[0])


def leading_to(roots, targets) -> set[Node]:
    """The nodes of `targets`, and those below `roots` from which one of them can be reached."""
    useful = {edge[0] for edge in targets}
    _add_leading_to(useful, reachable(roots))
    return useful


def _add_leading_to(useful: set[Node], nodes: Iterable[Node]) -> None:
    for node in sorted(nodes, key=lambda n: n.order):  # parents first
        if _reaches(node, useful):
            useful.add(node)


def _reaches(node: Node, nodes: set[Node]) -> bool:
    return any(edge is not None and edge[0] in nodes for edge in node.edges)


def fit(g, shape, dtype, node):
    """`g`, from the backward of `node`, as a gradient for an input of this shape and dtype.

    Summed over the axes along which the input was broadcast, cast, and made an array where it is a scalar.
    """
    if isinstance(g, (np.generic, float, int)):
        g = np.asarray(g)
    if g.shape != shape:
        lead = g.ndim - len(shape)
        stretched = tuple(i for i, n in enumerate(shape, lead) if n == 1 != g.shape[i]) if lead >= 0 else ()
        if lead > 0 or stretched:
            wide = np.float32 if g.dtype is HALF else None
            g = g.sum(axis=(*range(lead), *stretched), keepdims=True, dtype=wide)
        if lead < 0 or g.shape[lead:] != shape:
            raise RuntimeError(
                f"{node.name}: backward gave a gradient of shape {g.shape} for an input of {shape}"
            )
        g = g.reshape(shape)
    return g if g.dtype == dtype else g.astype(dtype)


def walk(roots, seeds, *, run=None, retain_graph=False, targets=None, hooks=True) -> None:  # noqa: C901
    """Carry the gradients `seeds` of the edges `roots` down the graph, newest node first.

    Without `targets` gradients are accumulated in the leaves (and where `retain_grad` asked for it). With
    `targets`, a dict of edges, they are put there instead and only nodes on the way are visited; with
    `hooks=False` as they come, before hooks of the targets. Each node passed is freed unless `retain_graph`.
    `run(node, g)` computes the gradients of a node's inputs in place of the backward that the forward pass
    left behind.

    A gradient that was made for one edge alone is owned by the walk, and the next one to arrive is added to
    it in place. A seed, a `g` handed on or a view (perhaps of it) is not owned, and is replaced by the sum.
    """
    # One long loop: a function call for each edge, or node, would take a tenth of the time of small ops.
    useful = None if targets is None else leading_to(roots, targets)
    again, watch = run is not None, current.get().watch
    if watch is not None:
        run = watch.backward(run, roots)
    # [node, gradient, owned, gradient, owned, ...] by negative creation number, and the numbers as a heap
    pending: dict[int, list] = {}
    heap: list[int] = []
    node: Any = None
    g: Any = None
    edges, grads = roots, seeds
    while True:
        newest = 0  # of the nodes that get their first gradient now: its key; the others' are in the heap
        for edge, d in zip(edges, grads):  # noqa: B905  (strict= costs 0.1 us; lengths are compared below)
            if edge is None or d is None:
                continue
            parent, i = edge
            if useful is not None and parent not in useful:
                continue
            # the shape of a parent with several outputs is a list and never equal: `fit` looks more closely
            if type(d) is not ndarray or d.shape != parent.shape or d.dtype is not parent.dtype:
                d = fit(d, parent.shapes[i], parent.dtypes[i], node)
                if type(d) is Pieces and type(parent.shape) is list:
                    d = d.whole()
            owned = d is not g and type(d) is ndarray and d.base is None and type(g) is ndarray
            key, place = -parent.order, 2 * i + 1
            slots = pending.get(key)
            if slots is None:
                pending[key] = slots = [parent, d, owned]
                if type(parent.shape) is list:
                    slots[1:] = (None, False) * len(parent.shape)
                    slots[place : place + 2] = d, owned
                if key < newest:
                    key, newest = newest, key
                if key:
                    heappush(heap, key)
            elif slots[place] is None:
                slots[place : place + 2] = d, owned
            elif slots[place + 1]:
                held = slots[place]
                if type(d) is Pieces:
                    d.add_to(held)
                else:
                    add(held, d, held)  # takes 0.04 us less than +=
            else:
                total = slots[place] + d
                slots[place] = np.asarray(total) if isinstance(total, np.generic) else total
                slots[place + 1] = isinstance(total, (ndarray, np.generic))
        if not newest and not heap:
            return
        # in a chain the newest goes next, and nothing passes through the heap
        slots = pending.pop(heappushpop(heap, newest) if newest else heappop(heap))
        node = slots[0]
        if type(slots[1]) is Pieces:
            whole = slots[1].whole()
            slots[1:] = whole, type(whole) is ndarray
        if node.hooks or node.grads is not None or targets is not None:
            _deliver(node, slots, targets, hooks)
        edges = node.edges
        if not edges or (useful is not None and not _reaches(node, useful)):
            edges = grads = ()
            continue
        if node.backward is None or node.order < versions.last_write:
            _check_runnable(node, again)
        g = slots[1] if len(slots) == 3 else tuple(slots[1::2])
        grads = node.backward(g) if run is None else run(node, g)
        if type(grads) not in (tuple, list) or len(grads) != len(edges):
            edges, grads = _continued(node, grads, useful)
        if not retain_graph:
            node.backward = node.recipe = None


def _continued(node: Node, grads: Any, useful: set[Node] | None) -> Recorded:
    """The graph that a backward has recorded; RuntimeError if it has not, and gave something wrong."""
    if type(grads) is Recorded:
        if useful is not None:
            _add_leading_to(useful, reachable(grads.edges, node.order))
        return grads
    found = f"{len(grads)} gradients" if type(grads) in (tuple, list) else f"a {type(grads).__name__}"
    raise RuntimeError(
        f"{node.name}: backward gave {found}, not a tuple with one for each of {len(node.edges)} inputs"
    )


def _check_runnable(node: Node, again: bool) -> None:
    if node.backward is None:
        raise RuntimeError(
            f"backward through {node.name} a second time: what it saved was freed by the first. "
            "Pass retain_graph=True to the first call, or run the forward again."
        )
    versions.check_unwritten(node, node.recipe if again else node.backward)


def _deliver(node: Node, slots: list, targets: dict | None, hooks: bool) -> None:
    """Show the complete gradients of `node` to its hooks, and put them where they are wanted."""
    if node.hooks and (hooks or not any((node, i) in targets for i in range(len(node.shapes)))):  # type: ignore[operator]
        _run_hooks(node, slots)
    for i in range(len(node.shapes)) if targets is not None else node.grads or ():
        g = slots[2 * i + 1]
        if targets is not None:
            if (node, i) in targets:
                targets[node, i] = g
        elif g is None:
            continue
        elif node.grads[i] is not None:
            node.grads[i] += g
        else:  # a leaf may take an array that nobody else has; a node passes its own on
            node.grads[i] = g if slots[2 * i + 2] and not node.edges else g.copy()


def _run_hooks(node: Node, slots: list) -> None:
    for i, hook in list(node.hooks.values()):
        g = slots[2 * i + 1]
        if g is None:
            continue
        if type(g) is np.ndarray:
            shown = g.view()
            shown.flags.writeable = False
        else:
            shown = g.read_only() if type(g) is SparseRows else g  # type: ignore[assignment]
        new = hook(shown)
        if new is not None:
            if type(g) is np.ndarray or (type(g) is SparseRows and type(new) is not SparseRows):
                new = as_array(new)
            if new.shape != g.shape:
                raise ValueError(
                    f"a hook on {node.name} gave a gradient of shape {new.shape}, expected {g.shape}"
                )
            slots[2 * i + 1] = new if new.dtype == g.dtype else new.astype(g.dtype)
        slots[2 * i + 2] = False  # the hook may have kept it
