"""A recorded graph as data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import engine
from .tensor import Tensor


@dataclass(frozen=True)
class GraphNode:
    """One op of a graph, or a leaf (op "leaf"): what it gave, from what, and what its backward keeps."""

    op: str
    order: int  # creation number
    shapes: tuple[tuple[int, ...], ...]  # of its outputs
    dtypes: tuple[np.dtype, ...]
    inputs: tuple[int | None, ...]  # positions in Graph.nodes; None for a constant
    saved: dict[str, int]  # name -> bytes


class Graph:
    """Everything that `output` was computed from and that takes part in its backward.

    Oldest first; it holds no arrays and does not keep the recorded graph alive. `saved_bytes` counts each
    array once, though several ops may keep it or views of it.
    """

    def __init__(self, output: Tensor):
        if output.edge is None:
            raise ValueError("this Tensor has no graph: nothing it was computed from requires a gradient")
        found = sorted(engine.reachable([output.edge]), key=lambda node: node.order)
        position = {node: i for i, node in enumerate(found)}
        owners: dict[int, int] = {}  # buffers, by identity
        self.nodes: list[GraphNode] = []
        for node in found:
            inputs = tuple(None if edge is None else position[edge[0]] for edge in node.edges)
            saved: dict[str, int] = {}
            for name, array in engine.saved_arrays(node):
                saved[name] = saved.get(name, 0) + array.nbytes
                owner = array if array.base is None else array.base
                owners[id(owner)] = getattr(owner, "nbytes", array.nbytes)
            self.nodes.append(GraphNode(node.name, node.order, node.shapes, node.dtypes, inputs, saved))
        self.saved_bytes = sum(owners.values())

    def __len__(self) -> int:
        return len(self.nodes)

    def summary(self) -> str:
        """One line: ops, leaves, what backward keeps."""
        leaves = [n for n in self.nodes if n.op == "leaf"]
        parameters = sum(int(np.prod(n.shapes[0])) for n in leaves)
        ops = len(self.nodes) - len(leaves)
        return (
            f"{ops} ops over {len(leaves)} leaves with {parameters:,} elements; "
            f"backward keeps {self.saved_bytes:,} bytes"
        )
