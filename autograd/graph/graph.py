"""A recorded graph, for everybody: made of a Tensor, asked as data, printed as text."""

from __future__ import annotations

import weakref
from collections.abc import Iterable

from .. import engine
from ..tensor import Tensor
from . import text
from .calls import call_tree, find_names
from .collect import graph_node, roots_of, saved_memory
from .data import GraphData


class Graph(GraphData):
    """Everything that `output` was computed from and that takes part in its backward, oldest first.

    `output` is a Tensor, several, or the exception of an op that failed. Names come from the modules that
    were called, as far as they still exist, and from `model`: a Module, or a dict of Tensors by name. No
    arrays are held and the recorded graph is not kept alive. Building it takes time linear in its size.
    ValueError for a Tensor without a graph, TypeError for what is neither Tensor nor an op's exception.
    """

    def __init__(self, output: Tensor | Iterable[Tensor] | BaseException, model=None):
        roots, error = roots_of(output)
        found = sorted(engine.reachable(roots), key=lambda node: node.order)
        position = {node: i for i, node in enumerate(found)}
        root, calls = call_tree(found, model)
        names = find_names(found, model)
        buffers, saved = saved_memory(found, names)
        nodes = [
            graph_node(i, node, position, call, arrays, names)
            for i, (node, call, arrays) in enumerate(zip(found, calls, saved, strict=True))
        ]
        for node in nodes:
            node.call.nodes.append(node.index)
            if node.op != "leaf":
                node.call.first = min(node.call.first, node.index)
        leaves = {
            i: (weakref.ref(node), [weakref.ref(t) for _, t in names.tensors.get(node, ())])
            for i, node in enumerate(found)
            if not node.edges
        }
        outputs = [] if error else [(position[node], i) for node, i in roots]
        super().__init__(root, nodes, outputs, buffers, leaves, error)

    def summary(self) -> str:
        """One line: nodes, parameters, FLOPs, bytes saved for backward, peak."""
        return text.summary(self)

    def __str__(self) -> str:
        return text.tree(self)

    def __repr__(self) -> str:
        return f"<Graph of {len(self)} nodes>"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": text.html_tree(self)}
