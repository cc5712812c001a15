"""Where a forward pass failed, as the last node of a graph."""

from __future__ import annotations

from .. import engine
from ..tensor import Tensor


def failed_node(error: BaseException) -> engine.Node:
    """A node without outputs for the op that raised `error`.

    An op says so itself (`error.node`). For any other error, say a module's own check, it is made of the
    Tensors in the innermost function of the traceback that had some, and stands in the module call around it.
    """
    node = getattr(error, "node", None)
    if isinstance(node, engine.Node):
        return node
    trace, found, scope = error.__traceback__, None, None
    while trace is not None:
        local = trace.tb_frame.f_locals
        scope = next((value for value in reversed(local.values()) if isinstance(value, engine.Scope)), scope)
        tensors = [value for value in local.values() if isinstance(value, Tensor) and not value.is_leaf]
        if tensors:
            owner = f"{type(local['self']).__name__}." if "self" in local else ""
            found = tensors, owner + trace.tb_frame.f_code.co_name, scope
        trace = trace.tb_next
    if found is None:
        raise ValueError(f"nothing was recorded before this {type(error).__name__}: {error}") from None
    tensors, name, scope = found

    def place():
        """Stands for an op."""

    place.__name__ = name
    node = engine.new_node(place, list(dict.fromkeys(t.edge for t in tensors)), None, [], [])
    node.scope = scope
    return node
