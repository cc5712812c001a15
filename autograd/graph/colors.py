"""Measurements laid over a picture as colour."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from . import style, units
from .data import GraphData, GraphNode
from .profile import profile
from .totals import totals
from .view import View


class Entry(NamedTuple):
    """What is said of one box."""

    value: float
    text: str
    color: str


@dataclass
class Coloring:
    """A measurement: of boxes by id, and a legend of (colour, meaning)."""

    name: str  # in MEASURES
    title: str
    entries: dict[str, Entry]
    legend: list[tuple[str, str]]


Reading = Callable[[list[GraphNode]], "float | None"]  # one number for the nodes that a box stands for


@dataclass(frozen=True)
class Measure:
    """How a number is found for each box, and how it reads.

    `read` looks at once at what may be gone or changed when a picture is made.
    """

    title: str
    read: Callable[[GraphData, profile | None], Reading]
    text: Callable[[float], str]
    unit: str = "{}"  # around that number in a box
    profiled: bool = False


def read(graph: GraphData, color: str, measured: profile | None = None) -> Reading:
    """What the coloring called `color` (see MEASURES) says of nodes of a graph."""
    if color not in MEASURES:
        raise ValueError(f"color is one of {', '.join(map(repr, MEASURES))}, not {color!r}")
    if MEASURES[color].profiled and measured is None:
        raise ValueError(
            f"color={color!r} needs a profile: run the forward, and backward, under "
            "`with graph.profile() as p:` and pass profile=p"
        )
    return MEASURES[color].read(graph, measured)


def make_coloring(views: list[View], color: str, reading: Reading) -> Coloring:
    """The coloring called `color` for pictures of one graph."""
    measure = MEASURES[color]
    found = {box.id: reading(nodes) for view in views for box, nodes in view.all_nodes().items()}
    values = {box: value for box, value in found.items() if value is not None}
    if not values:
        why = WHY_NOTHING.get(color, "the profile holds nothing of this graph")
        raise ValueError(f"nothing to colour: {why}")
    scale = _Scale(values.values(), measure.text) if color != "nan" else _Alarm()
    entries = {
        box: Entry(value, measure.unit.format(measure.text(value)), scale.color(value))
        for box, value in values.items()
    }
    return Coloring(color, measure.title, entries, scale.legend())


# ------------------------------------------------------------------ what can be measured


def _squares(graph: GraphData) -> tuple[dict[int, float], dict[int, float]]:
    """By node: of the gradients of parameters, and of their values where these are known."""
    gradients: dict[int, float] = {}
    weights: dict[int, float] = {}
    for node in graph.nodes:
        data, grad = graph.leaf(node.index) if node.kind == "parameter" else (None, None)
        if grad is not None:
            gradients[node.index] = _square(grad)
            weights |= {node.index: _square(data)} if data is not None else {}
    return gradients, weights


def _square(array: np.ndarray) -> float:
    return float(np.square(array, dtype=np.float64).sum())


def _norm(squares: dict[int, float], nodes: list[GraphNode]) -> float | None:
    found = [squares[node.index] for node in nodes if node.index in squares]
    return math.sqrt(sum(found)) if found else None


def _gradient(graph: GraphData, measured) -> Reading:
    gradients, _ = _squares(graph)
    return lambda nodes: _norm(gradients, nodes)


def _ratio(graph: GraphData, measured) -> Reading:
    gradients, weights = _squares(graph)

    def ratio(nodes: list[GraphNode]) -> float | None:
        gradient, weight = _norm(gradients, nodes), _norm(weights, nodes)
        return gradient / weight if gradient is not None and weight else None

    return ratio


def _flops(graph, measured) -> Reading:
    return lambda nodes: totals(graph, nodes).flops or None


def _memory(graph, measured) -> Reading:
    return lambda nodes: totals(graph, nodes).saved or None


def _seen(measured: profile, name: str) -> Callable[[list[GraphNode]], list[float]]:
    """Of nodes: what the profile has of them, oldest first."""
    values = {order: getattr(m, name) for order, m in measured.nodes.items()}
    return lambda nodes: [values[n.order] for n in nodes if values.get(n.order) is not None]


def _sum_of(name: str) -> Callable:
    def reading(graph: GraphData, measured: profile) -> Reading:
        seen = _seen(measured, name)
        return lambda nodes: sum(seen(nodes)) if seen(nodes) else None

    return reading


def _values(graph: GraphData, measured) -> Reading:
    """Of what comes out: of the newest node."""
    seen = _seen(measured, "rms")
    return lambda nodes: next(iter(seen(nodes)[-1:]), None)


MEASURES = {
    "gradient": Measure("norm of the gradient", _gradient, units.digits, "|grad| {}"),
    "ratio": Measure("norm of the gradient / of the weight", _ratio, units.digits, "|grad|/|weight| {}"),
    "values": Measure("root mean square of the output", _values, units.digits, "rms {}", True),
    "nan": Measure("NaN and infinite numbers", _sum_of("bad"), "{:,}".format, "{} not finite", True),
    "forward": Measure("time of the forward", _sum_of("forward"), units.seconds, profiled=True),
    "backward": Measure("time of the backward", _sum_of("backward"), units.seconds, profiled=True),
    "flops": Measure("FLOPs of the forward", _flops, units.flops),
    "memory": Measure("bytes saved for backward", _memory, units.nbytes, "{} saved"),
}
WHY_NOTHING = {
    "gradient": "no parameter has a gradient; call backward first",
    "ratio": "no parameter with a gradient is known by name; call backward, or pass model=",
    "flops": "nothing here computes",
    "memory": "nothing is saved for backward, or it has run already",
}


class _Scale:
    """Colours from small to large; by powers where the numbers span more than a factor of 20."""

    def __init__(self, values: Iterable[float], text: Callable[[float], str]):
        finite = [v for v in values if math.isfinite(v)]
        self.text = text
        self.unknown = len(finite) < len(list(values))
        self.low, self.high = min(finite, default=0.0), max(finite, default=0.0)
        self.by_powers = self.low > 0 and self.high / self.low > 20

    def _place(self, value: float) -> float:
        low, high = self.low, self.high
        if self.by_powers:
            value, low, high = math.log(value), math.log(low), math.log(high)
        return (value - low) / (high - low) if high > low else 1.0

    def color(self, value: float) -> str:
        if not math.isfinite(value):
            return style.NOT_FINITE
        return style.SCALE[min(int(self._place(value) * len(style.SCALE)), len(style.SCALE) - 1)]

    def legend(self) -> list[tuple[str, str]]:
        last = len(style.SCALE)
        marks = [i / last for i in range(last + 1)]
        span = self.high / self.low if self.by_powers else self.high - self.low
        edges = [self.low * span**m if self.by_powers else self.low + span * m for m in marks]
        rows = [(c, f"from {self.text(edge)}") for c, edge in zip(style.SCALE, edges, strict=False)]
        return rows + [(style.NOT_FINITE, "not finite")] * self.unknown


class _Alarm:
    """Good or bad."""

    def color(self, value: float) -> str:
        return style.NOT_FINITE if value else style.FINE

    def legend(self) -> list[tuple[str, str]]:
        return [(style.FINE, "all finite"), (style.NOT_FINITE, "some are not")]
