"""What stands in the boxes of a picture, as plain text."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

from . import attributes, units
from .calls import Call
from .data import GraphData, GraphNode, Saved
from .totals import Totals, totals
from .view import Arrow, Box, View

LONGEST = 60  # characters in a line
WIDE = 30  # characters in a line of a box, unless nothing can be done
SHOWN = 4  # saved arrays listed in a box


@dataclass
class Label:
    title: str
    note: str = ""  # beside the title, lighter
    given: str = ""  # attributes of a call, beside these, or below where that would be wide
    lines: list[str] = field(default_factory=list)  # below it, smaller
    says: tuple[str, float] | None = None  # a measurement (in colors.MEASURES) that these lines have already

    def stacked(self) -> tuple[str, list[str]]:
        """What stands beside the title, and what below it."""
        beside = f"{self.note} {self.given}".strip()
        if not self.given or len(self.title) + len(beside) < WIDE:
            return beside, self.lines
        return self.note, [*textwrap.wrap(self.given, WIDE), *self.lines]


def call_totals(view: View, call: Call) -> Totals:
    """Of all the calls that one stands for."""
    return totals(view.graph, call_nodes(view, call))


def call_nodes(view: View, call: Call) -> list[GraphNode]:
    """Everything in the calls that one stands for, and the parameters that these share with others."""
    found = [i for member in view.fold.members(call) for i in member.all_nodes()]
    if call.gradient:  # parameters count in the forward pass
        return [view.graph.nodes[i] for i in sorted(found)]
    return view.graph.with_parameters(found)


def box_label(view: View, box: Box) -> Label:
    """Of a box, by its kind."""
    if box.call is not None:
        label = call_label(view, box.call)
        label.lines += [view.graph.error] * box.failed
        return label
    if box.kind == "output":
        shape = view.graph.output_shape(int(box.id[3:]))
        return Label("output", lines=[units.shape(shape)]) if shape else Label("loss")
    if box.constant is not None:
        name = box.constant.name  # a letter says nothing
        return Label(name if len(name) > 1 else box.kind, lines=[units.shape(box.constant.shape)])
    if box.kind == "more":
        ops = sum(node.op != "leaf" for node in box.nodes)
        return Label(f"… {ops:,} more ops")
    return _node_label(view, box.nodes[0])


def call_label(view: View, call: Call) -> Label:
    """Of a module call, open or closed."""
    sums = call_totals(view, call)
    members = view.fold.members(call)
    label = Label(call.title, call.kind if call.name else "")
    if len(members) > 1:
        first, last = call.name.rpartition(".")[2], members[-1].name.rpartition(".")[2]
        label.title += f"…{last}" if first != last and last.isdigit() else ""
        label.title += f" × {len(members)}"
    if view.zoom == "backward":
        label.lines = [f"saves {units.nbytes(sums.saved)}"] if sums.saved else []
        label.says = "memory", sums.saved
    elif sums.parameters:
        label.lines = [f"{units.count(sums.parameters)} parameters"]
    return label


def _node_label(view: View, node: GraphNode) -> Label:
    if node.op == "leaf":
        name = node.name.removeprefix(f"{node.path}.") if " = " not in node.name else node.name
        return Label(name or node.kind, lines=[units.shape(node.shapes[0])])
    numbers = [units.number(c.value) for c in node.constants if c.shape is None]
    note = " ".join([node.op] * bool(node.name) + numbers)
    label = Label(node.name or node.op, note, attributes.brief(node.attributes))
    if node.kind == "failed":
        label.lines = [view.graph.error]
    if view.zoom == "backward":
        once = {s.buffer: s for s in reversed(node.saved)}.values()
        saved = [s for s in reversed(once) if not view.graph.buffers[s.buffer].is_parameter]
        lines = [saved_line(s) for s in saved[:SHOWN]] + [f"and {len(saved) - SHOWN} more"]
        label.lines += ["saves " + line if i == 0 else line for i, line in enumerate(lines[: len(saved)])]
        label.says = ("memory", saved[0].nbytes) if len(saved) == 1 else None  # else their sum is news
    return label


def saved_line(saved: Saved) -> str:
    return f"{saved.name} {units.shape(saved.shape)} {units.nbytes(saved.nbytes)}"


def arrow_label(arrow: Arrow) -> str:
    """The shapes that flow, each once; nothing where the source itself shows its shape, or at a port."""
    if arrow.source.kind in ("parameter", "input", "constant") or arrow.source.origin or arrow.target.origin:
        return ""
    shapes: dict[str, int] = {}
    for value in arrow.values.values():
        text = units.shape(value.shape) if value.shape else ""
        shapes[text] = shapes.get(text, 0) + 1
    texts = [f"{n} × {text}" if n > 1 and text else text for text, n in shapes.items()]
    return "\n".join(texts[:2] + ["…"] * (len(texts) > 2))


def graph_note(graph: GraphData) -> str:
    """What has to be said below a picture."""
    if graph.error:
        return "the computation failed at the red box"
    return "backward has run: what was saved is freed, only the structure is left" if graph.freed else ""
