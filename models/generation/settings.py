"""What `generate` may be told, and what it may not."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
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
        """TypeError with the nearest name for an option that is none."""
        names = [f.name for f in fields(cls)]
        for name in options:
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
                raise TypeError(f"generate: unexpected keyword argument {name!r}; {hint}")
        return cls(**options)

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_together()

    @property
    def heat(self) -> float:
        """The temperature, given or not."""
        return float(self.num_beams == 1) if self.temperature is None else self.temperature

    @property
    def penalizes(self) -> bool:
        """Whether logits are changed by what was there before."""
        return self.repetition_penalty != 1 or self.frequency_penalty != 0

    def _check_numbers(self) -> None:
        for name, fits, what in NUMBERS:
            value = getattr(self, name)
            if value is None and name in MAY_BE_NONE:
                continue
            if isinstance(value, (bool, np.bool_)) or not isinstance(
                value, (int, float, np.floating, np.integer)
            ):
                raise TypeError(f"generate: {name} must be {what}, not {value!r}")
            if not (math.isfinite(float(value)) and fits(float(value))):
                raise ValueError(f"generate: {name} must be {what}, not {value!r}")
        for name in COUNTS:
            value = getattr(self, name)
            if value is None and name in MAY_BE_NONE:
                continue
            if as_count(name, value) < 1:
                raise ValueError(f"generate: {name} must be 1 or more, not {value}")
        for name in ("log_probabilities", "use_cache"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise TypeError(f"generate: {name} is True or False, not {getattr(self, name)!r}")
        if self.early_stopping not in (True, False, "never"):
            raise ValueError(
                f"generate: early_stopping is True, False or 'never', not {self.early_stopping!r}"
            )

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
        if self.rng is not None and not isinstance(self.rng, np.random.Generator):
            raise TypeError(
                f"generate: rng is a np.random.Generator, not {type(self.rng).__name__}; see seed"
            )
        if self.rng is not None and self.seed is not None:
            raise ValueError("generate: give seed or rng, not both")


NUMBERS: list[tuple[str, Callable[[float], bool], str]] = [
    ("temperature", lambda x: x >= 0, "0 (greedy) or more"),
    ("top_p", lambda x: 0 < x <= 1, "above 0 and at most 1"),
    ("min_p", lambda x: 0 <= x <= 1, "from 0 to 1"),
    ("repetition_penalty", lambda x: x > 0, "above 0 (1 for none)"),
    ("frequency_penalty", lambda x: True, "a finite number (0 for none)"),
    ("length_penalty", lambda x: True, "a finite number"),
]
COUNTS = "top_k", "num_beams", "num_return_sequences"
MAY_BE_NONE = "temperature", "top_k", "top_p", "min_p"


def as_count(name: str, value: Any) -> int:
    """`value` as an int; TypeError where it is none."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        return index(value)
    except TypeError:
        raise TypeError(f"generate: {name} is an integer, not {value!r}") from None
