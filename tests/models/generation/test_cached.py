"""With a cache or without, alone or beside others: the same text."""

from copy import deepcopy

import numpy as np
import pytest

from tapegrad.autograd import no_grad
from tapegrad.models import Transformer, TransformerConfig
from tapegrad.models.generation import Cache, generate, reading

pytestmark = pytest.mark.usefixtures("one_blas_thread")

TEXTS = [[3, 1, 4, 1, 5], [9, 2], [6, 5, 3, 5, 8, 9, 7, 9], [3, 2, 3]]
SETTINGS = [
    {"temperature": 0},
    {"seed": 0},
    {"seed": 1, "temperature": 0.7, "top_k": 4},
    {"seed": 2, "top_p": 0.8},
    {"seed": 6, "min_p": 0.2},
    {"seed": 4, "repetition_penalty": 1.8},
    {"temperature": 0, "repetition_penalty": 1.3, "frequency_penalty": 0.4},
    {"seed": 5, "num_return_sequences": 3},
    {"num_beams": 3},
    {"num_beams": 4, "num_return_sequences": 3, "length_penalty": 0.5, "early_stopping": True},
    {"num_beams": 3, "repetition_penalty": 1.5, "early_stopping": "never"},
    {"temperature": 0, "no_repeat_ngram_size": 2, "suppress_tokens": [3, 9]},
    {"num_beams": 3, "min_new_tokens": 6, "begin_suppress_tokens": 4, "length_penalty": -0.5},
    {"seed": 3, "forced_eos_token_id": 7, "min_length": 9},
    {"seed": 7, "temperature": 1.5, "num_return_sequences": 2},
]
STOPS = [(), [0, 7]]


def written(model, prompts, n=12, **settings):
    """(rows, steps) of tokens, with their log-probabilities."""
    start = {"target": [0, 2]} if isinstance(model, Transformer) else {}
    steps = generate(model, prompts, n, log_probabilities=True, **start, **settings)
    tokens, logs = zip(*steps, strict=True)
    return np.array(tokens).T, np.array(logs).T


