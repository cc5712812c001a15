"""The training of a translator of dates, and what it makes of texts."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tapegrad import nn
from tapegrad.models.generation import beam_search, generate

from . import attention_map, training
from .dates import LONGEST, START, VOCABULARY, Dates, Example, padded, split_days, tidy
from .session import LAST

ISO = len("2021-09-04")
FOLDER = "dates"  # in runs/


@dataclass
class Settings(training.Settings):
    """All that decides how a run goes."""

    minutes: float | None = 2.5
    block: int = LONGEST
    batch: int = 128
    width: int = 64
    lr: float = 4e-3

    @property
    def folder(self) -> str:
        return FOLDER


@dataclass(frozen=True)
class Days:
    """The days of each part, as the data of a run."""

    parts: dict[str, Any]
    name: str = "dates"


class DateRun(training.Run):
    """A Transformer that reads a date as people write it and answers in ISO 8601.

    The model of a run is its last: examples have no end, so nothing is learnt by heart, and which step is the
    best on a few hundred of them is chance (in one run it had 98.8 % of them all right, the last 99.2 %).
    """

    Settings = Settings
    EVALUATED = 256

    @classmethod
    def read(cls, settings: training.Settings) -> Days:
        return Days(split_days(settings.seed))

    def _prepare(self, data: Any) -> None:
        self.vocabulary = VOCABULARY
        self.blocks = {part: Dates(data.parts[part]) for part in ("train", "val")}
        self.test = Dates(data.parts["test"])  # never looked at before the end

    def test_examples(self) -> list[Example]:
        """One of each day that is kept for the test."""
        return [self.test.example(number) for number in self.test.cover()]


def newest(folders: Iterable[Path]) -> Path | None:
    """The newest checkpoint in these folders."""
    found = [path for folder in folders if (path := folder / LAST).exists()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def restored(options: argparse.Namespace, kind: type[DateRun]) -> DateRun:
    """The run in --out with its model. ValueError where another program made it."""
    path = options.out / LAST
    stored = nn.load(path).get("settings", {})
    if stored.keys() != Settings.__dataclass_fields__.keys() or stored["block"] != LONGEST:
        raise ValueError(f"{path} is a checkpoint, but not one that this program made")
    settings = Settings(**stored)
    run = kind(settings, kind.read(settings), options.out)
    nn.load(path, model=run.model, rng=False)
    run.model.eval()
    return run


# ---------------------------------------------------------------------- answers


def translated(model: Any, texts: list[str], num_beams: int = 1, at_once: int = 256) -> list[str]:
    """What the model answers to each text."""
    answers = []
    options = {"num_beams": num_beams} if num_beams > 1 else {"temperature": 0}
    for i in range(0, len(texts), at_once):
        source, mask = padded(texts[i : i + at_once])
        steps = generate(model, source, ISO, target=_start(), attention_mask=mask, stop=(), **options)
        answers += [VOCABULARY.decode(row) for row in np.array(list(steps)).T]
    return answers


def ranked(model: Any, text: str, num_beams: int = 4, count: int = 3) -> list[tuple[str, float]]:
    """The likeliest answers to a text as somebody typed it, with their probabilities.

    ValueError for one that is empty, too long, or has characters that are in no date.
    """
    text = tidy(text)
    if not 0 < len(text) <= LONGEST:
        raise ValueError(f"a date has 1 to {LONGEST} characters, and this has {len(text)}")
    strange = [c for c in text if c not in VOCABULARY.characters.replace(START, "")]
    if strange:
        raise ValueError(f"no date has the character {strange[0]!r} in it, in any of the languages")
    options = {"num_beams": num_beams, "num_return_sequences": count, "stop": ()}
    (found,) = beam_search(model, VOCABULARY.encode(text), ISO, target=_start(), **options)
    return [(VOCABULARY.decode(h.tokens), float(np.exp(h.log_probabilities.sum()))) for h in found]


def _start() -> np.ndarray:
    return VOCABULARY.encode(START)


def seen(model: Any, text: str, answer: str) -> np.ndarray:
    """How each character of the answer looked at those of the text, (layers, heads, 10, S)."""
    target = VOCABULARY.encode(START + answer[:-1])
    return attention_map.cross_attention(model, VOCABULARY.encode(text), target)


# ---------------------------------------------------------------------- how many are right

Pairs = list[tuple[Example, str]]  # with what the model answered
KINDS = {"name": "month's name", "shortened": "shortened", "number": "number"}


def table(pairs: Pairs) -> str:
    """The share of right answers by language and kind, and by what makes a text harder."""
    lines = [f"{'exact match, %':20}" + "".join(f"{title:>14}" for title in (*KINDS.values(), "all"))]
    for language in sorted({e.language for e, _ in pairs}):
        own = [(e, a) for e, a in pairs if e.language == language]
        columns = [[(e, a) for e, a in own if e.kind == kind] for kind in KINDS]
        lines.append(f"  {language:18}" + "".join(f"{share(column):>14}" for column in (*columns, own)))
    for title, chosen in (
        ("no mistake", lambda e: not e.mistakes),
        ("one mistake", lambda e: e.mistakes == 1),
        ("two mistakes", lambda e: e.mistakes == 2),
        ("year in two digits", lambda e: e.short_year),
    ):
        of_them = [(e, a) for e, a in pairs if chosen(e)]
        lines.append(f"  {title:18}{share(of_them):>14} of {len(of_them):,}")
    return "\n".join(lines)


def share(pairs: Pairs) -> str:
    """The percentage of right answers, to two decimals; a dash for no pairs."""
    return f"{100 * sum(e.iso == a for e, a in pairs) / len(pairs):.2f}" if pairs else "-"


def confusion(pairs: Pairs) -> str:
    """How often which parts of a date are wrong."""
    wrong: Counter[str] = Counter()
    for e, answer in pairs:
        if (parts := answer.split("-")) and len(parts) == 3:
            named = zip(("year", "month", "day"), parts, e.iso.split("-"), strict=True)
            wrong[" and ".join(name for name, a, b in named if a != b)] += e.iso != answer
        else:
            wrong["form"] += 1
    return ", ".join(f"{count} by the {part}" for part, count in wrong.most_common() if count)
