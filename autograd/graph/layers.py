"""Measurements laid over a picture as colour."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from . import style, units
from .data import Graph, GraphNode
from .labels import totals
from .profile import Measured, profile
from .view import View


class Entry(NamedTuple):
    """What is said of one box."""

    value: float
    text: str
    color: str


@dataclass
class Layer:
    """A measurement: of boxes by id, and a legend of (colour, meaning)."""

    name: str  # in MEASURES
    title: str
    entries: dict[str, Entry]
    legend: list[tuple[str, str]]


@dataclass(frozen=True)
class Measure:
    """How one number is found for the nodes that a box stands for, and how it reads."""

    title: str
    of: Callable[[Graph, list[GraphNode], profile | None], float | None]
    text: Callable[[float], str]
    unit: str = "{}"  # around that number in a box
    profiled: bool = False


def make_layer(views: list[View], color: str, measured: profile | None = None) -> Layer:
    """The layer called `color` (see MEASURES) for pictures of one graph."""
    if color not in MEASURES:
        raise ValueError(f"color is one of {', '.join(map(repr, MEASURES))}, not {color!r}")
    measure = MEASURES[color]
    if measure.profiled and measured is None:
        raise ValueError(
            f"color={color!r} needs a profile: run the forward, and backward, under "
            "`with graph.profile() as p:` and pass profile=p"
        )
    found = {
        box.id: measure.of(view.graph, nodes, measured)
        for view in views
        for box, nodes in view.all_nodes().items()
    }
    values = {box: value for box, value in found.items() if value is not None}
    if not values:
        why = WHY_NOTHING.get(color, "the profile holds nothing of this graph")
        raise ValueError(f"nothing to colour: {why}")
    scale = _Scale(values.values(), measure.text) if color != "nan" else _Alarm()
    entries = {
        box: Entry(value, measure.unit.format(measure.text(value)), scale.color(value))
        for box, value in values.items()
    }
    return Layer(color, measure.title, entries, scale.legend())


# ------------------------------------------------------------------ what can be measured


def _norms(graph: Graph, nodes: list[GraphNode]) -> tuple[float | None, float | None]:
    """(of the gradients, of the values) of all parameters among `nodes`; None where not known."""
    pairs = [graph.leaf(node.index) for node in nodes if node.kind == "parameter"]
    weights = [data for data, grad in pairs if grad is not None and data is not None]
    return _norm([grad for _, grad in pairs if grad is not None]), _norm(weights)


def _norm(arrays: list[np.ndarray]) -> float | None:
    return math.sqrt(sum(float(np.vdot(a, a)) for a in arrays)) if arrays else None


def _gradient(graph, nodes, measured) -> float | None:
    return _norms(graph, nodes)[0]


def _ratio(graph, nodes, measured) -> float | None:
    gradient, weight = _norms(graph, nodes)
    return gradient / weight if gradient is not None and weight else None


def _flops(graph, nodes, measured) -> float | None:
    return totals(graph, nodes).flops or None


def _memory(graph, nodes, measured) -> float | None:
    return totals(graph, nodes).saved or None


def _sum_of(name: str) -> Callable:
    def of(graph, nodes: list[GraphNode], measured) -> float | None:
        found = [getattr(measured.nodes[n.order], name) for n in nodes if n.order in measured.nodes]
        known = [value for value in found if value is not None]
        return sum(known) if known else None

    return of


def _values(graph, nodes: list[GraphNode], measured) -> float | None:
    """Of what comes out: of the newest node."""
    last: list[Measured] = [measured.nodes[n.order] for n in nodes if n.order in measured.nodes][-1:]
    return last[0].rms if last else None


MEASURES = {
    "gradient": Measure("norm of the gradient", _gradient, units.digits, "|grad| {}"),
    "ratio": Measure("norm of the gradient / of the weight", _ratio, units.digits, "|grad|/|weight| {}"),
    "values": Measure("root mean square of the output", _values, units.digits, "rms {}", True),
    "nan": Measure("NaN and infinite numbers", _sum_of("bad"), "{:,}".format, "{} not finite", True),
    "forward": Measure("time of the forward", _sum_of("forward"), units.seconds, profiled=True),
    "backward": Measure("time of the backward", _sum_of("backward"), units.seconds, profiled=True),
    "flops": Measure("FLOPs of the forward", _flops, units.flops),
    "memory": Measure("bytes kept for backward", _memory, units.nbytes, "{} kept"),
}
WHY_NOTHING = {
    "gradient": "no parameter has a gradient; call backward first",
    "ratio": "no parameter with a gradient is known by name; call backward, or pass model=",
    "flops": "nothing here computes",
    "memory": "nothing is kept for backward, or it has run already",
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