@pytest.fixture(params=["gpt", "translator"])
def model(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("stop", STOPS, ids=str)
def test_the_same_without_a_cache(model, settings, stop):
    tokens, logs = written(model, TEXTS, stop=stop, **settings)
    again, others = written(model, TEXTS, stop=stop, use_cache=False, **settings)
    np.testing.assert_array_equal(tokens, again)
    np.testing.assert_allclose(logs, others, atol=1e-5)
    assert len(np.unique(tokens)) > 3


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("stop", STOPS, ids=str)
def test_a_text_does_not_depend_on_the_others(model, settings, stop):
    """Nor on how much padding there is before it."""
    tokens, logs = written(model, TEXTS, stop=stop, **settings)
    n = settings.get("num_return_sequences", 1)
    for i, text in enumerate(TEXTS):
        alone, log = written(model, [text], stop=stop, **settings)
        count = alone.shape[1]
        np.testing.assert_array_equal(tokens[i * n : i * n + n, :count], alone)
        assert (tokens[i * n : i * n + n, count:] == (stop[0] if stop else 0)).all()
        np.testing.assert_allclose(logs[i * n : i * n + n, :count], log, atol=1e-5)


@pytest.mark.parametrize("settings", [{"temperature": 0}, {"num_beams": 3}, {"seed": 5, "top_k": 4}])
def test_more_tokens_than_memory_is_taken_for_at_once(model, settings, monkeypatch):
    expected = written(model, TEXTS, **settings)
    monkeypatch.setattr(reading, "FORESEEN", 1)
    for use_cache in (True, False):
        for one, other in zip(written(model, TEXTS, use_cache=use_cache, **settings), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_room_without_end_costs_nothing(gpt):
    few = list(generate(gpt, [3, 1], 5, temperature=0, stop=()))
    endless = generate(gpt, [3, 1], 10**30, temperature=0, stop=())
    assert [token for token, _ in zip(endless, few, strict=False)] == few


def test_one_text_comes_as_numbers(model):
    tokens = written(model, [TEXTS[0]], temperature=0)[0][0]
    alone = written(model, TEXTS[0], temperature=0)[0]
    np.testing.assert_array_equal(alone, tokens)


def test_texts_that_are_longer_than_the_context(gpt):
    """What it sees is the last 24 tokens of each, also where another text is shorter."""
    texts = [np.arange(20) % 13, [1, 2], np.arange(40) % 11]
    tokens, _ = written(gpt, texts, 30, temperature=0)
    again, _ = written(gpt, texts, 30, temperature=0, use_cache=False)
    np.testing.assert_array_equal(tokens, again)
    for row, text in zip(tokens, texts, strict=True):
        whole = [*text]
        for token in row:
            assert gpt(np.array([whole[-24:]])).numpy()[0, -1].argmax() == token
            whole.append(token)


@no_grad
@pytest.mark.parametrize("sizes", [[9], [1] * 9, [4, 1, 3, 1]], ids=str)
def test_logits_in_pieces_are_those_at_once(model, sizes):
    rng = np.random.default_rng(0)
    ids, source = rng.integers(0, 13, (3, 9)), rng.integers(0, 13, (3, 7))
    real = np.arange(7) < np.array([[7], [3], [5]])
    mask = np.arange(9) >= np.array([[0], [4], [2]])
    cache, start, made = Cache(), 0, []
    if hasattr(model, "encode"):
        memory = model.encode(source, real)
        whole = model.decode(ids, memory, real).numpy()
        mask = np.ones_like(mask)
    else:
        whole = model(ids, mask).numpy()
    for size in sizes:
        piece = ids[:, start : start + size]
        if hasattr(model, "encode"):
            made.append(model.decode(piece, memory, real, cache).numpy())
        else:
            made.append(model(piece, mask[:, : start + size], cache).numpy())
        start += size
        assert cache.length == start
    np.testing.assert_allclose(np.concatenate(made, axis=1)[mask], whole[mask], atol=1e-5)


@no_grad
def test_padding_changes_nothing_whatever_stands_there(gpt):
    ids = np.array([[5, 6, 7, 8]])
    expected = gpt(ids).numpy()
    for left, right in ((3, 0), (0, 2), (2, 3)):
        mask = np.pad(np.ones((1, 4)), ((0, 0), (left, right)))
        for filler in (0, 12):
            padded = np.pad(ids, ((0, 0), (left, right)), constant_values=filler)
            found = gpt(padded, mask).numpy()[:, left : left + 4]
            np.testing.assert_allclose(found, expected, atol=1e-5)


@no_grad
def test_padding_that_is_nan_changes_nothing(gpt, translator):
    ids, mask = np.array([[12, 12, 5, 6, 7]]), np.array([[0, 0, 1, 1, 1]])
    runs = [(gpt, gpt), (translator, lambda ids, mask: translator(ids, [[5, 6]], mask))]
    for model, run in runs:
        table = model.tokens.weight.data
        before = table[12].copy()
        expected = run(ids, mask).numpy()[:, -1, :12]  # the output layer may be the same table
        try:
            table[12] = np.nan
            found = run(ids, mask).numpy()[:, -1, :12]
        finally:
            table[12] = before
        np.testing.assert_allclose(found, expected, atol=1e-5)


@no_grad
@pytest.mark.parametrize(
    "options", [{"norm_first": False}, {"learned_positions": False}, {"tie_weights": True}], ids=str
)
def test_sources_of_different_lengths(options):
    model = Transformer(TransformerConfig(13, 24, 16, 2, 2, 2, **options)).eval()
    target = [[1, 2, 3]]
    for left in (True, False):
        for text in TEXTS:
            mask = np.ones((1, len(text)))
            sides = ((0, 0), (3, 0) if left else (0, 3))
            found = model(np.pad([text], sides), target, np.pad(mask, sides)).numpy()
            np.testing.assert_allclose(found, model([text], target).numpy(), atol=1e-5)


@pytest.mark.parametrize("options", [*SETTINGS[:3], {"num_beams": 3}], ids=str)
@pytest.mark.parametrize("use_cache", [True, False])
def test_targets_of_different_lengths(translator, options, use_cache):
    """Each text is as alone, whatever the vector of padding, whose id is 0, has become."""
    targets = [[2, 3, 4], [5], [6, 7, 8, 9], [2, 3]]
    translator = deepcopy(translator)
    translator.tokens.weight.data[0] = np.nan
    more = {"suppress_tokens": 0, "use_cache": use_cache, **options}
    found = np.array(list(translator.generate(TEXTS, targets, 9, **more))).T
    for source, target, row in zip(TEXTS, targets, found, strict=True):
        assert list(translator.generate(source, target, 9, **more)) == row.tolist()


def test_a_mask_and_a_list_are_the_same_prompts(model):
    expected = written(model, TEXTS, temperature=0)[0]
    for left in (True, False):
        ids, mask = np.full((4, 9), 12), np.zeros((4, 9), int)
        for row, real, text in zip(ids, mask, TEXTS, strict=True):
            place = slice(9 - len(text), None) if left else slice(len(text))
            row[place], real[place] = text, 1
        found = written(model, ids, temperature=0, attention_mask=mask)[0]
        np.testing.assert_array_equal(found, expected)


def test_gradients_through_a_mask(gpt):
    """A padded batch can be trained on: gradients are those of the texts alone."""
    gpt.zero_grad()
    (gpt(np.array([TEXTS[3]]))[0, -1] ** 2).sum().backward()
    expected = [p.grad.copy() for p in gpt.parameters()]
    gpt.zero_grad()
    ids, mask = np.array([[0, 0, *TEXTS[3]]]), np.array([[0, 0, 1, 1, 1]])
    (gpt(ids, mask)[0, -1] ** 2).sum().backward()
    for p, grad in zip(gpt.parameters(), expected, strict=True):
        np.testing.assert_allclose(p.grad, grad, atol=1e-4)
    gpt.zero_grad()
    with pytest.raises(RuntimeError, match="no_grad"):
        gpt(ids, mask, Cache())
