"""Writing texts with a model, token by token."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from ...autograd import no_grad
from ...autograd.arrays import ArrayLike
from ...nn.random import generator
from .beams import Hypothesis, search
from .prompts import Rows, rows_of
from .reading import Reader
from .sampling import log_total, penalized, pick
from .settings import Options, Settings, as_count
from .stopping import Stops

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Writes", "beam_search", "generate"]


class Writes:
    """What a model is that `generate` can use: see models/generation."""

    @overload
    def generate(
        self,
        prompts: ArrayLike | Sequence[ArrayLike],
        max_new_tokens: int,
        *,
        target: ArrayLike | None = None,
        log_probabilities: Literal[True],
        **options: Unpack[Options],
    ) -> Iterator[tuple[Any, Any]]: ...
    @overload
    def generate(
        self,
        prompts: Sequence[int],
        max_new_tokens: int,
        *,
        target: ArrayLike | None = None,
        log_probabilities: Literal[False] = False,
        **options: Unpack[Options],
    ) -> Iterator[int]: ...
    @overload
    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        max_new_tokens: int,
        *,
        target: ArrayLike | None = None,
        log_probabilities: Literal[False] = False,
        **options: Unpack[Options],
    ) -> Iterator[np.ndarray]: ...
    @overload
    def generate(
        self,
        prompts: ArrayLike | Sequence[ArrayLike],
        max_new_tokens: int,
        *,
        target: ArrayLike | None = None,
        log_probabilities: Literal[False] = False,
        **options: Unpack[Options],
    ) -> Iterator[Any]: ...
    def generate(
        self,
        prompts: Any,
        max_new_tokens: int,
        *,
        target: Any = None,
        log_probabilities: bool = False,
        **options: Unpack[Options],
    ) -> Iterator[Any]:
        """Yield up to `max_new_tokens` tokens that continue (an encoder-decoder: answer) each of `prompts`.

        Ids (T,) of one text: ints come. Ids (B, T), or a list of texts of different lengths: an array (B,) at
        each step, with `pad` after the end of a text. `options` are the fields of generation.Settings:
        temperature, top_k, top_p, min_p, repetition_penalty, frequency_penalty, num_beams, length_penalty,
        early_stopping, num_return_sequences, stop, decode, pad, seed, rng, log_probabilities, use_cache,
        attention_mask. `target` (T,) or (B, T) is what the texts of an encoder-decoder start with, unless its
        config says so. A text ends after a token or string of `stop`. With num_return_sequences=n, rows of
        the same prompt are neighbours, the best first. The model stays in the mode (train or eval) it is in,
        and the caller's grad mode is left alone. BLAS threads: nn.parallel.limit_threads.

        Arguments are checked when they are given: ValueError or TypeError for what is no text or no setting,
        IndexError for ids outside of the vocabulary, ValueError where texts do not fit into the context.
        """
        return generate(
            self, prompts, max_new_tokens, target=target, log_probabilities=log_probabilities, **options
        )


class _Request:
    """The arguments of `generate`, checked."""

    def __init__(self, model: Any, prompts: Any, max_new_tokens: int, target: Any, options: Any):
        self.settings = s = Settings.of(options)
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
            sources, texts = Rows(texts, left=False), _targets(target, config, vocabulary, self.count)
        elif target is not None:
            raise ValueError("generate: target is for an encoder-decoder; this model continues its prompts")
        if not getattr(model, "slides", False):
            _check_room("target" if reads else name, texts, self.room, getattr(model, "context", None))
        stop = getattr(config, "eos_token_id", None) if s.stop is None else s.stop
        self.stops = Stops(stop, s.decode, vocabulary)
        pad = getattr(config, "pad_token_id", None) if s.pad is None else as_count("pad", s.pad)
        self.pad = next((i for i in (pad, *self.stops.ids) if i is not None), 0)
        self.draws = _generators(s, self.count)
        self._parts = model, Rows(texts), self.room, bool(s.use_cache), sources

    @property
    def rows(self) -> int:
        """How many texts are written."""
        return self.count * self.settings.num_return_sequences

    def reader(self) -> Reader:
        return Reader(*self._parts)


def generate(
    model: Any,
    prompts: Any,
    max_new_tokens: int,
    *,
    target: Any = None,
    log_probabilities: bool = False,
    **options: Unpack[Options],
) -> Iterator[Any]:
    """As the method of this name of a model, which is documented there; `prompts` are ids (T,) or (B, T)."""
    settings = {"log_probabilities": log_probabilities, **options}
    request = _Request(model, prompts, max_new_tokens, target, settings)
    steps = _found(request) if request.settings.num_beams > 1 else _drawn(request)
    return _shown(request, steps)


@no_grad
def beam_search(
    model: Any, prompts: Any, max_new_tokens: int, *, target: Any = None, **options: Unpack[Options]
) -> list[list[Hypothesis]]:
    """For each prompt the `num_return_sequences` best texts with their scores, best first.

    Arguments are those of `generate`, `prompts` ids (T,) or (B, T); ValueError unless num_beams is above 1.
    """
    request = _Request(model, prompts, max_new_tokens, target, options)
    if request.settings.num_beams < 2:
        raise ValueError("beam_search: give num_beams, 2 or more")
    if not request.room:
        raise ValueError("beam_search: max_new_tokens must be 1 or more")
    return search(request.reader(), request.count, request.settings, request.stops, request.room)


def _shown(request: _Request, steps: Iterator[tuple[np.ndarray, np.ndarray]]) -> Iterator[Any]:
    """The steps as the caller wants them: a number or an array, with log-probabilities or without."""
    single = not request.several and request.rows == 1
    for tokens, logs in steps:
        token, log = (int(tokens[0]), float(logs[0])) if single else (tokens, logs)
        yield (token, log) if request.settings.log_probabilities else token


@no_grad
def _found(request: _Request) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Steps of the texts that a beam search finds, which it has when it ends."""
    if not request.room:
        return
    found = search(request.reader(), request.count, request.settings, request.stops, request.room)
    texts = [hypothesis for best in found for hypothesis in best]
    for i in range(max(len(text.tokens) for text in texts)):
        going = [i < len(text.tokens) for text in texts]
        yield (
            np.array([t.tokens[i] if on else request.pad for t, on in zip(texts, going, strict=True)]),
            np.array([t.log_probabilities[i] if on else 0.0 for t, on in zip(texts, going, strict=True)]),
        )


