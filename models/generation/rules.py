"""What a text so far means for its next token: penalties, and tokens that may not come or have to."""

from __future__ import annotations

import numpy as np

from .sampling import penalized
from .settings import IDS, Settings, check_ids, ids_of
from .stopping import Stops

__all__ = ["Rules"]


class Rules:
    """Changes logits by what was read and written, in transformers' order.

    `stops` is what ends a text, `room` is how many tokens are written at most. ValueError for ids that are
    not in the vocabulary.
    """

    def __init__(self, settings: Settings, stops: Stops, room: int, vocabulary: int | None = None):
        s = self.settings = settings
        self.stops, self.room, self.ends = stops, room, list(stops.ids)
        given = {name: list(ids_of(name, getattr(s, name))) for name in IDS}
        for name, ids in given.items():
            check_ids(name, ids, vocabulary)
        self.never, self.never_first, self.second, self.final = given.values()
        self.shortest = bool(self.ends) and max(s.min_length, s.min_new_tokens) > 0
        penalties = s.repetition_penalty != 1 or s.frequency_penalty != 0
        self.any = bool(penalties or s.no_repeat_ngram_size or self.shortest or any(given.values()))

    def __call__(self, logits: np.ndarray, text: np.ndarray, written: list[int]) -> np.ndarray:
        """`logits` (V,), as a copy, of what follows `text` (n,), whose end is what is `written`."""
        s = self.settings
        y = penalized(logits, text, written, s.repetition_penalty, s.frequency_penalty)
        if s.no_repeat_ngram_size:
            y[repeats(text, s.no_repeat_ngram_size)] = -np.inf
        if self.shortest and (len(written) < s.min_new_tokens or len(text) < s.min_length):
            y[self.ends] = -np.inf
        if self.second and len(text) == 1:
            y = only(y, self.second)
        if self.final and len(written) == self.room - 1:
            y = only(y, self.final)
        y[self.never] = -np.inf
        # A token that has to come first is before those that may not.
        forced = bool(self.second) and len(text) - len(written) == 1
        if self.never_first and len(written) == forced:
            y[self.never_first] = -np.inf
        return y


def repeats(text: np.ndarray, size: int) -> np.ndarray:
    """The tokens that with the last size - 1 of `text` (n,) make `size` in a row that it has already."""
    if len(text) < size:
        return text[:0]
    rows = np.lib.stride_tricks.sliding_window_view(text, size)
    return rows[(rows[:, :-1] == text[len(text) - size + 1 :]).all(axis=1), -1]


def only(logits: np.ndarray, ids: list[int]) -> np.ndarray:
    """Logits by which one of `ids` comes for certain."""
    y = np.full_like(logits, -np.inf)
    y[ids] = 0
    return y
