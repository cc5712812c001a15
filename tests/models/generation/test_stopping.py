"""Where texts end, and what they are drawn from."""

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.models.generation.stopping import Stops

pytestmark = pytest.mark.usefixtures("one_blas_thread")

LETTERS = "abcdefghijklm"


def decode(ids):
    assert all(type(i) is int for i in ids)
    return "".join(LETTERS[i] for i in ids)


class Tokenizer:
    decode = staticmethod(decode)


@pytest.mark.parametrize("stop", [3, [3], (7, 3), np.array([3, 7]), np.int64(3)], ids=str)
def test_after_a_stop_token_nothing_comes(gpt, stop):
    whole = list(gpt.generate([1, 2], 60, seed=0, repetition_penalty=1.5))
    found = list(gpt.generate([1, 2], 60, seed=0, repetition_penalty=1.5, stop=stop))
    ids = np.atleast_1d(stop).tolist()
    end = min(whole.index(i) for i in ids if i in whole)
    assert found == whole[: end + 1] and len(found) < 60


@pytest.mark.parametrize("decoder", [decode, Tokenizer()], ids=["function", "tokenizer"])
def test_a_text_ends_with_the_first_string(gpt, decoder):
    whole = list(gpt.generate([1, 2], 50, seed=3))
    string = decode(whole[30:33])
    found = list(gpt.generate([1, 2], 50, seed=3, stop=["zzz", string], decode=decoder))
    end = decode(whole).index(string) + 3
    assert found == whole[:end]


def test_only_what_is_written_counts(gpt):
    """A string that the prompt ends with, and an id in it, stop nothing."""
    whole = list(gpt.generate([1, 2], 5, temperature=0))
    string = decode([2, whole[0]])
    assert list(gpt.generate([1, 2], 5, temperature=0, stop=[string], decode=decode))[:1] == whole[:1]
    assert string in decode([1, 2, *whole]) and string not in decode(whole)
    assert list(gpt.generate([1, 2], 5, temperature=0, stop=[string], decode=decode)) == whole


def test_strings_over_many_tokens_and_tokens_without_text():
    def text(ids):
        return "".join("" if i == 0 else chr(96 + i) for i in ids)

    stops = Stops("abc" * 5, text)
    written = [1, 0, 0, 0, 0, 2, 0, 0, 3] * 5
    hits = [stops.hit(written[: n + 1]) for n in range(len(written))]
    assert hits == [False] * (len(written) - 1) + [True]
    long = Stops("ab", lambda ids: "x" * 1000 if ids == [5] else text(ids))
    assert long.hit([1, 2]) and not long.hit([2, 1]) and not long.hit([5] * 100 + [1])


def test_texts_end_one_by_one_and_are_padded(gpt):
    """And those that have ended are no longer computed, once they are half."""
    rows = []
    hook = gpt.tokens.register_forward_pre_hook(lambda module, args: rows.append(len(args[0])))
    prompts = [[i] for i in range(8)]
    try:
        tokens = np.array(list(gpt.generate(prompts, 100, seed=range(8), stop=[0, 5], pad=99))).T
    finally:
        hook.remove()
    ends = []
    for row in tokens:
        end = int(np.flatnonzero(np.isin(row, (0, 5)))[0])
        assert (row[end + 1 :] == 99).all() and (row[:end] < 13).all()
        ends.append(end)
    assert len(ends) == 8 and max(ends) == tokens.shape[1] - 1 and len(set(ends)) > 2
    assert rows[0] == 8 and rows[-1] <= 2 and sorted(rows, reverse=True) == rows


class Config:
    vocab_size, eos_token_id, pad_token_id, block_size = 13, 7, 11, 24


@pytest.fixture
def configured(gpt):
    before, gpt.config = gpt.config, Config
    Config.checkpoint = False
    yield gpt
    gpt.config = before


def test_the_models_config_says_where_texts_end(configured):
    tokens = np.array(list(configured.generate([[1], [2], [3]], 100, seed=0))).T
    for row in tokens:
        assert 7 in row and (row[row.tolist().index(7) + 1 :] == 11).all()
    assert len(list(configured.generate([1], 100, seed=0, stop=()))) == 100
    lengths = [len(list(configured.generate([1], 100, seed=0, stop=s))) for s in (None, 7)]
    assert lengths[0] == lengths[1] < 100


# ---------------------------------------------------------------------------------- randomness


def test_a_seed_is_of_a_text(gpt):
    prompts = [[1, 2], [3], [1, 2]]
    rows = np.array(list(gpt.generate(prompts, 20, seed=7))).T
    np.testing.assert_array_equal(rows[0], rows[2])
    own = np.array(list(gpt.generate(prompts, 20, seed=[7, 8, 9]))).T
    np.testing.assert_array_equal(own[0], rows[0])
    assert (own[2] != rows[2]).any() and (own[1] != rows[1]).any()
    samples = np.array(list(gpt.generate([1, 2], 20, seed=7, num_return_sequences=3))).T
    np.testing.assert_array_equal(samples[0], rows[0])
    assert len({tuple(row) for row in samples}) == 3


def test_without_a_seed_all_draw_in_turn(gpt):
    def run(**options):
        return np.array(list(gpt.generate([[1, 2], [1, 2]], 20, **options))).T

    nn.manual_seed(5)
    first = run()
    assert (first[0] != first[1]).any() and (run() != first).any()
    nn.manual_seed(5)
    np.testing.assert_array_equal(run(), first)
    np.testing.assert_array_equal(*(run(rng=np.random.default_rng(1)) for _ in range(2)))
    nn.manual_seed(5)
    run(seed=1)
    np.testing.assert_array_equal(run(), first)  # a seed leaves the common generator alone


def test_log_probabilities_are_the_models_own(gpt):
    steps = list(gpt.generate([1, 2], 10, seed=0, temperature=0.5, top_k=3, log_probabilities=True))
    text = [1, 2]
    for token, log in steps:
        assert type(token) is int and type(log) is float
        logits = gpt(np.array([text])).numpy()[0, -1].astype(float)
        assert log == pytest.approx(logits[token] - np.log(np.exp(logits).sum()), abs=1e-5)
        text.append(token)


def test_penalties_are_of_what_was_there(gpt):
    """repetition_penalty looks at the prompt too, frequency_penalty counts what was written."""
    a, b = 1.4, 0.6
    text, written = [1, 2, 3], []
    for token in gpt.generate(text, 15, temperature=0, repetition_penalty=a, frequency_penalty=b):
        logits = gpt(np.array([[*text, *written][-24:]])).numpy()[0, -1].tolist()
        for i, x in enumerate(logits):
            x = (x / a if x > 0 else x * a) if i in text + written else x
            logits[i] = x - b * written.count(i)
        assert token == int(np.argmax(logits))
        written.append(token)
    assert written != list(gpt.generate(text, 15, temperature=0))
    assert len(set(gpt.generate(text, 13, temperature=0, frequency_penalty=1e6))) == 13
