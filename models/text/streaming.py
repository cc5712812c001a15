"""A text as it is written: whole characters, as soon as they are certain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["Stream", "until"]

UNKNOWN = "\N{REPLACEMENT CHARACTER}"  # how `decode` shows bytes that are no character, or only its beginning
OPEN = 3  # bytes that a character in UTF-8 may lack its last of; each may show as one of these


class Stream:
    """The text of ids that come one by one.

    `decode` makes text of a list of ids. What ids say may depend on those before (a space is dropped at the
    start of a text, bytes are a character together), so those that gave the last piece are decoded again with
    those that follow. `after` are the ids that the text continues.
    """

    def __init__(self, decode: Callable[[list[int]], str], after: Sequence[int] = ()):
        self._decode = decode
        self._ids = [int(i) for i in after]
        self._text = decode(self._ids) if self._ids else ""  # of these
        self._shown = len(self._text)  # how much of it was given
        self._new = 0  # how many of the ids came since the last whole piece

    def push(self, token: int) -> str:
        """What is certain of the text with one more id, without what was given before; often nothing."""
        ids = [*self._ids, int(token)]
        text = self._decode(ids)
        if text[: self._shown] != self._text[: self._shown]:
            # what was shown reads otherwise now, as bytes do beside one that is no part of them
            self._restart([])
            ids = [int(token)]
            text = self._decode(ids)
        held = min(len(text) - len(text.rstrip(UNKNOWN)), OPEN)
        piece = text[self._shown : len(text) - held]
        self._ids, self._text, self._new = ids, text, self._new + 1
        self._shown += len(piece)
        if piece and not held:
            self._restart(ids[-self._new :])
            self._shown, self._new = len(self._text), 0
        return piece

    def close(self) -> str:
        """What was held back: of bytes that were to be a character."""
        rest, self._shown = self._text[self._shown :], len(self._text)
        return rest

    def _restart(self, ids: list[int]) -> None:
        self._ids, self._text, self._shown = ids, self._decode(ids) if ids else "", 0


def until(pieces: Iterable[str], stop: Sequence[str]) -> Iterator[str]:
    """The pieces of a text up to the first that one of the strings `stop` begins at, without it.

    What may be the beginning of one is held back until more has come. ValueError for an empty string.
    """
    if "" in stop:
        raise ValueError("stop has an empty string, which is in every text")
    held = ""
    for piece in pieces:
        held += piece
        found = [at for at in (held.find(s) for s in stop) if at >= 0]
        if found:
            if min(found):
                yield held[: min(found)]
            return
        keep = max((_beginning(held, s) for s in stop), default=0)
        if len(held) > keep:
            yield held[: len(held) - keep]
            held = held[len(held) - keep :]
    if held:
        yield held


def _beginning(text: str, stop: str) -> int:
    """How many characters at the end of `text` are the first of `stop`."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
