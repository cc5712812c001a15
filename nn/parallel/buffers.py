"""Buffers of a model, which are those of the caller's process: workers get them before each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..module import Module

Change = tuple[int, str, Any]  # which module, which buffer, and what it holds
WHOLE = 1 << 16  # buffers of so many numbers are compared as a whole, of larger ones a part
SAMPLE = 1 << 12


class Buffers:
    """What the workers' buffers were made like last."""

    def __init__(self, modules: Sequence[Module]):
        self._modules = modules
        self._known: dict[tuple[int, str], Any] = {}
        self.changed()

    def changed(self) -> list[Change]:
        """The buffers that are not what they were at the last call, copied."""
        found: list[Change] = []
        for i, module in enumerate(self._modules):
            for name in vars(module).get("_persistent", ()):
                value = vars(module)[name]
                mark = _fingerprint(value)
                if self._known.get((i, name)) != mark:
                    self._known[i, name] = mark
                    found.append((i, name, value if value is None else np.array(value)))
        return found


def apply(modules: Sequence[Module], changes: Sequence[Change]) -> None:
    """Make a worker's buffers what the caller's are, in the memory where they are."""
    for i, name, value in changes:
        own: Any = vars(modules[i]).get(name)
        alike = isinstance(own, np.ndarray) and isinstance(value, np.ndarray)
        if alike and (own.shape, own.dtype) == (value.shape, value.dtype):
            own[...] = value
        else:
            setattr(modules[i], name, value)


def _fingerprint(value: Any) -> Any:
    """Bytes that differ where the numbers do; for a large array, where some of them do, from all over it."""
    if value is None:
        return None
    array = np.asarray(value)
    if array.size > WHOLE:
        flat = array.reshape(-1) if array.flags.c_contiguous else array.ravel()
        return id(value), array.shape, flat[:: array.size // SAMPLE].tobytes()
    return array.dtype, array.shape, array.tobytes()
