"""How many floating-point operations an op's forward takes; a multiplication and an addition count as two."""

from __future__ import annotations

from math import prod

from .. import engine
from .attributes import attributes

Shape = tuple[int, ...]


def flops(node: engine.Node, inputs: list[Shape | None]) -> int:
    """FLOPs of one call, as the op's facts say; `inputs` are shapes (None where unknown or no array).

    A leaf and moving numbers cost nothing; an op without facts one for each element of its largest array.
    """
    outputs = node.shapes
    if node.op is None or not outputs:
        return 0
    facts = getattr(node.op, "facts", None)
    cost = facts.flops if facts else 1
    if callable(cost):
        return int(cost(inputs, outputs, attributes(node)))
    largest = max(sum(map(prod, outputs)), *(prod(shape) for shape in inputs if shape), 0)
    return int(cost * largest)
