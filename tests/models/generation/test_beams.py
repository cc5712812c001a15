"""Beam search against looking at every text, and what comes out of it."""

import itertools

import numpy as np
import pytest

from tapegrad.autograd import no_grad
from tapegrad.models.generation import beam_search
from tapegrad.models.generation.beams import _Beams
from tapegrad.models.generation.rules import Rules
from tapegrad.models.generation.sampling import log_total
from tapegrad.models.generation.settings import Settings
from tapegrad.models.generation.stopping import Stops

pytestmark = pytest.mark.usefixtures("one_blas_thread")


class Table:
    """A decoder over few tokens whose next token depends on the last two: small enough to see every text."""

    context = None

    def __init__(self, size=3, seed=0, sharp=1.5):
        rng = np.random.default_rng(seed)
        self.logits = (rng.normal(size=(size, size, size)) * sharp).astype(np.float32)
        self.size = size

    def parameters(self):
        return []

    @staticmethod
    def named_modules():
        return []

    def hidden(self, ids, attention_mask=None, cache=None):
        from tapegrad.autograd import Tensor

        before = np.concatenate([np.zeros_like(ids[:, :1]), ids[:, :-1]], axis=1)
        return Tensor(self.logits[before, ids])

    @staticmethod
    def head(x):
        return x

    def texts(self, prompt, n, stop, length_penalty=1.0):
        """Every text of up to n new tokens, with its score."""
        found = []
        for length in range(1, n + 1):
            for text in itertools.product(range(self.size), repeat=length):
                if stop in text[:-1] or (length < n and text[-1] != stop):
                    continue
                whole, total = [*prompt, *text], 0.0
                for i in range(len(prompt), len(whole)):
                    x = self.logits[whole[i - 2] if i > 1 else 0, whole[i - 1]]
                    total += x[whole[i]] - log_total(x)
                found.append((total / length**length_penalty, text))
        return sorted(found, reverse=True)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0, -1.0])
def test_with_enough_beams_the_best_texts_are_found(seed, length_penalty):
    model = Table(seed=seed)
    every = model.texts([1, 2], 4, 0, length_penalty)
    options = {"length_penalty": length_penalty, "num_return_sequences": 5, "early_stopping": "never"}
    found = beam_search(model, [1, 2], 4, num_beams=81, stop=0, use_cache=False, **options)[0]
    assert [tuple(h.tokens.tolist()) for h in found] == [text for _, text in every[:5]]
    np.testing.assert_allclose([h.score for h in found], [score for score, _ in every[:5]], rtol=1e-5)
    for h in found:
        total = h.log_probabilities.sum() / len(h.tokens) ** length_penalty
        assert h.score == pytest.approx(total, rel=1e-5)


def test_more_beams_find_likelier_texts(gpt):
    """On average; and one more than greedy finds."""
    rng = np.random.default_rng(0)
    prompts = [rng.integers(1, 13, 4) for _ in range(20)]
    scores = []
    for count in (2, 4, 12):
        found = beam_search(gpt, prompts, 8, num_beams=count, length_penalty=0.0)
        scores.append(np.mean([best[0].score for best in found]))
    greedy = list(gpt.generate(prompts, 8, temperature=0, log_probabilities=True))
    scores.insert(0, np.mean(np.sum([log for _, log in greedy], axis=0)))
    assert scores == sorted(scores) and scores[-1] > scores[0] + 0.1


@no_grad
def test_scores_are_those_of_the_model(gpt):
    prompt = [4, 7, 1]
    for best in beam_search(gpt, prompt, 6, num_beams=4, num_return_sequences=4, stop=0)[0]:
        text = [*prompt, *best.tokens]
        logits = gpt(np.array([text])).numpy()[0]
        logs = [logits[i - 1, text[i]] - log_total(logits[i - 1]) for i in range(3, len(text))]
        np.testing.assert_allclose(best.log_probabilities, logs, atol=1e-5)
        assert best.score == pytest.approx(np.sum(logs) / len(logs), abs=1e-5)