@no_grad
def _drawn(request: _Request) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Steps of texts whose tokens are chosen one by one: tokens (B,) and their log-probabilities (B,)."""
    s, texts, reader = request.settings, request.rows, request.reader()
    written: list[list[int]] = [[] for _ in range(texts)]
    going = np.ones(texts, bool)
    live = np.arange(texts)  # the text of each row of the reader
    chosen = None
    for _ in range(request.room):
        logits = reader.read(chosen)
        if len(logits) < len(live):  # the prompts, each of which has several texts
            copies = np.arange(request.count).repeat(s.num_return_sequences)
            reader.select(copies)
            logits = logits[copies]
        tokens, logs = np.full(texts, request.pad), np.zeros(texts)
        chosen = np.zeros(len(live), np.int64)
        for row, text in enumerate(live.tolist()):
            if going[text]:
                read = reader.text(row) if s.penalizes else None
                token = _choice(s, logits[row], read, written[text], request.draws[text]())
                written[text].append(token)
                chosen[row] = tokens[text] = token
                if s.log_probabilities:
                    logs[text] = logits[row, token] - log_total(logits[row])
                going[text] = not request.stops.hit(written[text])
        yield tokens, logs
        if not going.any():
            return
        kept = np.flatnonzero(going[live])
        if 2 * len(kept) <= len(live):  # texts that have ended are dropped when they are many: it is a copy
            reader.select(kept)
            live, chosen = live[kept], chosen[kept]


def _choice(
    s: Settings, logits: np.ndarray, read: np.ndarray | None, written: list[int], rng: np.random.Generator
) -> int:
    if read is not None:
        logits = penalized(logits, read, written, s.repetition_penalty, s.frequency_penalty)
    return pick(logits, s.heat, s.top_k, s.top_p, rng, s.min_p)


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
    numbers = [as_count("seed", seed) for seed in seeds]
    if min(numbers) < 0:
        raise ValueError(f"generate: seed must be 0 or more, not {min(numbers)}")
    own = [np.random.default_rng([n, i]) for n in numbers for i in range(s.num_return_sequences)]
    return [lambda rng=rng: rng for rng in own]  # type: ignore[misc]


def _targets(target: Any, config: Any, vocabulary: int | None, count: int) -> list[np.ndarray]:
    """What each text starts with."""
    if target is None:
        target = getattr(config, "decoder_start_token_id", None)
        if target is None:
            raise ValueError(
                "generate: give target=, the ids that a text starts with, at least a start token"
            )
        target = [target]
    texts, several = rows_of("target", target, vocabulary)
    if several and len(texts) != count:
        raise ValueError(
            f"generate: {len(texts)} targets for {count} sources; give one for all or one for each"
        )
    if len({len(text) for text in texts}) > 1:
        raise ValueError(
            f"generate: targets of lengths {[len(t) for t in texts]}; they must be of one length"
        )
    return texts if several else texts * count


def _check_lengths(name: str, texts: list[np.ndarray], context: int | None) -> None:
    longest = max(map(len, texts))
    if context is not None and longest > context:
        raise ValueError(f"generate: {longest} {name} tokens are longer than the context, {context}")


def _check_room(name: str, texts: list[np.ndarray], room: int, context: int | None) -> None:
    """The last token is not read again."""
    longest = max(map(len, texts))
    if context is not None and longest + max(room, 1) - 1 > context:
        raise ValueError(
            f"generate: {longest} {name} tokens and {room} new ones do not fit into the context, {context}; "
            f"give at most {max(0, context - longest + 1)} for max_new_tokens, or a shorter {name}"
        )
