"""From the nodes that the engine recorded to the data of a graph."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from .. import engine, versions
from ..arguments import Given
from ..tensor import Tensor
from .attributes import chosen
from .calls import Call, Names
from .data import Buffer, Constant, GraphNode, Saved
from .failure import failed_node
from .flops import flops


def roots_of(output) -> tuple[list[engine.Edge], str]:
    """The edges that a graph starts from, and the message of the error that it ends in, if any."""
    if isinstance(output, BaseException):
        return [(failed_node(output), 0)], f"{type(output).__name__}: {output}"
    outputs = list(output) if isinstance(output, (list, tuple)) else [output]
    for y in outputs:
        if not isinstance(y, Tensor):
            hint = "; give it what that computes, as visualize(model(x))" if callable(y) else ""
            raise TypeError(
                f"a graph is made of Tensors or of an op's exception, not of {type(y).__name__}{hint}"
            )
    roots = [y.edge for y in outputs if y.edge is not None]
    if not roots:
        raise ValueError(
            "this Tensor has no graph: nothing it was computed from requires a gradient, or it was computed "
            "under no_grad()"
        )
    return roots, ""


def graph_node(index: int, node: engine.Node, position, call: Call, saved, names: Names) -> GraphNode:
    constants = iter(getattr(node, "constants", ()))
    given = [next(constants, None) if edge is None else None for edge in node.edges]
    attributes = chosen(node)
    failed = not node.shapes
    kind = "failed" if failed else "view" if _is_view(node) else "op"
    if node.op is None:
        kind = "parameter" if node in names.parameters or not names.parameters else "input"
        call = call if kind == "parameter" else next(c for c in call.around() if c.parent is None)
    return GraphNode(
        index=index,
        op=node.name,
        kind=kind,
        order=node.order,
        shapes=node.shapes,
        dtypes=node.dtypes,
        inputs=tuple([None if edge is None else (position[edge[0]], edge[1]) for edge in node.edges]),
        constants=tuple(_constants(node, given, attributes)),
        attributes=attributes,
        call=call,
        name=names.of(node),
        saved=saved,
        freed=bool(node.edges) and node.backward is None and not failed,
        flops=flops(node, _input_shapes(node.edges, given)),
    )


def _is_view(node: engine.Node) -> bool:
    facts = getattr(node.op, "facts", None)
    return facts is not None and facts.view


def _input_shapes(edges, given) -> list[tuple[int, ...] | None]:
    """Of each input; None for numbers, and for constants whose shape was not recorded."""
    return [
        edge[0].shapes[edge[1]] if edge is not None else c if isinstance(c, tuple) else None
        for edge, c in zip(edges, given, strict=True)
    ]


def _constants(node: engine.Node, given, attributes: Mapping[str, Any]) -> Iterator[Constant]:
    """Inputs without an edge, and the arrays among the attributes (ids, masks)."""
    names = argument_names(node.op)
    single = len(node.edges) <= len(names)  # else one argument is a list, and positions say nothing
    for i, c in enumerate(given):
        if node.edges[i] is None and c is not None:
            name = names[i] if single else ""
            yield Constant(name, c, None) if isinstance(c, tuple) else Constant(name, None, c)
    for name, value in attributes.items():
        if isinstance(value, Given):
            yield Constant(name, value.shape, None)


@lru_cache(maxsize=512)
def argument_names(op) -> tuple[str, ...]:
    """Of an op that was recorded; nothing for a leaf."""
    return tuple(inspect.signature(op).parameters if callable(op) else ())


def saved_memory(nodes: list[engine.Node], names: Names) -> tuple[list[Buffer], list[tuple[Saved, ...]]]:
    """All memory saved for the backwards of `nodes`, and what of it for each."""
    buffers: list[Buffer] = []
    index: dict[int, int] = {}  # id of an array that owns its memory -> position in buffers
    owned_by_model = {id(_owner(names.tensors[p][0][1].data)) for p in names.parameters}
    saved = []
    for i, node in enumerate(nodes):
        arrays = {}
        for name, array in versions.saved_arrays(node):
            owner = _owner(array)
            b = index.setdefault(id(owner), len(buffers))
            if b == len(buffers):
                buffers.append(Buffer(owner.nbytes, id(owner) in owned_by_model, []))
            holders = buffers[b].holders
            if not holders or holders[-1] != i:
                holders.append(i)
            nbytes = min(array.nbytes, buffers[b].nbytes)
            arrays[name, b] = Saved(name, array.shape, array.dtype, nbytes, b)
        saved.append(tuple(arrays.values()))
    return buffers, saved


def _owner(array: np.ndarray) -> np.ndarray:
    """The array whose memory `array` is a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
