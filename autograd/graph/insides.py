"""What the interactive page is made of: the inside of each module, laid out by itself, and texts about it.

A page puts an open module's inside in the place of its box, so that each opens and closes for itself, and the
page grows with the number of modules, not with the number of ways to open them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from . import attributes, labels, units
from .calls import Call, common
from .memory import Memory
from .page import Inside, page
from .render import render_svgs
from .view import Arrow, Box, View, age, make_view

if TYPE_CHECKING:
    import graphviz

MOST = 300  # modules that can be opened in a page
Draw = Callable[[list[View]], "list[graphviz.Digraph]"]
Details = dict[str, dict[str, str]]


def interactive(view: View, draw: Draw, title: str = "") -> str:
    """The page that starts with `view`; `draw` makes pictures of several Views, with one scale of colours."""
    flows: dict[str, dict[str, None]] = {}
    views = insides(all_open(view), flows)
    svgs = render_svgs([graph.source for graph in [*draw([view]), *draw(list(views.values()))]])
    parts = []
    for (call, v), svg in zip(views.items(), svgs[1:], strict=True):
        carried = {a.id: [*flows[a.id]] for a in v.arrows if a.source.call in views or a.target.call in views}
        parent = None if call.parent is None else _id(call.parent)
        parts.append(Inside(_id(call), parent, call.title, svg, carried))
    opened = [_id(call) for call in view.open_calls[1:] if call in views]
    details = _details(list(views.values()))
    return page(title or "computation graph", svgs[0], parts, details, opened, fits=view.by_default)


def _id(call: Call) -> str:
    return f"c{call.index}"


def all_open(view: View) -> View:
    """The picture in which all that can be opened is open: what is open in `view`, and outer calls first."""
    chosen, waiting = set(view.open_calls), deque([view.graph.root])
    while waiting and len(chosen) < MOST:
        call = waiting.popleft()
        chosen.add(call)
        waiting.extend(inner for inner in call.calls if inner not in view.fold.hidden)
    return make_view(view.graph, view.zoom, expand=chosen.__contains__, fold=view.fold)


def insides(whole: View, flows: dict[str, dict[str, None]]) -> dict[Call, View]:
    """For each open call of a View, what is directly in it: calls as closed boxes, and where values enter and
    leave as ports, one for each box whose output they are.

    `flows` gets for each arrow the ids of these boxes, so that its way through nested pictures can be told.
    """
    made = _boxes(whole)
    closed = {box.call: box for view in made.values() for box in view.boxes if box.call is not None}
    ports: dict[str, Box] = {}
    arrows: dict[str, Arrow] = {}

    def port(kind: str, call: Call, origin: Box) -> Box:
        name = f"{'in' if kind == 'enter' else 'out'}.{_id(call)}.{origin.id}"
        if name not in ports:
            ports[name] = Box(name, kind, call, origin.nodes, origin=origin)
            made[call].boxes.append(ports[name])
        return ports[name]

    def connect(call: Call, source: Box, target: Box, arrow: Arrow) -> None:
        piece = Arrow(source, target)
        if piece.id not in arrows:
            arrows[piece.id] = piece
            made[call].arrows.append(piece)
        arrows[piece.id].values.update(arrow.values)
        flows.setdefault(piece.id, {})[arrow.source.id] = None

    for arrow in whole.arrows:
        source, target, origin = arrow.source, arrow.target, arrow.source
        outer = common(source.inside, target.inside)
        for call in _below(source.inside, outer):
            connect(call, source, port("leave", call, origin), arrow)
            source = closed[call]
        for call in _below(target.inside, outer):
            connect(call, port("enter", call, origin), target, arrow)
            target = closed[call]
        connect(outer, source, target, arrow)
    for view in made.values():
        view.boxes.sort(key=age)
        _pull_ports(view)
    return made


def _boxes(whole: View) -> dict[Call, View]:
    """A View for each open call with what is directly in it, without arrows."""
    graph, root = whole.graph, whole.graph.root
    made = {
        call: View(graph, whole.fold, whole.zoom, open_calls=[root] if call is root else [root, call])
        for call in whole.open_calls
    }
    for box in whole.boxes:
        made[box.inside].add(box)
    for call in whole.open_calls[1:]:
        assert call.parent is not None
        nodes = [graph.nodes[i] for i in call.all_nodes()]
        made[call.parent].add(Box(_id(call), "module", call.parent, nodes, call))
    return made


def _below(call: Call, outer: Call) -> Iterator[Call]:
    """This call and those around it that are inside of `outer`."""
    for c in call.around():
        if c is outer:
            return
        yield c


def _pull_ports(view: View) -> None:
    """To the first row and to the last: arrows at ports get as long as the way there is."""
    above, below = dict.fromkeys(view.boxes, 1), dict.fromkeys(view.boxes, 1)  # rows
    for arrow in sorted(view.arrows, key=lambda arrow: age(arrow.target)):
        if arrow.source.origin is None:
            above[arrow.target] = max(above[arrow.target], above[arrow.source] + 1)
    for arrow in sorted(view.arrows, key=lambda arrow: age(arrow.source), reverse=True):
        if arrow.target.origin is None:
            below[arrow.source] = max(below[arrow.source], below[arrow.target] + 1)
    for arrow in view.arrows:
        if arrow.source.origin is not None:
            arrow.length = max(1, above[arrow.target] - 1)
        elif arrow.target.origin is not None:
            arrow.length = max(1, below[arrow.source] - 1)


# ------------------------------------------------------------------ what hovering shows


def _details(views: list[View]) -> Details:
    memory = Memory(views[0].graph)
    found: Details = {}
    for view in views:
        for box in view.boxes:
            if box.call is not None:
                found[box.id] = _of_call(view, box.call, memory)
            elif box.origin is None:
                found[box.id] = _of_box(view, box)
        found.update((arrow.id, _of_arrow(arrow)) for arrow in view.arrows)
    return found


def _of_arrow(arrow: Arrow) -> dict[str, str]:
    values = arrow.values.values()
    size = sum(value.nbytes for value in values)
    shapes = ", ".join(dict.fromkeys(units.shape(value.shape) for value in values))
    return {"shape": shapes} | ({"bytes": units.nbytes(size)} if size else {})


def _of_call(view: View, call: Call, memory: Memory) -> dict[str, str]:
    sums, checkpoint = labels.call_totals(view, call), memory.checkpoint(call)
    members = view.fold.members(call)
    inside = (view.graph.nodes[i] for member in members for i in member.all_nodes())
    shared = sums.parameters - sum(node.size for node in inside if node.kind == "parameter")
    rows = {"module": call.path, "class": f"{call.kind}({call.about})"}
    rows["computes"] = f"a gradient of order {call.gradient}" if call.gradient else ""
    rows["repeats"] = f"× {len(members)}" if len(members) > 1 else ""
    rows["parameters"] = f"{sums.parameters:,}" + (f", {shared:,} of them shared" if shared else "")
    rows |= {"forward": units.flops(sums.flops), "saved for backward": units.nbytes(sums.saved)}
    rows |= {"autograd.checkpoint": str(checkpoint) if checkpoint.frees and not call.gradient else ""}
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
        **({node.kind: node.name or node.op} if node.op == "leaf" else {"op": node.op, "name": node.name}),
        "attributes": attributes.full(node.attributes),
        "in": node.path,
        "output": ", ".join(f"{units.shape(s)} {d}" for s, d in outputs),
        "bytes": units.nbytes(node.nbytes),
        "forward": units.flops(node.flops) if node.flops else "",
        "saved for backward": ", ".join(map(labels.saved_line, node.saved)),
        "error": view.graph.error if node.kind == "failed" else "",
        "recorded as": f"#{node.order}",
    }
    return {key: value for key, value in rows.items() if value}
