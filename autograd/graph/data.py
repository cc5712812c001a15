"""The plain data of a recorded graph: nodes, edges, what is saved for backward, the tree of module calls."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np

from .. import engine
from ..tensor import Tensor
from .calls import Call


class Saved(NamedTuple):
    """An array that is saved for the backward of a node."""

    name: str  # of the variable in the op
    shape: tuple[int, ...]
    dtype: np.dtype
    nbytes: int
    buffer: int  # in Graph.buffers: several saved arrays may be views of one


class Buffer(NamedTuple):
    """Memory that is saved for backward."""

    nbytes: int
    is_parameter: bool  # of the model, and there anyway
    holders: list[int]  # the nodes that saved it, oldest first


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
    attributes: Mapping[str, Any]  # other arguments that are not at their defaults; arrays by shape and dtype
    call: Call  # the module call it belongs to; for a leaf, the innermost one around all its uses
    name: str  # of a parameter or named Tensor, "a = b" if it has several
    saved: tuple[Saved, ...]
    freed: bool  # backward has run, and what was saved for it is gone
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


@dataclass(eq=False, repr=False)
class GraphData:
    """What a graph consists of, and what can be asked of it; `Graph` makes one of a Tensor, and shows it."""

    root: Call  # stands around all module calls
    nodes: list[GraphNode]  # oldest first
    outputs: list[tuple[int, int]]  # (node, output) of each Tensor that the graph was made from
    buffers: list[Buffer]
    leaves: dict[int, tuple[weakref.ref[engine.Node], list[weakref.ref[Tensor]]]]  # and the Tensors they are
    error: str  # of the op that failed, if one did

    def leaf(self, index: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        """The (data, gradient) of a leaf, each None if there is none, or not known any more."""
        node, tensors = self.leaves[index][0](), (ref() for ref in self.leaves[index][1])
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
        """Whether a backward has run: the structure is still there, what was saved is gone."""
        return any(node.freed for node in self.nodes)

    @property
    def saved_bytes(self) -> int:
        """What is saved for backward, beside parameters; memory that several ops hold counts once."""
        return sum(buffer.nbytes for buffer in self.buffers if not buffer.is_parameter)

    def __len__(self) -> int:
        return len(self.nodes)
