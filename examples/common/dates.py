"""Dates as people write them beside the same in ISO 8601: what a translator learns from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

import numpy as np

from .languages import LANGUAGES, Language
from .mistakes import plain, with_mistakes
from .text import Vocabulary

# All years of which two digits tell the whole, 1950 to 2049: '49 is 2049, '50 is 1950.
FIRST, LAST = date(1950, 1, 1), date(2049, 12, 31)
LONGEST = 40  # characters of a date
START = ">"  # what every answer begins with
PAD = " "
WITH_MISTAKES, WITHOUT_ACCENTS = 0.4, 0.2  # of the texts


@dataclass(frozen=True)
class Example:
    """A date as it is written, in small letters, and in ISO 8601; and how it came about."""

    text: str
    iso: str
    language: str
    kind: str  # "name", "shortened" or "number": how the month is written
    short_year: bool
    mistakes: int


def filled(form: str, day: date, language: Language) -> str:
    """A form with a date in its fields."""
    month, weekday = day.month - 1, day.weekday()
    return form.format(
        d=day.day,
        dd=f"{day.day:02}",
        th=language.ordinal(day.day),
        m=day.month,
        mm=f"{day.month:02}",
        month=language.months[month],
        mon=language.shortened[month],
        Y=day.year,
        yy=f"{day.year % 100:02}",
        weekday=language.weekdays[weekday],
        wd=language.shortened_weekdays[weekday],
    )


def forms_of(day: date, language: Language) -> list[str]:
    return [*language.forms, *(language.late_forms if day.day > 12 else ())]


def tidy(text: str) -> str:
    """What the model reads of a text: large letters as small ones, and single spaces."""
    return " ".join(text.replace("İ", "i").lower().split())


class Dates:
    """An endless stock of examples of some days, each found by its number."""

    def __init__(self, days: list[date]):
        self.days = days

    def example(self, number: int) -> Example:
        random = Random(int(number))
        day = self.days[number % len(self.days)]
        language = LANGUAGES[int(random.random() * len(LANGUAGES))]
        forms = forms_of(day, language)
        form = forms[int(random.random() * len(forms))]
        text = tidy(filled(form, day, language))
        if random.random() < WITHOUT_ACCENTS:
            text = plain(text)
        mistakes = 0
        if random.random() < WITH_MISTAKES:
            text, mistakes = with_mistakes(text, 1 + int(random.random() * 2), random)
        kind = "name" if "{month}" in form else "shortened" if "{mon}" in form else "number"
        return Example(text, day.isoformat(), language.name, kind, "{yy}" in form, mistakes)

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """The numbers of `count` random examples: a training batch."""
        return rng.integers(2**53, size=count)

    def cover(self) -> np.ndarray:
        """Numbers with which every day is written once."""
        return np.arange(len(self.days))

    def at(self, numbers: Iterable[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(source, target_in, mask, target_out) of examples: what a Transformer is given, and should answer.

        Sources are (B, LONGEST) with a mask that is true for characters; target_in is target_out (B, 10) one
        character earlier, and begins with START.
        """
        examples = [self.example(number) for number in numbers]
        source, mask = padded([e.text for e in examples])
        answer = VOCABULARY.encode("".join(START + e.iso for e in examples)).reshape(len(examples), -1)
        return source, answer[:, :-1], mask, answer[:, 1:]


def padded(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Ids (B, LONGEST), and a mask that is true for characters and false for padding behind them."""
    ids = VOCABULARY.encode("".join(text.ljust(LONGEST, PAD) for text in texts)).reshape(-1, LONGEST)
    return ids, np.arange(LONGEST) < np.array([[len(text)] for text in texts])


def split_days(seed: int) -> dict[str, list[date]]:
    """The days of a century in three parts at random: 85 % to train on, 5 % to validate, 10 % to test with.

    No day is in two of them, in whatever form it is written.
    """
    days = [FIRST + timedelta(i) for i in range((LAST - FIRST).days + 1)]
    Random(seed).shuffle(days)
    a, b = int(0.85 * len(days)), int(0.9 * len(days))
    return {"train": days[:a], "val": days[a:b], "test": days[b:]}


def _characters() -> Vocabulary:
    """All that the languages' dates have in them, and what a mistake can add."""
    names = [
        text
        for language in LANGUAGES
        for texts in (language.months, language.shortened, language.weekdays, language.shortened_weekdays)
        for text in texts
    ]
    forms = [form for language in LANGUAGES for form in language.forms]
    ordinals = [language.ordinal(1) for language in LANGUAGES]
    text = "".join([*names, *forms, *ordinals]).lower().replace("{", "").replace("}", "")
    return Vocabulary.of(text + plain(text) + "abcdefghijklmnopqrstuvwxyz0123456789" + START + PAD)


VOCABULARY = _characters()
