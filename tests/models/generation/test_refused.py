"""What `generate` does not take: said at the call, before anything is computed."""

import typing
from dataclasses import fields

import numpy as np
import pytest

from tapegrad.models.generation import Options, Settings, generate
from tapegrad.models.generation.sampling import penalized

BAD = [
    ({"temperature": -1}, "temperature must be 0 .* not -1"),
    ({"temperature": float("nan")}, "temperature must be 0 .* not nan"),
    ({"temperature": float("inf")}, "temperature must be 0 .* not inf"),
    ({"top_k": 0}, "top_k must be 1 or more, not 0"),
    ({"top_p": 0}, "top_p must be above 0 and at most 1, not 0"),
    ({"top_p": 1.5}, "top_p must be above 0 and at most 1, not 1.5"),
    ({"min_p": -0.1}, "min_p must be from 0 to 1, not -0.1"),
    ({"min_p": 1.1}, "min_p must be from 0 to 1, not 1.1"),
    ({"repetition_penalty": 0}, "repetition_penalty must be above 0"),
    ({"frequency_penalty": float("inf")}, "frequency_penalty must be a finite number"),
    ({"frequency_penalty": -1e300}, "frequency_penalty must be .* at most 1e9, not -1e"),
    ({"repetition_penalty": 1e300}, "repetition_penalty must be .* from 0.001 to 1000, not 1e"),
    ({"repetition_penalty": 1e-300}, "repetition_penalty must be .* not 1e-300"),
    ({"num_beams": 2, "length_penalty": 1e300}, "length_penalty must be .* from -16 to 16, not 1e"),
    ({"num_beams": 2, "length_penalty": -1e300}, "length_penalty must be .* from -16 to 16, not -1e"),
    ({"temperature": 10**400}, "temperature must be 0 .* not 1000"),
    ({"no_repeat_ngram_size": -1}, "no_repeat_ngram_size must be 0 or more, not -1"),
    ({"min_new_tokens": -2}, "min_new_tokens must be 0 or more, not -2"),
    ({"suppress_tokens": [3, 13]}, "suppress_tokens has id 13; the vocabulary has 0 to 12"),
    ({"begin_suppress_tokens": -1}, "begin_suppress_tokens has id -1"),
    ({"forced_eos_token_id": [13]}, "forced_eos_token_id has id 13"),
    ({"forced_bos_token_id": 99}, "forced_bos_token_id has id 99"),
    ({"num_beams": 0}, "num_beams must be 1 or more, not 0"),
    ({"num_return_sequences": 10**30}, "num_return_sequences must be 1000000 or less, not 1e"),
    ({"num_beams": 2, "early_stopping": 1.0}, "early_stopping is True, False or 'never', not 1.0"),
    ({"num_return_sequences": 0}, "num_return_sequences must be 1 or more"),
    ({"num_beams": 2, "length_penalty": float("nan")}, "length_penalty must be a finite number, .*not nan"),
    ({"num_beams": 2, "early_stopping": "soon"}, "early_stopping is True, False or 'never', not 'soon'"),
    ({"num_beams": 2, "num_return_sequences": 3}, "num_return_sequences=3 texts of num_beams=2"),
    ({"num_beams": 2, "temperature": 0.5}, "draws nothing; leave out temperature, or num_beams"),
    ({"num_beams": 2, "top_k": 3, "seed": 0}, "leave out top_k and seed, or num_beams"),
    ({"length_penalty": 0.5}, "are for beams; give num_beams > 1"),
    ({"early_stopping": True}, "are for beams; give num_beams > 1"),
    ({"temperature": 0, "num_return_sequences": 2}, "would be one text 2 times"),
    ({"seed": 1, "rng": np.random.default_rng(0)}, "give seed or rng, not both"),
    ({"seed": [1, 2]}, "2 seeds for 1 prompts"),
    ({"seed": -1}, "seed must be 0 or more, not -1"),
    ({"stop": "end"}, "stop has the string 'end', but the model knows ids; give decode="),
    ({"stop": ["", 3], "decode": str}, "stop has an empty string"),
    ({"stop": 13}, "stop has id 13; the vocabulary has 0 to 12"),
    ({"stop": [3, -1]}, "stop has id -1"),
]
TYPES = [
    ({"temperature": "hot"}, "temperature must be 0 .* not 'hot'"),
    ({"temperature": True}, "temperature must be 0 .* not True"),
    ({"top_k": 2.5}, "top_k is an integer, not 2.5"),
    ({"num_beams": True}, "num_beams is an integer, not True"),
    ({"stop": 1.5}, "stop is an integer, a string, or several, not 1.5"),
    ({"stop": [1.5]}, "stop is an integer, not 1.5"),
    ({"stop": "a", "decode": 3}, "decode is a function"),
    ({"seed": 1.5}, "seed is an integer, not 1.5"),
    ({"rng": 3}, "rng is a np.random.Generator, not int"),
    ({"pad": "x"}, "pad is an integer"),
    ({"use_cache": 2}, "use_cache is True or False, not 2"),
    ({"log_probabilities": "no"}, "log_probabilities is True or False"),
    ({"temprature": 1}, "unexpected keyword argument 'temprature'; did you mean 'temperature'"),
    ({"no_repeat_ngram_size": 1.5}, "no_repeat_ngram_size is an integer, not 1.5"),
    ({"suppress_tokens": [[1], [2, 3]]}, r"suppress_tokens is an integer, not \[1\]"),
    ({"suppress_tokens": iter([1])}, "suppress_tokens is an integer, not <list_iterator"),
    ({"suppress_tokens": "12"}, "suppress_tokens is an integer, not '12'"),
    ({"suppress_tokens": ["a"]}, "suppress_tokens is an integer, not 'a'"),
    ({"do_sample": True}, "argument 'do_sample'; give temperature=0 for False"),
    ({"max_length": 9}, "argument 'max_length'; give max_new_tokens, the second argument"),
    ({"eos_token_id": 1}, "argument 'eos_token_id'; give stop="),
    ({"pad_token_id": 1}, "argument 'pad_token_id'; give pad="),
    ({"generator": 1}, "argument 'generator'; give rng="),
    ({"qqq": 1}, "unexpected keyword argument 'qqq'; there are attention_mask, temperature"),
]


