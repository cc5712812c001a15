"""Beam search: the likeliest texts, several being followed at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .reading import Reader
from .rules import Rules
from .sampling import largest, log_total

__all__ = ["Hypothesis", "search"]

NEVER = -1e9  # the score of what is not to be followed


class Hypothesis(NamedTuple):
    """A finished text: new ids (n,), its score, and the log-probability (n,) of each id by the model alone.

    The score is the sum of the log-probabilities (after penalties) divided by n ** length_penalty.
    """

    tokens: np.ndarray
    score: float
    log_probabilities: np.ndarray


class _Candidate(NamedTuple):
    score: float
    parent: int  # the beam that it continues
    token: int
    log_probability: float


class _Beams:
    """The beams of one prompt, as transformers searches them (Graves 2012, arXiv:1211.3711, and others).

    Of the continuations of all beams the best are looked at, enough of them that `num_beams` go on whatever
    stop tokens there are among them. Those that end and are among the `num_beams` best are finished texts, of
    which the `num_beams` with the highest scores are kept; the best of the others are the next beams.
    """

    def __init__(self, rules: Rules):
        self.rules, self.settings = rules, rules.settings
        self.stops, self.max_new_tokens = rules.stops, rules.room
        count = self.settings.num_beams
        self.looked_at = max(2, 1 + len(self.stops.ids)) * count
        self.scores = np.array([0.0] + [NEVER] * (count - 1))  # at first all beams are the same
        self.tokens = np.zeros((count, 0), np.int64)
        self.log_probabilities = np.zeros((count, 0))
        self.finished: list[Hypothesis] = []
        self.over = False

    def advance(self, logits: np.ndarray, texts: Sequence[np.ndarray]) -> np.ndarray:
        """Take a step, given the logits (num_beams, vocabulary); the beam that each new beam continues."""
        best = self._best(logits, texts)
        length = self.tokens.shape[1] + 1
        ends = [self._ends(candidate, length) for candidate in best]
        count = self.settings.num_beams
        if not self.over:
            self._finish([c for c, end in zip(best[:count], ends, strict=False) if end], length)
        going = [c for c, end in zip(best, ends, strict=True) if not end]
        stuck = [c._replace(score=c.score + NEVER) for c, end in zip(best, ends, strict=True) if end]
        beams = (going + stuck)[:count]
        parents = np.array([c.parent for c in beams])
        self.scores = np.array([c.score for c in beams])
        new = np.array([[c.token] for c in beams]), np.array([[c.log_probability] for c in beams])
        self.tokens = np.concatenate([self.tokens[parents], new[0]], axis=1)
        self.log_probabilities = np.concatenate([self.log_probabilities[parents], new[1]], axis=1)
        self.over = self.over or not going or self._is_over(length)
        return parents

    def _best(self, logits: np.ndarray, texts: Sequence[np.ndarray]) -> list[_Candidate]:
        """The continuations with the highest scores, from the highest down."""
        found = []
        for i, (x, text) in enumerate(zip(logits, texts, strict=True)):
            total = log_total(x)
            if not np.isfinite(total):
                raise ValueError(
                    f"beam search: the log of all probabilities is {total}; logits are nan or inf"
                )
            y = self.rules(x - np.float32(total), text, self.tokens[i].tolist()) if self.rules.any else x
            for token in largest(y, self.looked_at).tolist():
                raw = float(x[token]) - total
                added = float(y[token]) if self.rules.any else raw
                found.append(_Candidate(self.scores[i] + added, i, token, raw))
        found.sort(key=lambda candidate: -candidate.score)  # of equals the first, as in `largest`
        if found[0].score == -np.inf:
            raise ValueError("beam search: no token may come next; suppress fewer, or allow repeats")
        return found[: self.looked_at]

    def _ends(self, candidate: _Candidate, length: int) -> bool:
        if length == self.max_new_tokens or candidate.token in self.stops.ids:
            return True
        return bool(self.stops.strings) and self.stops.hit(
            [*self.tokens[candidate.parent].tolist(), candidate.token]
        )

    def _finish(self, ended: list[_Candidate], length: int) -> None:
        for c in ended:
            tokens = np.append(self.tokens[c.parent], c.token)
            log_probabilities = np.append(self.log_probabilities[c.parent], c.log_probability)
            score = c.score / length**self.settings.length_penalty
            self.finished.append(Hypothesis(tokens, float(score), log_probabilities))
        self.finished.sort(key=lambda hypothesis: -hypothesis.score)
        del self.finished[self.settings.num_beams :]

    def _is_over(self, length: int) -> bool:
        """Whether no beam can become better than what is finished, or enough is."""
        s = self.settings
        if len(self.finished) < s.num_beams:
            return False
        if s.early_stopping and s.early_stopping != "never":
            return True
        longest = self.max_new_tokens if s.early_stopping == "never" and s.length_penalty > 0 else length
        return not self.scores[0] / longest**s.length_penalty > self.finished[-1].score


def search(reader: Reader, prompts: int, rules: Rules) -> list[list[Hypothesis]]:
    """For each of the prompts that `reader` has, the finished texts with the highest scores, best first."""
    count = rules.settings.num_beams
    beams = [_Beams(rules) for _ in range(prompts)]
    logits = reader.read().repeat(count, axis=0)
    reader.select(np.arange(prompts).repeat(count))
    live = list(beams)
    while True:
        rows, tokens = [], []
        for i, beam in enumerate(live):
            first = i * count
            texts = [reader.text(first + j) if rules.any else NOTHING for j in range(count)]
            parents = beam.advance(logits[first : first + count], texts)
            if not beam.over:
                rows.append(first + parents)
                tokens.append(beam.tokens[:, -1])
        live = [beam for beam in live if not beam.over]
        if not live:
            return [beam.finished[: rules.settings.num_return_sequences] for beam in beams]
        reader.select(np.concatenate(rows))
        logits = reader.read(np.concatenate(tokens))


NOTHING = np.zeros(0, np.int64)
