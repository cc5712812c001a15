"""examples/common/ngram.py against the same models written with dictionaries, one character at a time."""

import importlib
import math
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def ngram():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[2] / "examples")
        yield importlib.import_module("common.ngram")


def reference(train, val, vocab_size, order):
    """The probability of each validation character, from the formula as it stands."""
    after = defaultdict(Counter)
    for i in range(len(train)):
        for n in range(min(order, i + 1)):
            after[tuple(train[i - n : i])][train[i]] += 1

    def probability(history, c):
        shorter = probability(history[1:], c) if history else 1 / vocab_size
        counts = after[history]
        total, distinct = counts.total(), len(counts)
        return (counts[c] + distinct * shorter) / (total + distinct) if counts else shorter

    ids = [*train, *val]
    places = range(len(train), len(ids))
    return [probability(tuple(ids[max(0, i - order + 1) : i]), ids[i]) for i in places]


@settings(max_examples=50)
@given(st.integers(1, 6), st.data())
def test_equals_the_formula(ngram, vocab_size, data):
    ids = st.lists(st.integers(0, vocab_size - 1), max_size=60)
    train, val = data.draw(ids), data.draw(ids)
    models = list(ngram.probabilities(np.array(train, int), np.array(val, int), vocab_size, 4))
    np.testing.assert_array_equal(models[0], 1 / vocab_size)
    for order, p in enumerate(models[1:], 1):
        np.testing.assert_allclose(p, reference(train, val, vocab_size, order), rtol=1e-12)


def test_probabilities_sum_to_one(ngram):
    rng = np.random.default_rng(0)
    train = rng.integers(0, 6, 300)  # 6 and 7 never occur
    for history in ([1, 2, 3, 4], [5, 5, 6, 0], [7, 7, 7, 7]):
        after = [ngram.probabilities(train, np.array([*history, c]), 8) for c in range(8)]
        for expected in zip(*after, strict=True):
            assert math.isclose(sum(p[-1] for p in expected), 1, rel_tol=1e-12)
            assert all(p[-1] > 0 for p in expected)


def test_count_models_are_named_and_scored_in_nats(ngram):
    ids = np.tile(np.arange(4), 500)
    models = ngram.count_models(ids[:1800], ids[1800:], 4)
    assert [name for name, _ in models] == ["uniform", "unigram", "bigram", "trigram", "4-gram", "5-gram"]
    losses = [loss for _, loss in models]
    np.testing.assert_allclose(losses[:2], math.log(4), rtol=1e-6)  # the four are equally frequent
    assert 0 < losses[5] < losses[3] < losses[2] < 0.01  # and wholly predictable


def test_long_histories_over_a_large_vocabulary_do_not_overflow(ngram):
    """Six characters of 5,000 kinds have more combinations than int64 has numbers."""
    rng = np.random.default_rng(0)
    train, val = rng.integers(0, 5000, 3000), rng.integers(0, 5000, 40)
    val[:20] = train[100:120]
    *_, p = ngram.probabilities(train, val, 5000, 6)
    np.testing.assert_allclose(p, reference(train.tolist(), val.tolist(), 5000, 6), rtol=1e-12)


def test_small_integer_types_are_as_good(ngram):
    ids = np.random.default_rng(0).integers(0, 200, 500)
    assert ngram.count_models(ids.astype(np.uint8), ids.astype(np.uint8), 200) == ngram.count_models(
        ids, ids, 200
    )


def test_useless_input_is_refused(ngram):
    ids = np.array([0, 1, 2])
    with pytest.raises(ValueError, match="no validation characters"):
        ngram.count_models(ids, ids[:0], 3)
    for bad in (np.array([3]), np.array([-1])):
        with pytest.raises(ValueError, match="outside a vocabulary of 3"):
            ngram.count_models(ids, bad, 3)
