"""What backward keeps: how much, where, and what recomputing a module call would save."""

from __future__ import annotations

from typing import NamedTuple

from . import units
from .calls import Call
from .data import GraphData
from .notebook import paragraph, table
from .totals import totals


class Kept(NamedTuple):
    """Memory that backward keeps, and the op that kept it first."""

    nbytes: int
    name: str  # of the variable in the op
    op: str
    path: str  # of the module
    shape: tuple[int, ...]
    dtype: str


class Checkpoint(NamedTuple):
    """What happens if a module call keeps its inputs only, and runs again during backward."""

    call: Call
    saves: int  # bytes that need not be kept from forward to backward
    keeps: int  # bytes of its inputs
    flops: int  # to run it again

    def __str__(self) -> str:
        return f"saves {units.nbytes(self.saves)} for {units.flops(self.flops)} more"


class Memory:
    """The memory of a graph between forward and backward, without parameters, which are there anyway.

    `running` is the total after each node of the forward; `peak` an estimate of the most that is alive at
    a time during backward: what is still kept, gradients on their way, and those of the parameters.
    """

    def __init__(self, graph: GraphData):
        self.graph = graph
        self.running = _running(graph)
        self.total = graph.saved_bytes
        self.peak = _peak(graph)

    def largest(self, count: int = 10) -> list[Kept]:
        """The largest arrays, each once."""
        rows, seen = [], set()
        for node in self.graph.nodes:
            for kept in node.saved:
                buffer = self.graph.buffers[kept.buffer]
                if not buffer.is_parameter and kept.buffer not in seen:
                    seen.add(kept.buffer)
                    dtype = str(kept.dtype)
                    rows.append(Kept(buffer.nbytes, kept.name, node.op, node.path, kept.shape, dtype))
        return sorted(rows, key=lambda row: -row.nbytes)[:count]

    def checkpoint(self, call: Call) -> Checkpoint:
        """What checkpointing a module call would save: all it alone keeps, but for its inputs."""
        graph, inside = self.graph, set(call.all_nodes())
        nodes = [graph.nodes[i] for i in sorted(inside)]
        held = {kept.buffer for node in nodes for kept in node.saved}
        alone = (graph.buffers[b] for b in held if inside.issuperset(graph.buffers[b].holders))
        used = {edge for node in nodes for edge in node.inputs if edge is not None}
        entering = [e for e in used if e[0] not in inside and graph.nodes[e[0]].op != "leaf"]
        keeps = sum(graph.bytes_of(*edge) for edge in entering)
        saves = sum(buffer.nbytes for buffer in alone if not buffer.is_parameter) - keeps
        return Checkpoint(call, max(saves, 0), keeps, totals(graph, nodes).flops)

    def checkpoints(self) -> list[Checkpoint]:
        """Of every module call, the one that saves most first."""
        found = [self.checkpoint(call) for call in self.graph.root.walk() if call.parent is not None]
        return sorted(found, key=lambda c: -c.saves)

    def __str__(self) -> str:
        lines = [self._summary()]
        for nbytes, *rest in self._largest():
            lines.append("  ".join([f"{nbytes:>9}", *rest]))
        saving = self._saving()
        lines += ["checkpointing would save"] * bool(saving)
        lines += [f"{nbytes:>9}  {where}  (for {flops} more)" for nbytes, where, flops in saving]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Memory of {len(self.graph)} nodes: {self._summary()}>"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        parts = [paragraph(self._summary())]
        parts += [table(["kept", "array", "by"], rows, 3) for rows in [self._largest()] if rows]
        saving = self._saving()
        parts += [table(["checkpointing saves", "of", "for more"], saving, 2)] * bool(saving)
        return {"text/plain": str(self), "text/html": "".join(parts)}

    def _summary(self) -> str:
        note = "; backward has run: what it kept is freed" if self.graph.freed else ""
        return f"backward keeps {units.nbytes(self.total)}; peak about {units.nbytes(self.peak)}{note}"

    def _largest(self) -> list[tuple[str, str, str]]:
        """As text: bytes, the array, where it is kept."""
        return [
            (
                units.nbytes(row.nbytes),
                f"{row.name} {row.shape} {row.dtype}",
                f"{row.path}: {row.op}" if row.path else row.op,
            )
            for row in self.largest()
        ]

    def _saving(self) -> list[tuple[str, str, str]]:
        """As text: what checkpointing would save, of which call, for how many FLOPs."""
        worth = [c for c in self.checkpoints() if c.saves][:10]
        return [(units.nbytes(c.saves), c.call.path or c.call.kind, units.flops(c.flops)) for c in worth]

    def plot(self, axes=None):
        """Draw the running total over the forward with matplotlib; returns the axes."""
        if axes is None:
            import matplotlib.pyplot as plt

            _, axes = plt.subplots(figsize=(7, 2.5), layout="constrained")
        axes.fill_between(range(len(self.running)), [n / 1e6 for n in self.running], step="post", alpha=0.4)
        axes.set(xlabel="nodes of the forward", ylabel="kept for backward (MB)")
        axes.set(xlim=(0, len(self.running)), ylim=0)
        return axes


def _running(graph: GraphData) -> list[int]:
    added = [0] * len(graph)
    for buffer in graph.buffers:
        if not buffer.is_parameter:
            added[buffer.holders[0]] += buffer.nbytes
    running, total = [], 0
    for n in added:
        total += n
        running.append(total)
    return running


def _peak(graph: GraphData) -> int:
    """Walks back as the engine does, counting what is alive."""
    freed_at = [0] * len(graph)
    for buffer in graph.buffers:
        if not buffer.is_parameter:
            freed_at[buffer.holders[0]] += buffer.nbytes
    gradients: dict[tuple[int, int], int] = {edge: graph.bytes_of(*edge) for edge in graph.outputs}
    alive = graph.saved_bytes + sum(gradients.values())
    peak = alive
    for node in reversed(graph.nodes):
        for edge in filter(None, node.inputs):
            if edge not in gradients:
                gradients[edge] = graph.bytes_of(*edge)
                alive += gradients[edge]
        peak = max(peak, alive)
        if node.op != "leaf":  # leaves keep theirs
            alive -= sum(gradients.pop((node.index, i), 0) for i in range(len(node.shapes)))
        alive -= freed_at[node.index]
    return peak
