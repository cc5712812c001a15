"""Places where names are bound to values, and which of them changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

PLAIN = (int, float, complex, str, bytes, type(None), np.generic, np.dtype)
ABSENT, END = object(), object()


class Place(NamedTuple):
    """Where names are bound to values, which can be other ones later."""

    holder: Any
    values: Callable[[Any], Iterable]  # what the holder has now
    names: list
    saved: list
    owner: str  # for messages; "" for lists and dicts, which can grow

    def now(self) -> tuple[list, list]:
        """Names and values; none where a name is gone."""
        if isinstance(self.holder, dict) and not isinstance(self.values, itemgetter):
            return list(self.holder), list(self.holder.values())
        try:
            values = list(self.values(self.holder))
        except Exception:
            return [], []
        return (list(range(len(values))) if self.values is iter else self.names), values

    def changed(self) -> str | None:
        """What is no longer as it was; "" where nothing but numbers was added to a list or dict."""
        names, now = self.now()
        added = now[len(self.names) :]
        if names[: len(self.names)] == self.names:
            other = [n for n, a, b in zip(names, self.saved, now) if not equal(a, b)]  # noqa: B905
        else:
            other = [name for name in self.names if name not in names] or names
        if not other and (not added or (not self.owner and all(map(is_plain, added)))):
            return "" if added else None
        if self.values is iter:
            return f"items of a {type(self.holder).__name__}"
        return f"{[*other, *names[len(self.names) :]][0]!r} of {self.owner or 'a dict'}"


def is_plain(value: Any) -> bool:
    """Whether it is a number or made of numbers, and nothing can change in it."""
    if isinstance(value, (tuple, frozenset)):
        return all(map(is_plain, value))
    return isinstance(value, PLAIN)


def equal(a, b) -> bool:
    if a is b or type(a) is not type(b):
        return a is b
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return isinstance(a, PLAIN) and bool(a == b)


def contents(cells) -> list:
    return [cell.cell_contents for cell in cells]


def attributes(holder: Any, names: list[str]) -> list:
    """Of an object, its own or its class's; of a class as they stand there, which is the same each time."""
    if isinstance(holder, type):
        return [vars(holder).get(name, ABSENT) for name in names]
    return [_attribute(holder, name) for name in names]


def _attribute(holder: Any, name: str) -> Any:
    try:
        return getattr(holder, name, ABSENT)
    except Exception:
        return ABSENT