def test_the_best_come_first_and_differ(gpt, translator):
    for model, more in ((gpt, {}), (translator, {"target": [0]})):
        found = beam_search(
            model, [[1, 2], [3, 4, 5]], 8, num_beams=5, num_return_sequences=5, stop=0, **more
        )
        for best in found:
            scores = [h.score for h in best]
            assert len(best) == 5 and scores == sorted(scores, reverse=True)
            assert len({tuple(h.tokens) for h in best}) == 5
            for h in best:
                assert 0 not in h.tokens[:-1] and (len(h.tokens) == 8 or h.tokens[-1] == 0)


def test_generate_gives_what_the_search_finds(gpt):
    options = {"num_beams": 4, "num_return_sequences": 2, "stop": 0}
    found = beam_search(gpt, [[1, 2], [3, 4, 5]], 8, **options)
    steps = list(gpt.generate([[1, 2], [3, 4, 5]], 8, log_probabilities=True, pad=-1, **options))
    tokens, logs = (np.array(part).T for part in zip(*steps, strict=True))
    for i, h in enumerate(h for best in found for h in best):
        np.testing.assert_array_equal(tokens[i, : len(h.tokens)], h.tokens)
        np.testing.assert_array_equal(logs[i, : len(h.tokens)], h.log_probabilities)
        assert (tokens[i, len(h.tokens) :] == -1).all() and not logs[i, len(h.tokens) :].any()
    first = [int(token) for token in found[0][0].tokens]
    assert list(gpt.generate([1, 2], 8, num_beams=4, stop=0)) == first
    assert list(gpt.generate([1, 2], 0, num_beams=4)) == []


def test_early_stopping_ends_with_as_many_texts_as_beams():
    """By default once the best beam, as long as it is, is no better; "never" once none can become so."""
    scores = {True: [], False: [], "never": []}
    again = []
    for seed in range(20):
        for when, found in scores.items():
            options = {"num_beams": 2, "length_penalty": 2.0, "early_stopping": when}
            found.append(
                beam_search(Table(5, seed), [1, 2], 12, stop=0, use_cache=False, **options)[0][0].score
            )
        options["early_stopping"] = np.True_
        again.append(beam_search(Table(5, seed), [1, 2], 12, stop=0, use_cache=False, **options)[0][0].score)
    assert again == scores[True]
    at_once, default, never = map(np.array, scores.values())
    assert (at_once <= default).all() and (default <= never).all()
    assert (at_once < default).any() and (default < never).any()


def test_strings_end_a_text(gpt):
    letters = "abcdefghijklm"

    def decode(ids):
        return "".join(letters[i] for i in ids)

    free = [decode(h.tokens) for h in beam_search(gpt, [1, 2], 10, num_beams=3, num_return_sequences=3)[0]]
    string = free[0][2:4]
    found = beam_search(gpt, [1, 2], 10, num_beams=3, num_return_sequences=3, stop=string, decode=decode)[0]
    ended = [decode(h.tokens) for h in found]
    assert any(text.endswith(string) and len(text) < 10 for text in ended)
    assert all(text.find(string) in (-1, len(text) - 2) for text in ended)


def test_beams_go_on_whatever_ends():
    """With two stop tokens that are always the likeliest, three beams are still followed."""
    logits = np.array([9.0, 8.0, 1.0, 0.5, 0.2, 0.1, 0.0])
    beams = _Beams(Rules(Settings(num_beams=3), Stops([0, 1]), 5))
    nothing = [np.zeros(0, int)] * 3
    assert beams.advance(np.tile(logits, (3, 1)), nothing).tolist() == [0, 0, 0]
    assert beams.tokens[:, 0].tolist() == [2, 3, 4] and not beams.over
    assert [h.tokens.tolist() for h in beams.finished] == [[0], [1]]


def test_refused(gpt):
    with pytest.raises(ValueError, match="beam_search: give num_beams, 2 or more"):
        beam_search(gpt, [1], 3)
    with pytest.raises(ValueError, match="beam_search: max_new_tokens must be 1 or more"):
        beam_search(gpt, [1], 0, num_beams=2)
    broken = Table()
    broken.logits[:] = np.nan
    with pytest.raises(ValueError, match="logits are nan or inf"):
        beam_search(broken, [1], 3, num_beams=2)
