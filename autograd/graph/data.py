"""A recorded graph as data: nodes, edges, what backward keeps, and the tree of module calls."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from .. import engine, versions
from ..tensor import Tensor
from .calls import Call, Names, call_tree, find_names
from .failure import failed_node
from .flops import flops


class Saved(NamedTuple):
    """An array that the backward of a node keeps."""

    name: str  # of the variable in the op
    shape: tuple[int, ...]
    dtype: np.dtype
    nbytes: int
    buffer: int  # in Graph.buffers: several saved arrays may be views of one


class Buffer(NamedTuple):
    """Memory that backward keeps."""

    nbytes: int
    is_parameter: bool  # kept by the model anyway
    holders: list[int]  # the nodes that keep it, oldest first


class Constant(NamedTuple):
    """An input of an op that is not recorded: an array, by its shape, or a number."""

    name: str  # of the op's argument
    shape: tuple[int, ...] | None
    value: Any  # of a number


@dataclass(frozen=True, eq=False)
class GraphNode:
    """An op that was recorded, or a leaf."""

    index: int  # in Graph.nodes
    op: str  # "leaf" for a leaf
    kind: str  # "op", "view" (moves no numbers), "parameter", "input" (another leaf), "failed"
    order: int  # creation number
    shapes: tuple[tuple[int, ...], ...]  # of its outputs
    dtypes: tuple[np.dtype, ...]
    inputs: tuple[tuple[int, int] | None, ...]  # (node, output) of each; None for a constant
    constants: tuple[Constant, ...]
    call: Call  # the module call it belongs to; for a leaf, the innermost one around all its uses
    name: str  # of a parameter or named Tensor, "a = b" if it has several
    saved: tuple[Saved, ...]
    freed: bool  # backward has run, and what it kept is gone
    flops: int  # of the forward
    requires_grad: bool = True  # what requires none is not recorded

    @property
    def path(self) -> str:
        """Of the module it was recorded in, below the outermost one."""
        return self.call.path

    @property
    def nbytes(self) -> int:
        """Bytes of its outputs."""
        return sum(prod(s) * d.itemsize for s, d in zip(self.shapes, self.dtypes, strict=True))

    @property
    def size(self) -> int:
        """Elements of its outputs."""
        return sum(map(prod, self.shapes))


class Edge(NamedTuple):
    """One use of a recorded value."""

    source: int
    output: int  # which of the source's
    target: int
    shape: tuple[int, ...]
    nbytes: int


class Graph:
    """Everything that `output` was computed from and that takes part in its backward, oldest first.

    `output` is a Tensor, several, or the exception of an op that failed. Names come from the modules that
    were called, as far as they still exist, and from `model`: a Module, or a dict of Tensors by name. No
    arrays are held and the recorded graph is not kept alive. Building it takes time linear in its size.
    ValueError for a Tensor without a graph, TypeError for what is neither Tensor nor an op's exception.
    """

    def __init__(self, output: Tensor | Iterable[Tensor] | BaseException, model=None):
        roots, self.error = _roots(output)
        found = sorted(engine.reachable(roots), key=lambda node: node.order)
        position = {node: i for i, node in enumerate(found)}
        self.outputs = [] if self.error else [(position[node], i) for node, i in roots]
        self.root, calls = call_tree(found, model)
        names = find_names(found, model)
        self.buffers, saved = _saved(found, names)
        self.nodes = [
            _graph_node(i, node, position, call, kept, names)
            for i, (node, call, kept) in enumerate(zip(found, calls, saved, strict=True))
        ]
        for node in self.nodes:
            node.call.nodes.append(node.index)
            if node.op != "leaf":
                node.call.first = min(node.call.first, node.index)
        self._leaves = {
            i: (weakref.ref(node), [weakref.ref(t) for _, t in names.tensors.get(node, ())])
            for i, node in enumerate(found)
            if not node.edges
        }

    def leaf(self, index: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        """The (data, gradient) of a leaf, each None if there is none, or not known any more."""
        node, tensors = self._leaves[index][0](), (ref() for ref in self._leaves[index][1])
        data = next((tensor.data for tensor in tensors if tensor is not None), None)
        return data, None if node is None else (node.grads or {}).get(0)

    def with_parameters(self, indices: Iterable[int]) -> list[GraphNode]:
        """These nodes and the parameters that they use, oldest first; others may use these parameters too."""
        found = set(indices)
        used = {edge[0] for i in found for edge in self.nodes[i].inputs if edge is not None}
        found.update(i for i in used if self.nodes[i].kind == "parameter")
        return [self.nodes[i] for i in sorted(found)]

    @cached_property
    def edges(self) -> list[Edge]:
        """Every use of a recorded value."""
        return [
            Edge(i, out, node.index, self.nodes[i].shapes[out], self.bytes_of(i, out))
            for node in self.nodes
            for i, out in filter(None, node.inputs)
        ]

    def output_shape(self, number: int) -> tuple[int, ...]:
        """Of one of the Tensors that the graph was made from."""
        node, output = self.outputs[number]
        return self.nodes[node].shapes[output]

    def bytes_of(self, index: int, output: int) -> int:
        """Bytes of one output of a node."""
        node = self.nodes[index]
        return prod(node.shapes[output]) * node.dtypes[output].itemsize

    @property
    def freed(self) -> bool:
        """Whether a backward has run: the structure is still there, what it kept is gone."""
        return any(node.freed for node in self.nodes)

    @property
    def saved_bytes(self) -> int:
        """What backward keeps, beside parameters; memory that several ops hold counts once."""
        return sum(buffer.nbytes for buffer in self.buffers if not buffer.is_parameter)

    def __len__(self) -> int:
        return len(self.nodes)

    def summary(self) -> str:
        """One line: nodes, parameters, FLOPs, bytes that backward keeps, peak."""
        from .text import summary

        return summary(self)

    def __str__(self) -> str:
        from .text import tree

        return tree(self)

    def __repr__(self) -> str:
        return f"<Graph of {len(self)} nodes>"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        from .text import html_tree

        return {"text/plain": str(self), "text/html": html_tree(self)}


def _roots(output) -> tuple[list[engine.Edge], str]:
    """The edges that a graph starts from, and the message of the error that it ends in, if any."""
    if isinstance(output, BaseException):
        return [(failed_node(output), 0)], f"{type(output).__name__}: {output}"
    outputs = [output] if isinstance(output, Tensor) else list(output)
    for y in outputs:
        if not isinstance(y, Tensor):
            raise TypeError(f"a graph is made of Tensors or of an op's exception, not of {type(y).__name__}")
    roots = [y.edge for y in outputs if y.edge is not None]
    if not roots:
        raise ValueError(
            "this Tensor has no graph: nothing it was computed from requires a gradient, or it was computed "
            "under no_grad()"
        )
    return roots, ""


def _graph_node(index: int, node: engine.Node, position, call: Call, saved, names: Names) -> GraphNode:
    constants = iter(getattr(node, "constants", ()))
    given = [next(constants, None) if edge is None else None for edge in node.edges]
    failed = not node.shapes
    kind = "failed" if failed else "view" if _is_view(node) else "op"
    if node.op is None:
        kind = "parameter" if node in names.parameters or not names.parameters else "input"
        call = call if kind == "parameter" else next(c for c in call.around() if c.parent is None)
    return GraphNode(
        index=index,
        op=node.name,
        kind=kind,
        order=node.order,
        shapes=node.shapes,
        dtypes=node.dtypes,
        inputs=tuple(None if edge is None else (position[edge[0]], edge[1]) for edge in node.edges),
        constants=tuple(_constants(node, given, saved)),
        call=call,
        name=names.of(node),
        saved=saved,
        freed=bool(node.edges) and node.backward is None and not failed,
        flops=flops(node, _input_shapes(node.edges, given)),
    )


def _is_view(node: engine.Node) -> bool:
    facts = getattr(node.op, "facts", None)
    return facts is not None and facts.view


def _input_shapes(edges, given) -> list[tuple[int, ...] | None]:
    """Of each input; None for numbers, and for constants whose shape was not recorded."""
    constants = (c if isinstance(c, tuple) else None for c in given)
    return [c if edge is None else edge[0].shapes[edge[1]] for edge, c in zip(edges, constants, strict=True)]


def _constants(node, given, saved) -> Iterator[Constant]:
    """Inputs without an edge, and the arrays among the other arguments (ids, masks) that backward keeps."""
    names = argument_names(node.op)
    single = len(node.edges) <= len(names)  # else one argument is a list, and positions say nothing
    for i, c in enumerate(given):
        if node.edges[i] is None and c is not None:
            name = names[i] if single else ""
            yield Constant(name, c, None) if isinstance(c, tuple) else Constant(name, None, c)
    for kept in saved:
        if kept.name in names[len(node.edges) :]:
            yield Constant(kept.name, kept.shape, None)


@lru_cache(maxsize=512)
def argument_names(op) -> tuple[str, ...]:
    """Of an op that was recorded; nothing for a leaf."""
    return tuple(getattr(op, "__signature__", inspect.Signature()).parameters)


def _saved(nodes: list[engine.Node], names: Names) -> tuple[list[Buffer], list[tuple[Saved, ...]]]:
    """All memory that the backwards of `nodes` keep, and what of it each keeps."""
    buffers: list[Buffer] = []
    index: dict[int, int] = {}  # id of an array that owns its memory -> position in buffers
    owned_by_model = {id(_owner(names.tensors[p][0][1].data)) for p in names.parameters}
    saved = []
    for i, node in enumerate(nodes):
        kept = {}
        for name, array in versions.saved_arrays(node):
            owner = _owner(array)
            if id(owner) not in index:
                index[id(owner)] = len(buffers)
                buffers.append(Buffer(owner.nbytes, id(owner) in owned_by_model, []))
            b = index[id(owner)]
            if not buffers[b].holders or buffers[b].holders[-1] != i:
                buffers[b].holders.append(i)
            nbytes = min(array.nbytes, owner.nbytes)
            kept[name, b] = Saved(name, array.shape, array.dtype, nbytes, b)
        saved.append(tuple(kept.values()))
    return buffers, saved


def _owner(array: np.ndarray) -> np.ndarray:
    """The array whose memory `array` is a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
