"""Sums over nodes of a graph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .data import GraphData, GraphNode


@dataclass(frozen=True)
class Totals:
    """Sums over some nodes; shared parameters and memory count once."""

    parameters: int
    flops: int
    saved: int  # bytes that backward keeps, beside parameters


def totals(graph: GraphData, nodes: Iterable[GraphNode]) -> Totals:
    nodes = list(nodes)
    buffers = {kept.buffer for node in nodes for kept in node.saved}
    kept = (graph.buffers[b] for b in buffers)
    return Totals(
        sum(node.size for node in nodes if node.kind == "parameter"),
        sum(node.flops for node in nodes),
        sum(buffer.nbytes for buffer in kept if not buffer.is_parameter),
    )
