"""What a picture of a graph shows: which module calls are open, what becomes a box, and the arrows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .calls import Call
from .data import Constant, GraphData, GraphNode
from .fold import Fold

ZOOMS = ("modules", "ops", "backward")
LIMITS = {"modules": 60, "ops": 250, "backward": 250}  # boxes that a picture has by default
MANY = 150  # things directly in one call, beyond which the middle ones are left out
ENDS = 10  # so many are then left at each end
Expand = Callable[[Call], bool]


@dataclass(eq=False, repr=False)
class Box:
    """Something drawn: a node, a closed module call, or what stands at the graph's ends."""

    id: str
    kind: (
        str  # "module", a GraphNode's kind, "constant", "input", "output", "more"; of a port "enter", "leave"
    )
    inside: Call  # the open call around it
    nodes: list[GraphNode] = field(default_factory=list)  # what it stands for, once
    call: Call | None = None  # if it is closed
    constant: Constant | None = None
    origin: Box | None = None  # of a port, where values enter or leave a module: what they come from

    @property
    def failed(self) -> bool:
        """Whether the op that failed is in it."""
        return any(node.kind == "failed" for node in self.nodes) and self.origin is None

    @property
    def look(self) -> str:
        """In style.KINDS."""
        if self.failed:
            return "failed"
        of_gradient = (self.call or self.inside).gradient and self.origin is None
        return f"gradient_{self.kind}" if of_gradient and self.kind in ("op", "view", "module") else self.kind

    def __repr__(self) -> str:
        return f"<Box {self.id}: {self.kind}>"


class Value(NamedTuple):
    """What flows along an arrow."""

    shape: tuple[int, ...] | None
    nbytes: int


@dataclass(eq=False, repr=False)
class Arrow:
    """Everything that flows from one box to another; from a gradient's point of view it leads back."""

    source: Box
    target: Box
    values: dict[tuple, Value] = field(default_factory=dict)
    length: int = 1  # in rows, at least

    @property
    def id(self) -> str:
        return f"{self.source.id}-{self.target.id}"

    def __repr__(self) -> str:
        return f"<Arrow {self.id}>"


@dataclass(eq=False, repr=False)
class View:
    """Boxes, arrows, and the open calls (outermost first) that are drawn around them."""

    graph: GraphData
    fold: Fold
    zoom: str
    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    open_calls: list[Call] = field(default_factory=list)
    where: dict[int, Box] = field(default_factory=dict)  # of a node, unless folded away or passed over
    by_default: bool = False  # nobody said what to open

    def add(self, box: Box) -> None:
        self.boxes.append(box)
        self.where.update((node.index, box) for node in box.nodes)

    def all_nodes(self) -> dict[Box, list[GraphNode]]:
        """Everything that each box stands for, with its like in calls that are folded away.

        A module has the parameters that it shares with others too, and an op those that have no box.
        """
        found: dict[Box, list[int]] = {}
        for node in self.graph.nodes:
            box = self.where.get(self.fold.shown(node.index))
            if box is not None:
                found.setdefault(box, []).append(node.index)
        return {box: self._with_parameters(box, indices) for box, indices in found.items()}

    def _with_parameters(self, box: Box, indices: list[int]) -> list[GraphNode]:
        nodes = self.graph.with_parameters(indices)
        if box.call is not None:
            return nodes
        return [node for node in nodes if self.where.get(self.fold.shown(node.index)) in (None, box)]

    def __len__(self) -> int:
        return len(self.boxes)

    def __repr__(self) -> str:
        return f"<View of {len(self.graph)} nodes as {self.zoom}: {len(self)} boxes>"


def make_view(graph: GraphData, zoom="modules", *, depth: int | None = None, expand=None, fold=None) -> View:
    """The picture of `graph` in which `expand(call)` says which module calls are opened.

    Instead of `expand`, `depth` opens that many levels of calls; without either, as many levels are opened as
    give a picture of a readable size.
    """
    if zoom not in ZOOMS:
        raise ValueError(f"zoom is {', '.join(map(repr, ZOOMS[:-1]))} or {ZOOMS[-1]!r}, not {zoom!r}")
    if depth is not None and expand is not None:
        raise ValueError("give depth= or expand=, not both")
    if depth is not None and (not isinstance(depth, int) or depth < 0):
        raise ValueError(f"depth is the number of module levels to open, 0 or more, not {depth!r}")
    fold = fold or Fold(graph)
    if expand is None or expand == "auto":
        levels = _readable_depth(graph, zoom, fold) if depth is None else depth
        view = _Builder(graph, zoom, fold, _to_depth(levels)).view()
        view.by_default = depth is None
        return view
    if not callable(expand):
        raise TypeError(f"expand is a function from a call to true or false, or 'auto', not {expand!r}")
    return _Builder(graph, zoom, fold, expand).view()


def _readable_depth(graph: GraphData, zoom: str, fold: Fold) -> int:
    deepest = max(call.depth for call in graph.root.walk())
    for depth in range(1, deepest + 1):
        builder = _Builder(graph, zoom, fold, _to_depth(depth))
        builder.place()
        if len(builder.result.boxes) > LIMITS[zoom]:
            return depth - 1
    return deepest


def _to_depth(depth: int) -> Expand:
    return lambda call: call.depth <= depth


