"""Finding module calls that repeat, so that a picture shows one of them."""

from __future__ import annotations

from .calls import Call
from .data import GraphData


class Fold:
    """Runs of consecutive calls that do the same, each to the output of the one before.

    `runs` has all the calls of a run by its first; `hidden` are the others.
    """

    def __init__(self, graph: GraphData):
        self.graph = graph
        self.runs: dict[Call, list[Call]] = {}
        self.hidden: set[Call] = set()
        self._stands_for: dict[int, int] = {}
        for call in graph.root.walk():
            self._find_runs(call)

    def shown(self, node: int) -> int:
        """The node that stands for this one: itself, or its like in the first call of the run."""
        while node in self._stands_for:
            node = self._stands_for[node]
        return node

    def members(self, call: Call) -> list[Call]:
        """The calls that this one stands for."""
        return self.runs.get(call, [call])

    def _find_runs(self, parent: Call) -> None:
        first, before = parent, None  # the run's first call, and what the one before this does
        for call in parent.calls:
            now = _Behaviour(self, call, before)
            if before is not None and now.repeats(before, first not in self.runs):
                self.runs.setdefault(first, [first]).append(call)
                self.hidden.add(call)
                self._stands_for.update(zip(now.nodes, before.nodes, strict=True))
            else:
                first = call
            before = now


class _Behaviour:
    """What a call does, in terms that are equal for equal calls."""

    def __init__(self, fold: Fold, call: Call, previous: _Behaviour | None):
        graph = fold.graph
        self.nodes = _canonical(graph, call)
        self.place = place = {n: i for i, n in enumerate(self.nodes)}
        before = previous.place if previous else {}
        self.what: list[tuple] = [(call.kind, call.about, call.gradient)]
        self.inputs = []
        repeated = call.of in fold.hidden or call.of in fold.runs
        for i in self.nodes:
            node = graph.nodes[i]
            does = (node.op, repr(node.attributes) if node.attributes else "", node.kind, len(node.inputs))
            self.what.append((*does, node.shapes, node.dtypes, node.constants))
            for source, output in (e for e in node.inputs if e is not None):
                kind = "inside" if source in place else "before" if source in before else "outside"
                if kind == "outside" and repeated and graph.nodes[source].call.gradient < call.gradient:
                    source = -1  # it is of the call whose gradient this is
                number = place.get(source, before.get(source, source))
                self.inputs.append((kind, number, output))

    def repeats(self, other: _Behaviour, is_first: bool) -> bool:
        """Whether this is `other` again, fed by it; the first of a run may be fed by anything."""
        if self.what != other.what or not any(kind == "before" for kind, *_ in self.inputs):
            return False
        return all(
            x == y or (is_first and y[0] == "before" and x[0] != "inside")
            for x, y in zip(other.inputs, self.inputs, strict=True)
        )


def _canonical(graph: GraphData, call: Call) -> list[int]:
    """The nodes of a call, leaves at their first use: it does not matter when they were made."""
    nodes = call.all_nodes()
    inside = set(nodes)
    order: dict[int, None] = {}
    for i in nodes:
        node = graph.nodes[i]
        if node.op != "leaf":
            order.update((e[0], None) for e in node.inputs if e is not None and e[0] in inside)
            order[i] = None
    return list(order)
