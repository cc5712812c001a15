"""Mistakes of who types: characters swapped, dropped, doubled, or the one beside on the keyboard."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from random import Random

from .languages import LANGUAGES

ROWS = "qwertyuiop", "asdfghjkl", "zxcvbnm"
PLAIN = str.maketrans("ıłøß", "ilos")  # what Unicode does not take apart
WORD = re.compile(r"(?<!\w)[^\W\d]{2,}")  # no ordinal's end: that belongs to its number


def plain(text: str) -> str:
    """Without accents and the like, as on a keyboard that has none of them."""
    apart = unicodedata.normalize("NFD", text.translate(PLAIN))
    return "".join(c for c in apart if not unicodedata.combining(c))


def _beside() -> dict[str, str]:
    """The keys around each letter: left and right in its row, and those that touch it above and below."""
    found: dict[str, str] = {}
    for y, row in enumerate(ROWS):
        for x, letter in enumerate(row):
            places = [(y, x - 1), (y, x + 1), (y - 1, x), (y - 1, x + 1), (y + 1, x - 1), (y + 1, x)]
            near = (ROWS[j][i] for j, i in places if 0 <= j < len(ROWS) and 0 <= i < len(ROWS[j]))
            found[letter] = "".join(near)
    return found


BESIDE = _beside()


def mistaken(word: str) -> Iterator[str]:
    """All that one mistake can make of a word."""
    for i, letter in enumerate(word):
        rest = word[i + 1 :]
        yield word[:i] + rest
        yield word[:i] + 2 * letter + rest
        for near in BESIDE.get(plain(letter), ""):
            yield word[:i] + near + rest
        if rest and rest[0] != letter:
            yield word[:i] + rest[0] + letter + rest[1:]


@cache
def months_named() -> dict[str, int]:
    """The month (1 to 12) that each name stands for, in any of the languages."""
    return {
        spelling: month
        for language in LANGUAGES
        for names in (language.months, language.shortened)
        for month, name in enumerate(names, 1)
        for spelling in (name.lower().rstrip("."), plain(name.lower().rstrip(".")))
    }


@cache
def months_read() -> dict[str, set[int]]:
    """The months that each spelling may be, right or with a mistake."""
    read: dict[str, set[int]] = {}
    for name, month in months_named().items():
        for variant in (name, *mistaken(name)):
            read.setdefault(variant, set()).add(month)
    return read


def with_mistakes(text: str, count: int, random: Random) -> tuple[str, int]:
    """A date's text in small letters with up to `count` mistakes, and how many they are.

    At most one is in a word. Digits and signs are left alone: with a mistake in them a date is another, or
    none. A word that could be a month's name keeps only mistakes with which it is no other month's, in any of
    the languages: `juni` without its n might be `juli` without its l, so that one is not made.
    """
    words = list(WORD.finditer(text))
    made = 0
    for place in sorted(random.sample(words, min(count, len(words))), key=lambda m: -m.start()):
        right = place.group()
        choices = list(mistaken(right))
        wrong = choices[int(random.random() * len(choices))]
        month = months_named().get(right)
        if months_read().get(wrong, set()) != (set() if month is None else {month}):
            continue
        text = text[: place.start()] + wrong + text[place.end() :]
        made += 1
    return text, made
