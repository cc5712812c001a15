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
    saved: int  # bytes for backward, beside parameters


def totals(graph: GraphData, nodes: Iterable[GraphNode]) -> Totals:
    nodes = list(nodes)
    saved = {array.buffer for node in nodes for array in node.saved}
    buffers = (graph.buffers[b] for b in saved)
    return Totals(
        sum(node.size for node in nodes if node.kind == "parameter"),
        sum(node.flops for node in nodes),
        sum(buffer.nbytes for buffer in buffers if not buffer.is_parameter),
    )
