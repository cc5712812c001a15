"""What `generate` was asked for, checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...nn.random import generator
from .defaults import own, own_stop, settings_of
from .prompts import Rows, rows_of
from .reading import Reader
from .rules import Rules
from .settings import Settings, as_count, check_ids
from .stopping import Stops

__all__ = ["Request"]


class Request:
    """The arguments of `generate`, checked."""

    def __init__(self, model: Any, prompts: Any, max_new_tokens: int, target: Any, options: Any):
        self.settings = s = settings_of(model, options)
        self.room = as_count("max_new_tokens", max_new_tokens)
        if self.room < 0:
            raise ValueError(f"generate: max_new_tokens must be 0 or more, not {self.room}")
        config = getattr(model, "config", None)
        vocabulary = getattr(config, "vocab_size", None)
        reads = hasattr(model, "encode")
        name = "source" if reads else "prompt"
        texts, self.several = rows_of(name, prompts, vocabulary, s.attention_mask)
        self.count = len(texts)
        sources = None
        if reads:
            _check_lengths(name, texts, getattr(model, "source_context", None))
            sources, texts = Rows(texts, left=False), _targets(target, model, vocabulary, self.count)
        elif target is not None:
            raise ValueError("generate: target is for an encoder-decoder; this model continues its prompts")
        if not getattr(model, "slides", False):
            _check_room("target" if reads else name, texts, self.room, getattr(model, "context", None))
        where, stop = own_stop(model) if s.stop is None else ("stop", s.stop)
        self.stops = Stops(stop, s.decode, vocabulary, where)
        self.rules = Rules(s, self.stops, self.room, vocabulary)
        self.pad = _padding(model, s.pad, self.stops.ids)
        self.draws = _generators(s, self.count)
        self._parts = model, Rows(texts), self.room, bool(s.use_cache), sources

    @property
    def rows(self) -> int:
        """How many texts are written."""
        return self.count * self.settings.num_return_sequences

    def reader(self) -> Reader:
        return Reader(*self._parts)


def _generators(s: Settings, count: int) -> list[Callable[[], np.random.Generator]]:
    """For each text, what gives the generator that it draws from.

    With a seed each prompt has its own, and each of its samples too, so that no text depends on the others.
    """
    texts = count * s.num_return_sequences
    if s.seed is None:
        return [generator if s.rng is None else lambda: s.rng] * texts  # type: ignore[list-item, return-value]
    seeds = [s.seed] * count if np.ndim(s.seed) == 0 else list(s.seed)
    if len(seeds) != count:
        raise ValueError(
            f"generate: {len(seeds)} seeds for {count} prompts; give one for all or one for each"
        )
    each = [np.random.default_rng([int(n), i]) for n in seeds for i in range(s.num_return_sequences)]
    return [lambda rng=rng: rng for rng in each]  # type: ignore[misc]


def _padding(model: Any, given: int | None, ends: tuple[int, ...]) -> int:
    """What stands after the end of a text; files have -1 for an id that there is not."""
    if given is not None:
        return as_count("pad", given)
    pad = own(model, "pad_token_id")
    named = None if pad is None else as_count("pad_token_id of the model's files", pad)
    return next((i for i in (named, *ends) if i is not None and i >= 0), 0)


def _targets(target: Any, model: Any, vocabulary: int | None, count: int) -> list[np.ndarray]:
    """What each text starts with."""
    if target is None:
        target = [_start(model, vocabulary)]
    texts, several = rows_of("target", target, vocabulary)
    if several and len(texts) != count:
        raise ValueError(
            f"generate: {len(texts)} targets for {count} sources; give one for all or one for each"
        )
    return texts if several else texts * count


def _start(model: Any, vocabulary: int | None) -> int:
    """The id that texts start with, by the model's files."""
    for name in ("decoder_start_token_id", "bos_token_id"):  # as in transformers
        given = own(model, name)
        if given is not None:
            where = f"{name} of the model's files"
            start = as_count(where, given)
            check_ids(where, [start], vocabulary, "; give target=, the ids that a text starts with")
            return start
    raise ValueError("generate: give target=, the ids that a text starts with, at least a start token")


def _check_lengths(name: str, texts: list[np.ndarray], context: int | None) -> None:
    longest = max(map(len, texts))
    if context is not None and longest > context:
        raise ValueError(f"generate: {longest} {name} tokens are longer than the context, {context}")


def _check_room(name: str, texts: list[np.ndarray], room: int, context: int | None) -> None:
    """The last token is not read again."""
    longest = max(map(len, texts))
    if context is not None and longest + max(room, 1) - 1 > context:
        fits = context - longest + 1
        fewer = f"at most {fits} for max_new_tokens, or " if fits > 0 else ""
        raise ValueError(
            f"generate: {longest} {name} tokens and {room} new ones do not fit into the context, {context}; "
            f"give {fewer}a shorter {name}"
        )
