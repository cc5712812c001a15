"""A model that reads rows of tokens, each once, and tells what may come next."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...autograd.modes import Scope, scope
from ...nn.parallel.cores import BlasLimit, average_matrix, threads_for
from .cache import Cache
from .prompts import Rows

__all__ = ["Reader"]

# Of a few rows a product takes as long as reading the weights. Of GPT-2's (10 MB on average) two threads read
# in 19 ms what one reads in 32; those that fit into a core's own cache gain nothing.
NUMBERS_FOR_A_THREAD = 3e5
# New positions that memory is taken for at once, and more when they come: max_new_tokens may be any number.
FORESEEN = 4096

# Numbers of a matrix, on average: a model of thirty layers takes 2 ms to tell.
_sizes: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()


class Reader:
    """The texts that are being written, and the model's cache of them.

    `model` is a decoder (it has `hidden` and `head`), or with `sources` an encoder-decoder (`encode` and
    `decode`); see models/generation. `texts` are what is read first, `room` is how many tokens may follow.
    """

    def __init__(self, model: Any, texts: Rows, room: int, use_cache: bool, sources: Rows | None = None):
        self.model = model
        self.sources = sources
        self.length = texts.ids.shape[1]
        room = min(room, FORESEEN)
        more = [(0, 0), (0, room)]
        self._ids = np.pad(texts.ids, more)
        self._real = np.pad(texts.real, more, constant_values=True)
        self._padded = texts.mask is not None
        self._context: int | None = getattr(model, "context", None)
        self._outgrown = getattr(model, "outgrown", lambda new, past, mask: False)
        foreseen = self.length + room
        capacity = foreseen if self._context is None else min(foreseen, self._context)
        self._cache = Cache(capacity) if use_cache else None
        self._memory: Any = None
        self._memory_mask: np.ndarray | None = None
        self._origin = np.arange(len(self._ids))  # the source of each row
        self._limits: dict[int, BlasLimit] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def text(self, row: int) -> np.ndarray:
        """The ids that a row has read, without padding."""
        return self._ids[row, : self.length][self._real[row, : self.length]]

    def read(self, tokens: np.ndarray | None = None) -> np.ndarray:
        """Logits (B, vocabulary) of what follows, `tokens` (B,) having been put behind the texts."""
        if tokens is not None:
            if self.length == self._ids.shape[1]:
                more = [(0, 0), (0, self.length)]
                self._ids = np.pad(self._ids, more)
                self._real = np.pad(self._real, more, constant_values=True)
            self._ids[:, self.length] = tokens
            self.length += 1
        end, context = self.length, self._context
        if self._cache is not None and context is not None and end > context:
            self._cache = None  # every position of the window is another one now
        start = 0 if context is None else max(0, end - context)
        past = start if self._cache is None else self._cache.length
        real = self._real[:, start:end] if self._padded else None
        if past and self._cache is not None and self._outgrown(end - past, past, real):
            past, self._cache = 0, Cache(self._cache.capacity)
        with self._running(len(self) * (end - past)):
            return self._logits(self._ids[:, past:end], real)

    def _logits(self, ids: np.ndarray, real: np.ndarray | None) -> np.ndarray:
        if self.sources is None:
            last = self.model.hidden(ids, real, self._cache)[:, -1]
            return self.model.head(last).data
        if self._memory is None:
            mask = self.sources.mask
            self._memory = self.model.encode(self.sources.ids, mask)
            self._memory_mask = mask
        padded = {} if real is None else {"attention_mask": real}
        return self.model.decode(ids, self._memory, self._memory_mask, self._cache, **padded).data[:, -1]

    def select(self, rows: np.ndarray) -> None:
        """Let row i be what row `rows[i]` was: in another order, repeated or left out."""
        if len(rows) == len(self) and (rows == np.arange(len(rows))).all():
            return
        self._ids, self._real = self._ids[rows], self._real[rows]
        self._padded = self._padded and not self._real[:, : self.length].all()
        if self._cache is not None:
            self._cache.select(rows)
        before, self._origin = self._origin, self._origin[rows]
        if self._memory is not None and not np.array_equal(before, self._origin):
            self._memory = self._memory[rows]
            self._memory_mask = None if self._memory_mask is None else self._memory_mask[rows]

    @contextmanager
    def _running(self, count: int) -> Iterator[None]:
        """As many BLAS threads as `count` positions are worth; errors name layers as a call does."""
        limit = self._limits.get(count)
        if limit is None:
            size = _sizes.get(self.model)
            if size is None:
                size = _sizes[self.model] = average_matrix(self.model)
            reading = int(size / NUMBERS_FOR_A_THREAD)
            limit = self._limits[count] = BlasLimit(max(threads_for(size, count), reading))
        outer = scope.get()
        scope.set(Scope(weakref.ref(self.model), outer))
        try:
            with limit:
                yield
        finally:
            scope.set(outer)
