"""Pictures in Mermaid's language, which Markdown pages show."""

from __future__ import annotations

import re

from . import style
from .calls import Call
from .labels import arrow_label, box_label, call_label
from .view import Box, View


def mermaid(view: View) -> str:
    """The picture in Mermaid's language."""
    lines = ["flowchart TD"]
    inside: dict[Call, list[Box]] = {}
    for box in view.boxes:
        inside.setdefault(box.inside, []).append(box)
    calls: dict[Call | None, list[Call]] = {}
    for opened in view.open_calls[1:]:
        calls.setdefault(opened.parent, []).append(opened)
    stack: list[tuple[Call | None, int]] = [(view.graph.root, 0)]
    while stack:
        call, depth = stack.pop()
        pad = "  " * depth
        if call is None:
            lines.append(f"{pad}end")
            continue
        if call is not view.graph.root:
            label = call_label(view, call)
            lines.append(f'{pad}subgraph c{call.index}["{_mermaid(label)}"]')
            stack.append((None, depth))
        for box in inside.get(call, ()):
            lines.append(f'{pad}  {box.id}("{_mermaid(box_label(view, box))}"):::{box.look}')
        stack.extend((inner, depth + 1) for inner in reversed(calls.get(call, [])))
    for arrow in view.arrows:
        source, target = arrow.source.id, arrow.target.id
        text = _safe(arrow_label(arrow).replace("\n", " "))
        ends = (target, source) if view.zoom == "backward" else (source, target)
        lines.append(f"  {ends[0]} -->{f'|{chr(34)}{text}{chr(34)}|' if text else ''} {ends[1]}")
    return "\n".join([*lines, *_classes(view)]) + "\n"


def _mermaid(label) -> str:
    beside, below = label.stacked()
    return "<br/>".join(map(_safe, [f"{label.title} {beside}".strip(), *below]))


def _safe(text: str) -> str:
    """Everything but letters, digits and a few signs as Mermaid's #code; entities."""
    text = re.sub(r"\s+", " ", text)[:120]
    return re.sub(r"[^\w ().,×…=+/-]", lambda found: f"#{ord(found[0])};", text)


def _classes(view: View) -> list[str]:
    found = []
    for kind in dict.fromkeys(box.look for box in view.boxes):
        look = {**style.NODE, **style.KINDS[kind]}
        colors = f"fill:{look['fillcolor']},stroke:{look['color']},color:{look['fontcolor']}"
        dashed = ",stroke-dasharray:4 2" * ("dashed" in look["style"])
        found.append(f"  classDef {kind} {colors}{dashed}")
    return found
