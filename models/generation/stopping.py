"""When a text has ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .settings import as_count, check_ids

__all__ = ["Stops"]


class Stops:
    """Ids and strings that end a text.

    `stop` is an id, a string, or several; `decode` (or its method of that name) makes text of a list of ids,
    for strings; `name` is where `stop` comes from. ValueError for ids outside of `vocabulary`, an empty
    string, or strings without `decode`.
    """

    def __init__(self, stop: Any, decode: Any = None, vocabulary: int | None = None, name: str = "stop"):
        one = isinstance(stop, (int, str, np.integer))
        if not one and stop is not None and not np.iterable(stop):
            raise TypeError(f"generate: {name} is an integer, a string, or several, not {stop!r}")
        given: list[Any] = [] if stop is None else [stop] if one else list(stop)
        self.strings = tuple(s for s in given if isinstance(s, str))
        self.ids = tuple(as_count(name, s) for s in given if not isinstance(s, str))
        self._decode: Callable[[list[int]], str] | None = getattr(decode, "decode", decode)
        hint = "" if name == "stop" else "; give stop=, the ids that end a text, () for none"
        check_ids(name, self.ids, vocabulary, hint)
        if "" in self.strings:
            raise ValueError(f"generate: {name} has an empty string, which is in every text")
        if decode is not None and not callable(self._decode):
            raise TypeError(f"generate: decode is a function from ids to text, or has one, not {decode!r}")
        if self.strings and decode is None:
            raise ValueError(
                f"generate: {name} has the string {self.strings[0]!r}, but the model knows ids; give "
                "decode=, a function from ids to text or a tokenizer"
            )
        self._enough = 2 * max(map(len, self.strings), default=0) + 16

    def hit(self, written: Sequence[int]) -> bool:
        """Whether the last of the ids `written` ends the text; none before did."""
        return written[-1] in self.ids or (bool(self.strings) and self._ends(written))

    def _ends(self, written: Sequence[int]) -> bool:
        """Whether one of the strings is there now. Only the end of the text is decoded."""
        assert self._decode is not None
        count = 8
        while True:
            text = self._decode([int(i) for i in written[-count:]])
            if not isinstance(text, str):
                raise TypeError(f"generate: decode is to give a text, a str, but gave {text!r:.60}")
            if count >= len(written) or len(text) >= self._enough:
                return any(s in text for s in self.strings)
            count *= 2
