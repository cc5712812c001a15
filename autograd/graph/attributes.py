"""What a call was given beside its inputs, as data and in a few words."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from .. import engine
from ..arguments import Given
from . import units
from .units import cut

# Of attributes that say what they are without their name.
BARE = {"shape", "axes", "axis1", "axis2", "dtype", "subscripts", "indices_or_sections", "pad_width"}
SHOWN_BY_SHAPES = {"keepdims"}
NOTHING: Mapping[str, Any] = MappingProxyType({})  # one for all: most nodes have none
MOST = 6  # elements of a sequence that are written out


def attributes(node: engine.Node) -> dict[str, Any]:
    """All arguments of a recorded call that are no inputs, defaults among them; arrays by shape and dtype."""
    return {**defaults(node.op), **getattr(node, "attributes", {})}


def chosen(node: engine.Node) -> Mapping[str, Any]:
    """Those that are not at their defaults."""
    given = getattr(node, "attributes", None)
    if not given:
        return NOTHING
    usual = defaults(node.op)
    return {name: value for name, value in given.items() if name not in usual or _differ(value, usual[name])}


def _differ(a, b) -> bool:
    return a is not b and (type(a) is not type(b) or repr(a) != repr(b))  # `!=` of arrays is no bool


@lru_cache(maxsize=512)
def defaults(op) -> dict[str, Any]:
    """Of the op's parameters that have one; nothing for a leaf."""
    parameters = (inspect.signature(op) if callable(op) else inspect.Signature()).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


# ------------------------------------------------------------------ in words


def brief(given: Mapping[str, Any]) -> str:
    """For a box: `axis=1`, `(2, -1)`, `[1:, ids (3,)]`; not what shapes say, nor arrays, which have boxes."""
    told = {k: v for k, v in given.items() if k not in SHOWN_BY_SHAPES and not isinstance(v, Given)}
    return cut(", ".join(cut(_one(*item), 30) for item in told.items()), 60)


def full(given: Mapping[str, Any]) -> str:
    """All of them."""
    return cut(", ".join(cut(_one(*item), 200) for item in given.items()), 600)


def _one(name: str, value) -> str:
    if name == "index" and not isinstance(value, Given):
        return f"[{_joined(value if isinstance(value, tuple) else (value,))}]"
    return _text(value) if name in BARE else f"{name}={_text(value)}"


def _joined(values) -> str:
    return ", ".join([*map(_text, values[:MOST]), *["…"] * (len(values) > MOST)])


def _text(value) -> str:
    if isinstance(value, Given):
        kind = {"b": "mask", "i": "ids", "u": "ids"}.get(value.dtype.kind, "array")
        return f"{kind} {units.shape(value.shape)}"
    if isinstance(value, slice):
        ends = ["" if end is None else _text(end) for end in (value.start, value.stop, value.step)]
        return ":".join(ends if ends[2] else ends[:2])
    if isinstance(value, tuple):
        return f"({_joined(value)}{',' * (len(value) == 1)})"
    if isinstance(value, list):
        return f"[{_joined(value)}]"
    if value is Ellipsis:
        return "..."
    if isinstance(value, str) and not value.isprintable():
        return repr(value)
    if isinstance(value, type):
        return value.__name__
    return units.number(value)
