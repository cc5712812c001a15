"""What `generate` may be told, and what it may not."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import index
from typing import Any, TypedDict

import numpy as np

from ...autograd.arrays import ArrayLike

__all__ = ["Options", "Settings"]


class Options(TypedDict, total=False):
    """The names and types of `Settings`, for type checkers, but for log_probabilities."""

    attention_mask: ArrayLike
    temperature: float | None
    top_k: int | None
    top_p: float | None
    min_p: float | None
    repetition_penalty: float
    frequency_penalty: float
    no_repeat_ngram_size: int
    min_length: int
    min_new_tokens: int
    suppress_tokens: int | Sequence[int] | None
    begin_suppress_tokens: int | Sequence[int] | None
    forced_bos_token_id: int | None
    forced_eos_token_id: int | Sequence[int] | None
    num_beams: int
    length_penalty: float
    early_stopping: bool | str
    num_return_sequences: int
    stop: int | str | Sequence[int | str] | None
    decode: Any
    pad: int | None
    seed: int | Sequence[int] | None
    rng: np.random.Generator | None
    use_cache: bool


@dataclass(frozen=True)
class Settings:
    """How `generate` writes, by the names of Hugging Face's transformers where it has one.

    ValueError or TypeError, at once, for what means nothing.
    """

    attention_mask: Any = None  # (B, T) beside prompts (B, T): 1 for tokens, 0 for padding
    temperature: float | None = None  # 0 takes the likeliest token; 1 unless given, and with beams 0
    top_k: int | None = None  # of the k likeliest only
    top_p: float | None = None  # of the fewest that together have probability p
    min_p: float | None = None  # of those at least so much as likely as the likeliest
    repetition_penalty: float = 1.0  # above 1: tokens that were read or written become less likely
    frequency_penalty: float = 0.0  # taken off a token's logit for each time it was written
    no_repeat_ngram_size: int = 0  # so many tokens in a row come once only, the prompt counted; 0: any
    min_length: int = 0  # no id of `stop` before a text has so many tokens with its prompt (or target)
    min_new_tokens: int = 0  # nor before so many are written
    suppress_tokens: Any = None  # ids that never come
    begin_suppress_tokens: Any = None  # ids that do not come first
    forced_bos_token_id: int | None = None  # what follows a prompt (or target) of one token
    forced_eos_token_id: Any = None  # the last of max_new_tokens, one of these
    num_beams: int = 1  # texts that are followed at once
    length_penalty: float = 1.0  # scores are divided by length ** length_penalty
    early_stopping: bool | str = (
        False  # True: with the num_beams-th finished text; "never": when none can win
    )
    num_return_sequences: int = 1  # texts for each prompt: samples, or the best of the beams
    stop: Any = None  # ids and strings that end a text; those of the model's config unless given, () for none
    decode: Any = None  # function from ids to text, or tokenizer that has one: for strings in `stop`
    pad: int | None = None  # what follows in a row whose text has ended
    seed: Any = None  # one for all prompts or one for each: a prompt's text does not depend on the others
    rng: np.random.Generator | None = (
        None  # from which all draw in turn; nn.manual_seed's without seed or rng
    )
    log_probabilities: bool = False  # give pairs: tokens, and their log-probabilities by the model alone
    use_cache: bool = True  # False: compute the whole text anew for each token

    @classmethod
    def of(cls, options: dict[str, Any]) -> Settings:
        """Settings of these names and values; errors as of `check_names` and of the class."""
        cls.check_names(options)
        return cls(**options)

    @classmethod
    def check_names(cls, options: dict[str, Any]) -> None:
        """TypeError, with the nearest name or what there is in its place, for an option that is none."""
        names = [f.name for f in fields(cls)]
        for name in options:
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
                hint = ELSEWHERE.get(name, hint)
                raise TypeError(f"generate: unexpected keyword argument {name!r}; {hint}")

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_counts()
        self._check_seeds()
        self._check_together()

    @property
    def heat(self) -> float:
        """The temperature, given or not."""
        return float(self.num_beams == 1) if self.temperature is None else self.temperature

    def _check_numbers(self) -> None:
        for name, fits, what in NUMBERS:
            value = getattr(self, name)
            if value is None and name in MAY_BE_NONE:
                continue
            if isinstance(value, (bool, np.bool_)) or not isinstance(
                value, (int, float, np.floating, np.integer)
            ):
                raise TypeError(f"generate: {name} must be {what}, not {value!r}")
            if not (_is_finite(value) and fits(float(value))):
                raise ValueError(f"generate: {name} must be {what}, not {value!r:.99}")

    def _check_counts(self) -> None:
        for name, least in COUNTS.items():
            value = getattr(self, name)
            if value is None and name in MAY_BE_NONE:
                continue
            most = MOST.get(name, np.inf)
            if as_count(name, value) < least:
                raise ValueError(f"generate: {name} must be {least} or more, not {value}")
            if value > most:
                raise ValueError(f"generate: {name} must be {most} or less, not {value:.3g}")
        for name in IDS:
            ids_of(name, getattr(self, name))
        for name in ("log_probabilities", "use_cache"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise TypeError(f"generate: {name} is True or False, not {getattr(self, name)!r}")
        early = self.early_stopping
        if not (isinstance(early, (bool, np.bool_)) or (isinstance(early, str) and early == "never")):
            raise ValueError(
                f"generate: early_stopping is True, False or 'never', not {self.early_stopping!r}"
            )

    def _check_seeds(self) -> None:
        if self.seed is not None:
            numbers = [as_count("seed", n) for n in ([self.seed] if np.ndim(self.seed) == 0 else self.seed)]
            if min(numbers, default=0) < 0:
                raise ValueError(f"generate: seed must be 0 or more, not {min(numbers)}")
        if self.rng is not None and not isinstance(self.rng, np.random.Generator):
            raise TypeError(
                f"generate: rng is a np.random.Generator, not {type(self.rng).__name__}; see seed"
            )
        if self.rng is not None and self.seed is not None:
            raise ValueError("generate: give seed or rng, not both")

    def _check_together(self) -> None:
        beams, samples = self.num_beams, self.num_return_sequences
        if beams > 1:
            drawn = [n for n in ("top_k", "top_p", "min_p", "seed", "rng") if getattr(self, n) is not None]
            drawn += ["temperature"] if self.temperature else []
            if drawn:
                raise ValueError(
                    f"generate: num_beams={beams} looks for the likeliest text and draws nothing; leave out "
                    f"{' and '.join(drawn)}, or num_beams to sample"
                )
            if samples > beams:
                raise ValueError(
                    f"generate: num_return_sequences={samples} texts of num_beams={beams}; there are at most "
                    "as many as beams"
                )
        elif self.length_penalty != 1 or self.early_stopping:
            raise ValueError("generate: length_penalty and early_stopping are for beams; give num_beams > 1")
        elif samples > 1 and self.heat == 0:
            raise ValueError(
                f"generate: num_return_sequences={samples} at temperature 0 would be one text {samples} "
                "times; give a temperature or num_beams"
            )


# Scores and logits stay far from where numbers end: length ** 16 of a million tokens is 1e96.
NUMBERS: list[tuple[str, Callable[[float], bool], str]] = [
    ("temperature", lambda x: x >= 0, "0 (greedy) or more"),
    ("top_p", lambda x: 0 < x <= 1, "above 0 and at most 1"),
    ("min_p", lambda x: 0 <= x <= 1, "from 0 to 1"),
    ("repetition_penalty", lambda x: 1e-3 <= x <= 1e3, "above 0 (1 for none), from 0.001 to 1000"),
    ("frequency_penalty", lambda x: abs(x) <= 1e9, "a finite number (0 for none), at most 1e9"),
    ("length_penalty", lambda x: abs(x) <= 16, "a finite number, from -16 to 16"),
]
COUNTS = {
    "top_k": 1, "num_beams": 1, "num_return_sequences": 1,
    "no_repeat_ngram_size": 0, "min_length": 0, "min_new_tokens": 0,
}  # fmt: skip
MOST = {"num_beams": 10_000, "num_return_sequences": 1_000_000}  # texts, which memory has to hold
IDS = "suppress_tokens", "begin_suppress_tokens", "forced_bos_token_id", "forced_eos_token_id"
MAY_BE_NONE = "temperature", "top_k", "top_p", "min_p"
ELSEWHERE = {  # what to give in place of transformers' words that are none here
    "do_sample": "give temperature=0 for False; without it, or with one above 0, tokens are drawn",
    "max_length": "give max_new_tokens, the second argument, which does not count the prompt",
    "eos_token_id": "give stop=, ids and strings that end a text",
    "stop_strings": "give stop=, ids and strings that end a text, and decode=",
    "stopping_criteria": "give stop=, or leave the loop over the tokens, which come one by one",
    "tokenizer": "give decode=, a function from ids to text or a tokenizer",
    "pad_token_id": "give pad=, what follows a text that has ended",
    "bos_token_id": "the prompt (or target=) begins with it if it is to",
    "decoder_start_token_id": "give target=[id], what an encoder-decoder's text starts with",
    "decoder_input_ids": "give target=, what an encoder-decoder's text starts with",
    "input_ids": "give the ids as the first argument",
    "inputs": "give the ids as the first argument",
    "generator": "give rng=, a np.random.Generator, or seed=",
    "max_time": "leave the loop over the tokens, which come one by one",
    "streamer": "tokens come one by one: loop over what generate gives",
    "output_scores": "give log_probabilities=True for those of the tokens, or use beam_search",
    "return_dict_in_generate": "give log_probabilities=True, or use beam_search for texts with scores",
    "generation_config": "set model.generation_config, a dict, or give its settings as arguments",
    "presence_penalty": "give repetition_penalty or frequency_penalty",
    "past_key_values": "the cache is generate's own; use_cache=False does without",
}


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:  # an integer of hundreds of digits
        return False


def as_count(name: str, value: Any) -> int:
    """`value` as an int; TypeError where it is none."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        return index(value)
    except TypeError:
        raise TypeError(f"generate: {name} is an integer, not {value!r}") from None


def ids_of(name: str, given: Any) -> tuple[int, ...]:
    """One id or several as a tuple, None as ()."""
    if given is None:
        return ()
    several = np.iterable(given) and not isinstance(given, (str, bytes, Mapping, Iterator))
    return tuple(as_count(name, i) for i in (given if several else [given]))


def check_ids(name: str, ids: Iterable[int], vocabulary: int | None, hint: str = "") -> None:
    """ValueError for an id that is not in the vocabulary."""
    wrong = [i for i in ids if i < 0 or (vocabulary is not None and i >= vocabulary)]
    if wrong:
        last = ".." if vocabulary is None else vocabulary - 1
        raise ValueError(f"generate: {name} has id {wrong[0]}; the vocabulary has 0 to {last}{hint}")