class _Builder:
    """Puts a View together: first the boxes, then the arrows."""

    def __init__(self, graph: GraphData, zoom: str, fold: Fold, is_open: Expand):
        self.result = View(graph, fold, zoom)
        self.graph = graph
        self.modules = zoom == "modules"
        self.fold = fold
        self.is_open = is_open
        self.where = self.result.where

    def view(self) -> View:
        self.place()
        self._connect()
        self.result.boxes.sort(key=age)
        return self.result

    # ------------------------------------------------------------------ boxes

    def place(self) -> None:
        stack = [self.graph.root]
        while stack:
            call = stack.pop()
            self.result.open_calls.append(call)
            opened = []
            for item in self._items(call):
                if isinstance(item, list):
                    self.result.add(Box(f"m{item[0].index}", "more", call, item))
                elif isinstance(item, GraphNode):
                    if self._is_drawn(item):
                        self.result.add(Box(f"n{item.index}", item.kind, call, [item]))
                elif self._can_open(item):
                    opened.append(item)
                else:
                    nodes = [self.graph.nodes[i] for i in item.all_nodes()]
                    self.result.add(Box(f"c{item.index}", "module", call, nodes, item))
            stack.extend(reversed(opened))
        for number in range(len(self.graph.outputs)):
            self.result.boxes.append(Box(f"out{number}", "output", self.graph.root))

    def _items(self, call: Call) -> list:
        """What is directly in a call, in order: nodes, calls that are not folded away, lists of many."""
        nodes: list[tuple] = [(i, self.graph.nodes[i]) for i in call.nodes]
        calls: list[tuple] = [(_first(c), c) for c in call.calls if c not in self.fold.hidden]
        items = [item for _, item in sorted(nodes + calls, key=lambda pair: pair[0])]
        if len(items) <= MANY:
            return items
        middle: list[GraphNode] = []
        for item in items[ENDS:-ENDS]:
            numbers = [item.index] if isinstance(item, GraphNode) else item.all_nodes()
            middle.extend(self.graph.nodes[i] for i in numbers)
        return [*items[:ENDS], middle, *items[-ENDS:]]

    def _is_drawn(self, node: GraphNode) -> bool:
        if self.result.zoom == "backward" and node.kind == "view":
            return bool(node.saved)  # else it only hands gradients on
        if not self.modules or node.kind in ("op", "failed", "input"):
            return True
        return node.kind == "parameter" and node.call is self.graph.root  # else counted in its module

    def _can_open(self, call: Call) -> bool:
        """Whether to open a call; among modules, not if there is but one op to see, unless it failed.

        What stands around a gradient is opened whatever is in it.
        """
        drawn = [self.graph.nodes[i].kind for i in call.nodes if self.graph.nodes[i].kind in ("op", "failed")]
        around = call.gradient and not drawn
        worth = not self.modules or around or len(drawn) + len(call.calls) > 1 or "failed" in drawn
        return worth and bool(self.is_open(call))

    # ------------------------------------------------------------------ arrows

    def _connect(self) -> None:
        arrows: dict[tuple[str, str], Arrow] = {}

        def connect(source: Box, target: Box, key, value: Value) -> None:
            if source is not target:
                arrow = arrows.setdefault((source.id, target.id), Arrow(source, target))
                arrow.values.setdefault(key, value)

        for node in self.graph.nodes:
            target = self.where.get(node.index)  # nothing if it is folded away or passed over
            if target is None:
                continue
            for edge in filter(None, node.inputs):
                value = Value(self.graph.nodes[edge[0]].shapes[edge[1]], self.graph.bytes_of(*edge))
                for source in self._sources(edge[0]):
                    connect(source, target, edge, value)
            for number, constant in enumerate(node.constants):
                if self._is_shown(node, constant, target):
                    box = self._constant_box(node, number, constant, target.inside)
                    connect(box, target, constant, Value(constant.shape, 0))
        for number, edge in enumerate(self.graph.outputs):
            value = Value(self.graph.nodes[edge[0]].shapes[edge[1]], self.graph.bytes_of(*edge))
            target = next(box for box in self.result.boxes if box.id == f"out{number}")
            for source in self._sources(edge[0]):
                connect(source, target, edge, value)
        self.result.arrows = list(arrows.values())

    def _sources(self, index: int) -> Iterator[Box]:
        """The boxes in which a value was made, looking through what is passed over."""
        stack, seen = [index], set()
        while stack:
            i = self.fold.shown(stack.pop())
            if i in self.where:
                yield self.where[i]
            elif i not in seen:
                seen.add(i)
                stack.extend(edge[0] for edge in self.graph.nodes[i].inputs if edge is not None)

    def _is_shown(self, node: GraphNode, constant: Constant, target: Box) -> bool:
        """Arrays are; among modules and of closed ones, only what computation starts from."""
        if constant.shape is None or target.kind == "more":
            return False
        return self._starts(node) or not (self.modules or target.call)

    def _starts(self, node: GraphNode) -> bool:
        """Whether computation starts there, as it does nowhere in a gradient."""
        return not node.call.gradient and all(
            edge is None or self.graph.nodes[edge[0]].kind == "parameter" for edge in node.inputs
        )

    def _constant_box(self, node: GraphNode, number: int, constant: Constant, inside: Call) -> Box:
        if self._starts(node):
            box = Box(f"k{node.index}_{number}", "input", self.graph.root, constant=constant)
        else:
            box = Box(f"k{node.index}_{number}", "constant", inside, constant=constant)
        self.result.boxes.append(box)
        return box


def age(box: Box) -> tuple:
    """Where a box stands in a list: after what it was computed from."""
    if box.kind == "output":
        return (1, 0)
    ops = (node.index for node in box.nodes if node.op != "leaf")
    return (0, next(ops, box.nodes[0].index if box.nodes else -1))


def _first(call: Call) -> int:
    """The oldest op recorded in a call, by which calls are ordered among nodes."""
    return min(c.first for c in call.walk())
