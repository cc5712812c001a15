"""Ops that are followed because an index is, or another attribute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy import ndarray

from .trace import Traced


def follow(op: Any, arrays: Sequence, edges: Sequence, rest: Sequence, kwargs: Any) -> Any:
    """What an op gives of Traced views of its arrays, if an attribute is Traced and they are not; else None.

    Of a plain array NumPy gives plain elements, whatever the index, and nobody would know that they depend on
    it. A mode's `again` while a capture is made.
    """
    if not _holds(Traced, (*rest, *(kwargs or {}).values())):
        return None
    seen = list(map(_seen, arrays))
    return op.record(seen, edges, rest, kwargs) if _holds(ndarray, arrays) else None


def _holds(kind: type, values: Sequence) -> bool:
    return any([_holds(kind, v) if type(v) in (tuple, list) else type(v) is kind for v in values])


def _seen(value: Any) -> Any:
    if type(value) is list:
        return list(map(_seen, value))
    return value.view(Traced) if type(value) is ndarray else value
