"""Choosing tokens, and the generators of the models."""

import itertools

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor, enable_grad, no_grad
from tapegrad.models import GPT, GPTConfig, Transformer, TransformerConfig
from tapegrad.models.sampling import pick

P = np.array([0.1, 0.4, 0.05, 0.3, 0.15])  # by rank: 1, 3, 4, 0, 2
LOGITS = np.log(P).astype(np.float32) + 7


@pytest.fixture
def model():
    nn.manual_seed(0)
    model = GPT(GPTConfig(11, block_size=8, d_model=16, nhead=2, num_layers=1))
    model.tokens.weight.data *= 5  # so that it has preferences
    return model.eval()


@pytest.fixture
def translator():
    nn.manual_seed(0)
    model = Transformer(TransformerConfig(11, 8, 16, 2, 1, 1))
    model.tokens.weight.data *= 5
    return model.eval()


# ---------------------------------------------------------------------------------- one token


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


# ---------------------------------------------------------------------------------- texts


def test_greedy_generation_takes_the_most_likely_token_each_time(model):
    text = [3, 1, 4]
    for _ in range(12):  # also when the text is longer than what the model sees
        logits = model(np.array([text[-8:]])).numpy()
        text.append(int(logits[0, -1].argmax()))
    assert list(model.generate([3, 1, 4], 12, temperature=0)) == text[3:]
    assert list(model.generate(np.array([3, 1, 4]), 12, top_k=1)) == text[3:]
    assert all(type(token) is int for token in model.generate([3], 3))
    assert list(model.generate([3], 0)) == []


def test_greedy_translation_takes_the_most_likely_token_each_time(translator):
    text = [0]
    for _ in range(7):
        text.append(int(translator([[5, 6, 7]], [text]).numpy()[0, -1].argmax()))
    given = list(translator.generate([5, 6, 7], [0], 7, temperature=0))
    assert given == text[1:]
    stop = given[2]
    short = list(translator.generate([5, 6, 7], [0], 7, temperature=0, stop=stop))
    assert short == given[: given.index(stop) + 1]


def test_sampling_repeats_with_a_seed(model, translator):
    def run(**options):
        a = list(model.generate([1], 20, top_p=0.95, **options))
        return a, list(translator.generate([1, 2], [0], 7, top_p=0.95, **options))

    nn.manual_seed(4)
    first = run()
    assert run() != first
    nn.manual_seed(4)
    assert run() == first
    again = [run(rng=np.random.default_rng(4)) for _ in range(2)]
    assert again[0] == again[1]
    nn.manual_seed(4)
    run(rng=np.random.default_rng(4))
    assert run() == first  # a generator of one's own leaves the common one alone


@pytest.mark.parametrize("recording", [True, False])
def test_the_callers_grad_mode_and_the_models_mode_are_left_alone(model, translator, recording):
    x = Tensor(np.ones(1), requires_grad=True)
    model.train()
    with (enable_grad if recording else no_grad)():
        for tokens in (model.generate([1], 5), translator.generate([1], [0], 5)):
            for _ in itertools.islice(tokens, 3):
                assert (x * 2).requires_grad == recording
            tokens.close()
            assert (x * 2).requires_grad == recording
    assert model.training and not translator.training


def test_tokens_come_one_by_one_from_the_last_ones_that_fit(model):
    calls = []
    model.register_forward_pre_hook(lambda module, args: calls.append(args[0].tolist()))
    tokens = model.generate([1, 2, 3, 4, 5, 6], 5)
    assert calls == []
    text = [1, 2, 3, 4, 5, 6, next(tokens)]
    assert len(calls) == 1
    text += tokens
    assert calls == [[text[max(0, n - 8) : n]] for n in range(6, 11)]


def test_no_graph_is_recorded(model, translator):
    recorded = []
    for head in (model.head, translator.head):
        head.register_forward_hook(lambda module, args, output: recorded.append(output.requires_grad))
    list(model.generate([1], 2))
    list(translator.generate([1], [0], 2))
    assert recorded == [False] * 4


BAD = [
    ({"temperature": -1}, "temperature must be 0 .* not -1"),
    ({"temperature": float("nan")}, "temperature must be 0 .* not nan"),
    ({"top_k": 0}, "top_k must be 1 or more, not 0"),
    ({"top_p": 0}, "top_p must be above 0 and at most 1, not 0"),
    ({"top_p": 1.5}, "top_p must be above 0 and at most 1, not 1.5"),
]


@pytest.mark.parametrize("settings, message", BAD)
def test_bad_settings_are_refused(model, translator, settings, message):
    """When they are given, not when the first token is asked for."""
    with pytest.raises(ValueError, match=message):
        model.generate([1], 3, **settings)
    with pytest.raises(ValueError, match=message):
        translator.generate([1], [0], 3, **settings)


def test_a_typo_is_refused_at_once(model, translator):
    with pytest.raises(TypeError, match="temprature"):
        model.generate([1], 3, temprature=1)
    with pytest.raises(TypeError, match="temprature"):
        translator.generate([1], [0], 3, temprature=1)


def test_bad_prompts_are_refused(model, translator):
    for prompt in ([], [[1, 2], [3, 4]], 3):
        with pytest.raises(ValueError, match="generate: prompt of shape .* the ids of one text"):
            model.generate(prompt, 3)
        with pytest.raises(ValueError, match="generate: source of shape"):
            translator.generate(prompt, [0], 3)
        with pytest.raises(ValueError, match="generate: target of shape"):
            translator.generate([1], prompt, 3)
    with pytest.raises(TypeError, match="generate: prompt must be integers, not float64"):
        model.generate([1.5], 3)
    with pytest.raises(IndexError, match="Embedding 'tokens': id 11 at"):
        next(model.generate([11], 3))
    with pytest.raises(ValueError, match="1 target tokens and 9 new ones do not fit into block_size 8"):
        translator.generate([1], [0], 9)
    assert len(list(translator.generate([1], [0], 8))) == 8  # the last token is not read again
    with pytest.raises(ValueError, match=r"is longer than max_len \(8\)"):
        next(translator.generate([1] * 9, [0], 1))