@pytest.fixture(params=["gpt", "translator"])
def call(request):
    """A function of prompts and options."""
    model = request.getfixturevalue(request.param)
    more = {} if request.param == "gpt" else {"target": [0]}
    return lambda prompts=(1, 2), n=3, **options: generate(model, prompts, n, **{**more, **options})


@pytest.mark.parametrize("error, cases", [(ValueError, BAD), (TypeError, TYPES)])
def test_settings(call, error, cases):
    for options, message in cases:
        with pytest.raises(error, match=message):
            call(**options)


PROMPTS = [
    ([], ValueError, "(prompt|source) is empty"),
    ([[1, 2], []], ValueError, r"(prompt|source)\[1\] is empty"),
    (3, ValueError, r"(prompt|source) of shape \(\); give the ids of one text, \(T,\), or of several"),
    (np.zeros((1, 1, 1), int), ValueError, r"of shape \(1, 1, 1\)"),
    (np.zeros((0, 3), int), ValueError, r"of shape \(0, 3\)"),
    ([[[1, 2]], [3]], ValueError, r"holds a text of shape \(1, 2\)"),
    ([1, [2, 3]], ValueError, r"holds a text of shape \(\)"),
    ([1.5], TypeError, "must be integers, not float64"),
    ([[1, 2], [True]], TypeError, r"\[1\] must be integers, not bool"),
    ("abc", TypeError, "(prompt|source) is a text; give its ids, as the encode of a tokenizer makes them"),
    (["abc", "d"], TypeError, "is a text; give its ids"),
    ([1, 13], IndexError, "has id 13 at 1; the vocabulary has ids 0 to 12"),
    ([[1, 2], [3, 40]], IndexError, r"\[1\] has id 40 at 1"),
    ([[-100, 2], [3, 4]], IndexError, "has id -100 at 0; .*mark padding by attention_mask"),
]


@pytest.mark.parametrize("prompts, error, message", PROMPTS)
def test_prompts(call, prompts, error, message):
    with pytest.raises(error, match=message):
        call(prompts)


MASKS = [
    ([[1, 2], [3, 4]], np.ones((2, 3)), r"attention_mask of shape \(2, 3\) beside texts of lengths \[2, 2\]"),
    ([[1, 2], [3]], [[1, 1], [0, 1]], "Texts of different lengths in a list need none"),
    ([1, 2], [[1, 1]], r"attention_mask of shape \(1, 2\)"),
    ([[1, 2], [3, 4]], [[1, 1], [0, 0]], r"\[1\] is empty"),
    ([[1, 2], [3, 4]], [[1, 1], [0, 3]], "is 1 for tokens and 0 for padding, and has other numbers"),
    ([[1, 2], [3, 4]], [[1, 1], [0, np.nan]], "has other numbers"),
]


