"""The pictures and the texts behind the interactive page: one picture for each module that can be opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from . import labels, units
from .calls import Call
from .memory import Memory
from .render import render_svgs
from .view import Arrow, Box, View, make_view

if TYPE_CHECKING:
    import graphviz

MOST = 150  # pictures in a page
Details = dict[str, dict[str, str]]


def interactive(view: View, draw: Callable[[View], graphviz.Digraph], title: str = "") -> str:
    """The page that starts with `view`; `draw` makes a picture of a View."""
    from .page import State, page

    views = _views(view)
    keys = {call: key for key, (call, _) in views.items() if call is not None}
    svgs = render_svgs([draw(v).source for _, v in views.values()])
    states = []
    for (key, (call, v)), svg in zip(views.items(), svgs, strict=True):
        closed = {f"c{box.call.index}": keys[box.call] for box in v.boxes if box.call in keys}
        opened = {f"c{c.index}": keys.get(c.parent, "closed") for c in v.open_calls if c.parent is not None}
        states.append(State(key, _title(call, key), svg, closed, opened))
    return page(title or "computation graph", states, _details([v for _, v in views.values()]))


def _title(call: Call | None, key: str) -> str:
    if call is None:
        return "all modules closed" if key == "closed" else "overview"
    return call.path or call.kind


def _views(start: View) -> dict[str, tuple[Call | None, View]]:
    """By key: the first picture, all closed, and those with one call and all around it open."""
    graph, zoom, fold = start.graph, start.zoom, start.fold

    def showing(opened: set[Call]) -> View:
        return make_view(graph, zoom, expand=opened.__contains__, fold=fold)

    views: dict[str, tuple[Call | None, View]] = {"root": (None, start)}
    views["closed"] = None, showing({graph.root})
    waiting = [box.call for box in views["closed"][1].boxes if box.call is not None]
    while waiting and len(views) < MOST:
        call = waiting.pop(0)
        view = showing(set(call.around()))
        if call in view.open_calls:  # not one that has nothing to show
            views[f"open{call.index}"] = call, view
            waiting += [box.call for box in view.boxes if box.call is not None and box.call.parent is call]
    return views


# ------------------------------------------------------------------ what hovering shows


def _details(views: list[View]) -> Details:
    memory = Memory(views[0].graph)
    found: Details = {}
    for view in views:
        for call in view.open_calls[1:]:
            if f"c{call.index}" not in found:
                found[f"c{call.index}"] = _of_call(view, call, memory)
        for box in view.boxes:
            if box.id not in found:
                found[box.id] = _of_call(view, box.call, memory) if box.call else _of_box(view, box)
        found.update((arrow.id, _of_arrow(arrow)) for arrow in view.arrows)
    return found


def _of_arrow(arrow: Arrow) -> dict[str, str]:
    values = arrow.values.values()
    size = sum(value.nbytes for value in values)
    shapes = ", ".join(dict.fromkeys(units.shape(value.shape) for value in values))
    return {"shape": shapes} | ({"bytes": units.nbytes(size)} if size else {})


def _of_call(view: View, call: Call, memory: Memory) -> dict[str, str]:
    sums, saving = labels.call_totals(view, call), memory.checkpoint(call)
    times = len(view.fold.members(call))
    rows = {"module": call.path, "class": f"{call.kind}({call.about})"}
    rows["repeats"] = f"× {times}" if times > 1 else ""
    rows |= {"parameters": f"{sums.parameters:,}", "forward": units.flops(sums.flops)}
    rows |= {"kept for backward": units.nbytes(sums.saved)}
    rows |= {"checkpointing it": str(saving) if saving.saves else ""}
    return {key: value for key, value in rows.items() if value}


def _of_box(view: View, box: Box) -> dict[str, str]:
    label = labels.box_label(view, box)
    if not box.nodes:
        return {box.kind: " ".join([label.title, *label.lines])}
    if box.kind == "more":
        return {"left out": label.title.removeprefix("… ")}
    node = box.nodes[0]
    outputs = zip(node.shapes, node.dtypes, strict=True)
    rows = {
        node.kind if node.op == "leaf" else "op": node.name or node.op,
        "in": node.path,
        "output": ", ".join(f"{units.shape(s)} {d}" for s, d in outputs),
        "bytes": units.nbytes(node.nbytes),
        "forward": units.flops(node.flops) if node.flops else "",
        "kept for backward": ", ".join(map(labels.saved_line, node.saved)),
        "error": view.graph.error if node.kind == "failed" else "",
        "recorded as": f"#{node.order}",
    }
    return {key: value for key, value in rows.items() if value}
