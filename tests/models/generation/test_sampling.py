"""Choosing one token."""

import numpy as np
import pytest

from tapegrad.models.generation.sampling import largest, likely, log_total, penalized, pick

P = np.array([0.1, 0.4, 0.05, 0.3, 0.15])  # by rank: 1, 3, 4, 0, 2
LOGITS = np.log(P).astype(np.float32) + 7
RNG = np.random.default_rng(0)


def counts(n=6_000, **settings):
    rng = np.random.default_rng(0)
    return np.bincount([pick(LOGITS, rng=rng, **settings) for _ in range(n)], minlength=5)


def only(*tokens):
    kept = np.where(np.isin(np.arange(5), tokens), P, 0)
    return kept / kept.sum()


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({}, P),
        ({"temperature": 0.5}, P**2 / (P**2).sum()),
        ({"temperature": 2.0}, P**0.5 / (P**0.5).sum()),
        ({"top_k": 2}, only(1, 3)),
        ({"top_k": 99}, P),
        ({"top_p": 0.69}, only(1, 3)),
        ({"top_p": 0.71}, only(1, 3, 4)),
        ({"top_p": 1.0}, P),
        ({"top_p": 0.01}, only(1)),
        ({"top_k": 3, "top_p": 0.8}, only(1, 3)),  # of the three: 0.47, 0.35, 0.18
        ({"min_p": 0.0}, P),
        ({"min_p": 0.37}, only(1, 3, 4)),
        ({"min_p": 0.38}, only(1, 3)),
        ({"min_p": 1.0}, only(1)),
        ({"min_p": 0.3, "top_k": 2}, only(1, 3)),
        ({"min_p": 0.2, "top_p": 0.9, "temperature": 1.0}, only(1, 3, 4, 0)),
    ],
    ids=str,
)
def test_the_distribution_is_right(settings, expected):
    n = counts(**settings)
    assert (n[expected == 0] == 0).all()
    possible = expected > 0
    wanted = expected[possible] * n.sum()
    chi_square = ((n[possible] - wanted) ** 2 / wanted).sum()
    assert chi_square < 18.5  # 0.1 % at four degrees of freedom


def test_greedy_and_ties():
    assert pick(LOGITS, temperature=0) == 1 and pick(LOGITS, top_k=1, rng=np.random.default_rng(0)) == 1
    assert pick(np.array([1.0, 3.0, 3.0]), temperature=0) == 1  # the first of equals, like argmax
    assert pick(np.array([1.0, 3.0, 3.0]), top_k=1, rng=np.random.default_rng(0)) == 1
    rng = np.random.default_rng(0)
    assert {pick(np.zeros(2), top_p=0.5, rng=rng) for _ in range(30)} == {0}  # p itself is enough


def test_forbidden_tokens_and_large_logits():
    rng = np.random.default_rng(0)
    logits = np.array([-np.inf, 1e4, -np.inf, 1e4], np.float32)
    assert {pick(logits, 0.01, rng=rng) for _ in range(100)} == {1, 3}


@pytest.mark.parametrize("size", [1, 7, 3000])
@pytest.mark.parametrize("top_k", [None, 1, 5, 2999, 5000])
@pytest.mark.parametrize("top_p", [None, 0.05, 0.5, 0.999, 1.0])
@pytest.mark.parametrize("min_p", [None, 0.1])
def test_what_is_kept_by_sorting_everything(size, top_k, top_p, min_p):
    logits = np.random.default_rng(size).normal(size=size).astype(np.float32).round(1)  # with many ties
    order = np.argsort(-logits, kind="stable")[:top_k]
    p = np.exp(logits[order].astype(float) / 0.7)
    p /= p.sum()
    if top_p is not None:
        before = np.concatenate([[0], p.cumsum()[:-1]])
        order, p = order[before < top_p], p[before < top_p]
    if min_p is not None:
        order, p = order[p >= min_p * p[0]], p[p >= min_p * p[0]]
    tokens, weights = likely(logits, 0.7, top_k, top_p, min_p)
    tokens = np.arange(size) if tokens is None else tokens
    found = np.argsort(tokens)
    np.testing.assert_array_equal(tokens[found], np.sort(order))
    np.testing.assert_allclose((weights / weights.sum())[found], (p / p.sum())[np.argsort(order)], rtol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 10, 99, 100, 101])
def test_the_largest_and_of_equals_the_first(count):
    x = RNG.integers(0, 20, 100).astype(float)
    np.testing.assert_array_equal(largest(x, count), np.argsort(-x, kind="stable")[:count])


@pytest.mark.parametrize("logits", [[1, np.nan, 2], [np.inf, 1, 2], [-np.inf] * 3, [np.nan] * 3], ids=str)
@pytest.mark.parametrize("temperature", [0, 1.0])
def test_no_token_is_made_of_nothing(logits, temperature):
    with pytest.raises(ValueError, match="so that no token can be chosen"):
        pick(np.array(logits), temperature, rng=RNG)


def test_log_total():
    x = np.array([-np.inf, 1e4, 1e4, 0], np.float32)
    assert log_total(x) == pytest.approx(1e4 + np.log(2))


def test_penalties():
    logits = np.array([2.0, -2.0, 4.0, 0.0, 1.0])
    np.testing.assert_allclose(penalized(logits, np.array([0, 1, 1]), [], 2.0), [1.0, -4.0, 4.0, 0.0, 1.0])
    np.testing.assert_allclose(
        penalized(logits, np.array([0, 1, 1, 2]), [1, 1, 2], frequency=0.5), [2.0, -3.0, 3.5, 0.0, 1.0]
    )
    both = penalized(logits, np.array([0, 2]), [2], 2.0, 0.5)
    np.testing.assert_allclose(both, [1.0, -2.0, 1.5, 0.0, 1.0])
    np.testing.assert_array_equal(logits, [2.0, -2.0, 4.0, 0.0, 1.0])