@pytest.mark.parametrize("prompts, mask, message", MASKS)
def test_padding(call, prompts, mask, message):
    with pytest.raises(ValueError, match=message):
        call(prompts, attention_mask=mask)


def test_how_much(call, gpt, translator):
    for n, error, message in (
        (-1, ValueError, "max_new_tokens must be 0 or more, not -1"),
        (2.5, TypeError, "max_new_tokens is an integer, not 2.5"),
        (None, TypeError, "max_new_tokens is an integer"),
    ):
        with pytest.raises(error, match=message):
            call(n=n)
    assert list(call(n=0)) == []
    message = (
        "20 target tokens and 6 new ones do not fit into the context, 24; give at most 5 for max_new_tokens"
    )
    with pytest.raises(ValueError, match=message):
        translator.generate([1], [0] * 20, 6)
    assert len(list(translator.generate([1], [0] * 20, 5))) == 5  # the last token is not read again
    with pytest.raises(ValueError, match="25 source tokens are longer than the context, 24"):
        translator.generate([1] * 25, [0], 1)
    gpt.slides = False
    try:
        with pytest.raises(
            ValueError,
            match="25 prompt tokens and 0 new ones do not fit into the context, 24; give a shorter prompt",
        ):
            gpt.generate([1] * 25, 0)
        assert len(list(gpt.generate([1] * 20, 5))) == 5
    finally:
        del gpt.slides


def test_targets(gpt, translator):
    with pytest.raises(ValueError, match="target is for an encoder-decoder"):
        gpt.generate([1], 3, target=[0])
    with pytest.raises(ValueError, match="give target=, the ids that a text starts with"):
        generate(translator, [1], 3)
    with pytest.raises(ValueError, match="3 targets for 2 sources"):
        translator.generate([[1], [2]], [[0], [0], [0]], 3)
    with pytest.raises(IndexError, match="target has id 13"):
        translator.generate([1], [13], 3)
    several = np.array(list(translator.generate([[1], [1]], [[0], [5]], 6, temperature=0))).T
    for row, start in zip(several, ([0], [5]), strict=True):
        assert list(translator.generate([1], start, 6, temperature=0)) == row.tolist()


def test_options_are_the_fields_of_settings():
    known = [field.name for field in fields(Settings) if field.name != "log_probabilities"]
    assert list(typing.get_type_hints(Options)) == known


def test_every_hint_names_something_that_there_is():
    """No word with a hint is an argument, and what a hint says to give is one."""
    import inspect
    import re

    from tapegrad.models.generation.settings import ELSEWHERE

    names = {f.name for f in fields(Settings)}
    arguments = names | set(inspect.signature(generate).parameters)
    for word, hint in ELSEWHERE.items():
        assert word not in arguments
        assert set(re.findall(r"(\w+)=", hint)) <= arguments


@pytest.mark.parametrize("what", [None, b"ab", 3])
def test_a_decode_that_gives_no_text(gpt, what):
    with pytest.raises(TypeError, match="^generate: decode is to give a text, a str, but gave "):
        list(generate(gpt, [1], 3, stop="a", decode=lambda ids: what))


@pytest.mark.parametrize(
    "options", [{"temperature": 5e-324}, {"temperature": 1e-300}, {"temperature": 1e300}]
)
def test_the_coldest_and_the_hottest(gpt, options):
    """Without a warning, which is an error in tests; the coldest is greedy."""
    found = list(generate(gpt, [1], 5, seed=0, **options))
    assert len(found) == 5
    if options["temperature"] < 1:
        assert found == list(generate(gpt, [1], 5, temperature=0))


@pytest.mark.parametrize("penalties", [(1e3, 1e9), (1e-3, -1e9)])
@pytest.mark.parametrize("dtype", ["f2", "f4"])
def test_the_largest_penalties_are_finite(penalties, dtype):
    logits = np.array([60000, -60000, 1, 0], dtype)
    assert np.isfinite(penalized(logits, np.arange(4), [0, 1, 1], *penalties)).all()
