"""Graphs as text for terminals."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import units
from .calls import Call
from .data import GraphData
from .labels import box_label, call_label, call_nodes, graph_note
from .memory import Memory
from .notebook import paragraph, table
from .totals import totals
from .view import Box, View, make_view

HEAD = ("", "output", "parameters", "FLOPs", "saved")
WIDEST = 60  # columns for names


def summary(graph: GraphData) -> str:
    """One line: nodes, parameters, FLOPs, bytes saved for backward, peak."""
    sums = totals(graph, graph.nodes)
    ops = sum(node.op != "leaf" for node in graph.nodes)
    second = sum(node.op != "leaf" and node.call.gradient > 0 for node in graph.nodes)
    parts = [
        f"{len(graph):,} nodes ({ops:,} ops{f', {second:,} of them of gradients' if second else ''})",
        f"{sums.parameters:,} parameters",
        units.flops(sums.flops),
    ]
    if graph.freed:
        return ", ".join([*parts, "backward has run and freed what was saved"])
    saved, peak = units.nbytes(sums.saved), units.nbytes(Memory(graph).peak)
    return ", ".join([*parts, f"{saved} saved for backward", f"peak {peak}"])


def tree(graph: GraphData) -> str:
    """The summary, then a line for each module call and op, as in the picture of modules.

    The line of repeated calls has their total, those below it are of one.
    """
    rows = [HEAD, *_rows(make_view(graph))]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = [summary(graph)]
    for name, *cells in rows:
        right = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        lines.append("  ".join([name.ljust(widths[0]), *right]).rstrip())
    return "\n".join([*lines, *_notes(graph)])


def html_tree(graph: GraphData) -> str:
    """The same for a notebook."""
    rows = table(HEAD, _rows(make_view(graph)))
    return "".join([paragraph(summary(graph)), rows, *map(paragraph, _notes(graph))])


def _notes(graph: GraphData) -> list[str]:
    return list(filter(None, [graph.error or graph_note(graph)]))


def _rows(view: View) -> Iterator[tuple[str, ...]]:
    inside: dict[Call, list[Box | Call]] = {}
    for box in view.boxes:
        if box.nodes:  # not what only stands at the ends
            inside.setdefault(box.inside, []).append(box)
    for call in view.open_calls[1:]:
        assert call.parent is not None
        inside.setdefault(call.parent, []).append(call)
    for things in inside.values():
        things.sort(key=_age)
    stack: list[tuple[Box | Call, str, str]] = []
    stack.extend((thing, "", "") for thing in reversed(inside.get(view.graph.root, [])))
    while stack:
        thing, lead, below = stack.pop()
        if isinstance(thing, Call):
            label, under = call_label(view, thing), call_nodes(view, thing)
        else:
            label = box_label(view, thing)
            under = call_nodes(view, thing.call) if thing.call else thing.nodes
        yield (_name(lead, label), *_cells(view.graph, under))
        children = inside.get(thing, []) if isinstance(thing, Call) else []
        for i, child in enumerate(reversed(children)):
            branch, further = ("└ ", "  ") if i == 0 else ("├ ", "│ ")
            stack.append((child, below + branch, below + further))


def _age(thing: Box | Call) -> int:
    if isinstance(thing, Call):
        return min(call.first for call in thing.walk())
    return next((node.index for node in thing.nodes if node.op != "leaf"), thing.nodes[0].index)


def _name(lead: str, label) -> str:
    text = re.sub(r"\s+", " ", f"{label.title} {label.note} {label.given}".strip())
    return units.cut(lead + text, WIDEST)


def _cells(graph: GraphData, nodes) -> tuple[str, ...]:
    last, sums = nodes[-1], totals(graph, nodes)
    shape = units.shape(last.shapes[0]) if last.shapes else "failed"
    columns = (units.count, sums.parameters), (units.count, sums.flops), (units.nbytes, sums.saved)
    return (shape, *(text(number) if number else "" for text, number in columns))
