"""Writing texts with a model, token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from ...autograd import no_grad
from ...autograd.arrays import ArrayLike
from .beams import Hypothesis, search
from .request import Request
from .sampling import log_total, pick
from .settings import Options

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
        temperature, top_k, top_p, min_p, repetition_penalty, frequency_penalty, no_repeat_ngram_size,
        min_length, min_new_tokens, suppress_tokens, begin_suppress_tokens, forced_bos_token_id,
        forced_eos_token_id, num_beams, length_penalty, early_stopping, num_return_sequences, stop, decode,
        pad, seed, rng, log_probabilities, use_cache, attention_mask. What is not given is as the model's
        generation_config says (generation/defaults.py), which from_pretrained reads. `target` (T,) or (B, T)
        is what the texts of an encoder-decoder start with, unless its config says so. A text ends after a
        token or string of `stop`. With num_return_sequences=n, rows of the same prompt are neighbours, the
        best first. The model stays in the mode (train or eval) it is in,
        and the caller's grad mode is left alone. BLAS threads: nn.parallel.limit_threads.

        Arguments are checked when they are given: ValueError or TypeError for what is no text or no setting,
        IndexError for ids outside of the vocabulary, ValueError where texts do not fit into the context.
        """
        return generate(
            self, prompts, max_new_tokens, target=target, log_probabilities=log_probabilities, **options
        )


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
    request = Request(model, prompts, max_new_tokens, target, settings)
    steps = _found(request) if request.settings.num_beams > 1 else _drawn(request)
    return _shown(request, steps)


@no_grad
def beam_search(
    model: Any, prompts: Any, max_new_tokens: int, *, target: Any = None, **options: Unpack[Options]
) -> list[list[Hypothesis]]:
    """For each prompt the `num_return_sequences` best texts with their scores, best first.

    Arguments are those of `generate`, `prompts` ids (T,) or (B, T); ValueError unless num_beams is above 1.
    """
    request = Request(model, prompts, max_new_tokens, target, options)
    if request.settings.num_beams < 2:
        raise ValueError("beam_search: give num_beams, 2 or more")
    if not request.room:
        raise ValueError("beam_search: max_new_tokens must be 1 or more")
    return search(request.reader(), request.count, request.rules)


def _shown(request: Request, steps: Iterator[tuple[np.ndarray, np.ndarray]]) -> Iterator[Any]:
    """The steps as the caller wants them: a number or an array, with log-probabilities or without."""
    single = not request.several and request.rows == 1
    for tokens, logs in steps:
        token, log = (int(tokens[0]), float(logs[0])) if single else (tokens, logs)
        yield (token, log) if request.settings.log_probabilities else token


@no_grad
def _found(request: Request) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Steps of the texts that a beam search finds, which it has when it ends."""
    if not request.room:
        return
    found = search(request.reader(), request.count, request.rules)
    texts = [hypothesis for best in found for hypothesis in best]
    for i in range(max(len(text.tokens) for text in texts)):
        going = [i < len(text.tokens) for text in texts]
        yield (
            np.array([t.tokens[i] if on else request.pad for t, on in zip(texts, going, strict=True)]),
            np.array([t.log_probabilities[i] if on else 0.0 for t, on in zip(texts, going, strict=True)]),
        )


@no_grad
def _drawn(request: Request) -> Iterator[tuple[np.ndarray, np.ndarray]]:
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
                x = logits[row]
                if request.rules.any:
                    x = request.rules(x, reader.text(row), written[text])
                token = pick(x, s.heat, s.top_k, s.top_p, request.draws[text](), s.min_p)
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
