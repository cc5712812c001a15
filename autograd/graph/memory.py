"""What is saved for backward: how much, where, and what recomputing a module call would free."""

from __future__ import annotations

from typing import NamedTuple

from . import units
from .calls import Call
from .data import GraphData
from .notebook import paragraph, table
from .totals import totals

ADVICE = "autograd.checkpoint(module, x) for module(x)"


class SavedBuffer(NamedTuple):
    """Memory that is saved for backward, and the op that saved it first."""

    nbytes: int
    name: str  # of the variable in the op
    op: str
    path: str  # of the module
    shape: tuple[int, ...]
    dtype: str


class Checkpoint(NamedTuple):
    """What autograd.checkpoint does: a module call saves its inputs only, and runs again in backward."""

    call: Call
    frees: int  # bytes that need not be saved from forward to backward
    inputs: int  # bytes of what is saved instead
    flops: int  # to run it again

    def __str__(self) -> str:
        return f"frees {units.nbytes(self.frees)} for {units.flops(self.flops)} more"


class Memory:
    """The memory of a graph between forward and backward, without parameters, which are there anyway.

    `running` is the total after each node of the forward; `peak` an estimate of the most that is alive at
    a time during backward: what is still saved, gradients on their way, and those of the parameters.
    """

    def __init__(self, graph: GraphData):
        self.graph = graph
        self.running = _running(graph)
        self.total = graph.saved_bytes
        self.peak = _peak(graph)

    def largest(self, count: int = 10) -> list[SavedBuffer]:
        """The largest arrays, each once."""
        rows, seen = [], set()
        for node in self.graph.nodes:
            for saved in node.saved:
                buffer = self.graph.buffers[saved.buffer]
                if not buffer.is_parameter and saved.buffer not in seen:
                    seen.add(saved.buffer)
                    where = saved.name, node.op, node.path
                    rows.append(SavedBuffer(buffer.nbytes, *where, saved.shape, str(saved.dtype)))
        return sorted(rows, key=lambda row: -row.nbytes)[:count]

    def checkpoint(self, call: Call) -> Checkpoint:
        """What checkpointing a module call would free: all it alone saves, but for its inputs."""
        graph, inside = self.graph, set(call.all_nodes())
        nodes = [graph.nodes[i] for i in sorted(inside)]
        held = {saved.buffer for node in nodes for saved in node.saved}
        alone = (graph.buffers[b] for b in held if inside.issuperset(graph.buffers[b].holders))
        used = {edge for node in nodes for edge in node.inputs if edge is not None}
        entering = [e for e in used if e[0] not in inside and graph.nodes[e[0]].op != "leaf"]
        inputs = sum(graph.bytes_of(*edge) for edge in entering)
        frees = sum(buffer.nbytes for buffer in alone if not buffer.is_parameter) - inputs
        return Checkpoint(call, max(frees, 0), inputs, totals(graph, nodes).flops)

    def checkpoints(self) -> list[Checkpoint]:
        """Of every module call of the forward pass, the one that frees most first."""
        calls = [call for call in self.graph.root.walk() if call.parent is not None and not call.gradient]
        found = [self.checkpoint(call) for call in calls]
        return sorted(found, key=lambda c: -c.frees)

    def __str__(self) -> str:
        lines = [self._summary()]
        for nbytes, *rest in self._largest():
            lines.append("  ".join([f"{nbytes:>9}", *rest]))
        freed = self._freed()
        lines += [f"{ADVICE} would free"] * bool(freed)
        lines += [f"{nbytes:>9}  {where}  (for {flops} more)" for nbytes, where, flops in freed]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Memory of {len(self.graph)} nodes: {self._summary()}>"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        parts = [paragraph(self._summary())]
        parts += [table(["saved", "array", "by"], rows, 3) for rows in [self._largest()] if rows]
        freed = self._freed()
        parts += [table([f"{ADVICE} frees", "of", "for more"], freed, 2)] * bool(freed)
        return {"text/plain": str(self), "text/html": "".join(parts)}

    def _summary(self) -> str:
        note = "; backward has run: what was saved is freed" if self.graph.freed else ""
        return f"{units.nbytes(self.total)} saved for backward; peak about {units.nbytes(self.peak)}{note}"

    def _largest(self) -> list[tuple[str, str, str]]:
        """As text: bytes, the array, where it is saved."""
        return [
            (
                units.nbytes(row.nbytes),
                f"{row.name} {row.shape} {row.dtype}",
                f"{row.path}: {row.op}" if row.path else row.op,
            )
            for row in self.largest()
        ]

    def _freed(self) -> list[tuple[str, str, str]]:
        """As text: what checkpointing would free, of which call, for how many FLOPs."""
        worth = [c for c in self.checkpoints() if c.frees][:10]
        return [(units.nbytes(c.frees), c.call.path or c.call.kind, units.flops(c.flops)) for c in worth]

    def plot(self, axes=None):
        """Draw the running total over the forward with matplotlib; returns the axes."""
        if axes is None:
            import matplotlib.pyplot as plt

            _, axes = plt.subplots(figsize=(7, 2.5), layout="constrained")
        axes.fill_between(range(len(self.running)), [n / 1e6 for n in self.running], step="post", alpha=0.4)
        axes.set(xlabel="nodes of the forward", ylabel="saved for backward (MB)")
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
