"""A View as a graphviz.Digraph."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from . import labels, style, units
from .calls import Call
from .colors import Coloring
from .view import Arrow, Box, View

if TYPE_CHECKING:
    import graphviz

_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")


def digraph(view: View, coloring: Coloring | None = None, caption: str = "") -> graphviz.Digraph:
    """The picture in graphviz's terms; every box, cluster and arrow has its id as the SVG's id too.

    `caption`, what stands below, comes from the function of this name.
    """
    import graphviz

    graph = graphviz.Digraph("tapegrad", graph_attr=style.GRAPH, node_attr=style.NODE, edge_attr=style.EDGE)
    if caption:
        graph.attr(label=caption)
    inside: dict[Call, list[Box]] = {}
    for box in view.boxes:
        inside.setdefault(box.inside, []).append(box)
    bodies = {view.graph.root: graph}
    for call in view.open_calls[1:]:
        bodies[call] = _cluster(view, call)
    for call, body in bodies.items():
        for box in inside.get(call, ()):
            body.node(box.id, **_box(view, box, coloring))
    for call in reversed(view.open_calls[1:]):  # innermost first
        assert call.parent is not None
        bodies.get(call.parent, graph).subgraph(bodies[call])
    newest: dict[Box, Arrow] = {}  # of what flows into each box: the main line of the picture, kept straight
    for arrow in view.arrows:
        newest[arrow.target] = max(newest.get(arrow.target, arrow), arrow, key=_age)
    for arrow in view.arrows:
        weight = "8" if newest[arrow.target] is arrow else "1"
        graph.edge(arrow.source.id, arrow.target.id, weight=weight, **_arrow(view, arrow))
    return graph


def _cluster(view: View, call: Call) -> graphviz.Digraph:
    import graphviz

    tints = style.GRADIENT_TINTS if call.gradient else style.TINTS
    tint = tints[min(call.depth, len(tints)) - 1]
    look = {**style.CLUSTER, **style.SECOND} if call.gradient else style.CLUSTER
    attributes = {**look, "fillcolor": tint, "id": f"c{call.index}", "class": "open"}
    attributes |= {"label": _inline(labels.call_label(view, call)), "tooltip": plain(call.path or call.kind)}
    return graphviz.Digraph(f"cluster_c{call.index}", graph_attr=attributes)


def _box(view: View, box: Box, coloring: Coloring | None) -> dict[str, str]:
    attributes = {"id": box.id, "class": box.kind, **style.KINDS[box.look]}
    if box.origin is not None:
        return attributes
    label = labels.box_label(view, box)
    entry = coloring.entries.get(box.id) if coloring is not None else None
    if coloring is not None and entry is not None:
        label.lines += [entry.text] * ((coloring.name, entry.value) != label.says)
        attributes["fillcolor"] = entry.color
        attributes["style"] = "rounded,filled"
    small = style.FAINT if box.kind == "view" else style.SMALL
    times = len(view.fold.members(box.call)) if box.call else 1
    if times > 1:  # a stack of boxes
        attributes["peripheries"] = "2"
    return {
        **attributes,
        "label": _stacked(label, small if entry is None else style.INK),
        "tooltip": plain(_path(box)),
    }


def _arrow(view: View, arrow: Arrow) -> dict[str, str]:
    attributes = {"id": arrow.id, "tooltip": plain(f"{_path(arrow.source)} → {_path(arrow.target)}")}
    origin = arrow.source.origin or arrow.source
    if view.zoom == "backward":
        if origin.kind == "constant" or origin.constant is not None:
            attributes |= style.PASSING | {"style": "dashed"}  # no gradient goes there
        else:
            attributes |= style.GRADIENT
    elif origin.kind in ("parameter", "constant") or _order(origin) < _order(arrow.target):
        attributes |= style.PASSING
    if (arrow.source if attributes.get("dir") == "back" else arrow.target).origin is not None:
        attributes["dir"] = "none"  # it goes on beyond the port
    attributes |= {"minlen": str(arrow.length)} if arrow.length > 1 else {}
    attributes |= {"tailport": "s"} if arrow.source.origin is not None else {}
    attributes |= {"headport": "n"} if arrow.target.origin is not None else {}
    text = labels.arrow_label(arrow)
    if text:
        attributes["label"] = _beside(text.split("\n"))
    return attributes


def _order(box: Box) -> int:
    """Of the gradient that it is a part of."""
    return (box.call or box.inside).gradient


def _age(arrow: Arrow) -> int:
    nodes = [node.index for node in arrow.source.nodes if node.op != "leaf"]
    return max(nodes, default=-1)


def _path(box: Box) -> str:
    box = box.origin or box
    if box.call is not None:
        return f"{box.call.path} {box.call.kind}".strip()
    if box.nodes and box.kind != "more":
        node = box.nodes[0]
        return node.name or f"{node.path} {node.op}".strip()
    return box.kind


# ------------------------------------------------------------------ labels in graphviz's HTML


def clean(text: str, longest: int = labels.LONGEST) -> str:
    """One line of printable text, not too long."""
    return units.cut(_UNPRINTABLE.sub("\ufffd", re.sub(r"\s+", " ", str(text))), longest)


def escaped(text: str, longest: int = labels.LONGEST) -> str:
    return html.escape(clean(text, longest), quote=True)


def plain(text: str) -> str:
    """For attributes that are no HTML, in which a backslash would start an escape."""
    import graphviz

    return graphviz.escape(clean(text, 200))


def _beside(lines: list[str]) -> str:
    """With room to the line; plain spaces would be dropped by what shows an SVG."""
    return f"<{'<BR/>'.join(f'&#160;{html.escape(clean(line))}&#160;' for line in lines)}>"


def _small(text: str, color: str = style.SMALL) -> str:
    return f'<FONT POINT-SIZE="9" COLOR="{color}">{escaped(text)}</FONT>'


def _stacked(label: labels.Label, small: str) -> str:
    """Title and note, smaller lines below."""
    beside, below = label.stacked()
    head = escaped(label.title) + (f" {_small(beside, small)}" if beside else "")
    lines = [piece for line in below for piece in _wrapped(line)]
    if not lines:
        return f"<{head}>"
    rows = "".join(f"<TR><TD>{row}</TD></TR>" for row in [head, *(_small(line, small) for line in lines)])
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE>>'


def _inline(label: labels.Label) -> str:
    """For the frame of an open module: all on one line."""
    rest = " · ".join(filter(None, [label.note.strip(), *label.lines]))
    return f"<<B>{escaped(label.title)}</B>{f'  {_small(rest)}' if rest else ''}>"


def _wrapped(line: str) -> list[str]:
    import textwrap

    return textwrap.wrap(clean(line, 240), 48, break_long_words=True)[:6] or [""]


# ------------------------------------------------------------------ below the picture


def _second() -> str:
    """What the look of a gradient's parts means."""
    look = style.KINDS["gradient_module"]
    swatch = (
        f'<TD BGCOLOR="{look["fillcolor"]}" COLOR="{look["color"]}" STYLE="dashed" BORDER="1">'
        f'<FONT POINT-SIZE="9" COLOR="{style.INK}">∇</FONT></TD>'
    )
    text = _small("recorded while a gradient was computed")
    return (
        '<TR><TD><TABLE BORDER="0" CELLSPACING="2" CELLPADDING="3">'
        f"<TR>{swatch}<TD>{text}</TD></TR></TABLE></TD></TR>"
    )


def caption(view: View, coloring: Coloring | None, title: str) -> str:
    """Title, notes and, where colour means something, the legend."""
    rows = [f"<B>{escaped(title, 200)}</B>"] if title else []
    note = labels.graph_note(view.graph) if view.graph.error or view.zoom == "backward" else ""
    rows += [escaped(note, 200)] if note else []
    cells = "".join(f"<TR><TD>{row}</TD></TR>" for row in rows)
    if any(box.look.startswith("gradient") for box in view.boxes) or any(c.gradient for c in view.open_calls):
        cells += _second()
    if coloring is not None:
        swatches = "".join(
            f'<TD BGCOLOR="{color}"><FONT POINT-SIZE="9" COLOR="{style.INK}">{escaped(text)}</FONT></TD>'
            for color, text in coloring.legend
        )
        scale = f'<TABLE BORDER="0" CELLSPACING="2" CELLPADDING="3"><TR>{swatches}</TR></TABLE>'
        cells += f"<TR><TD>{escaped(coloring.title)}</TD></TR><TR><TD>{scale if swatches else ''}</TD></TR>"
    return f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="3">{cells}</TABLE>>' if cells else ""
