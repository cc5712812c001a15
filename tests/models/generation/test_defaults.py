"""What a model's generation_config says, where the caller says nothing, and who wins."""

import numpy as np
import pytest

from tapegrad.models.generation import beam_search, generate
from tapegrad.models.generation.defaults import MISSING, settings_of

DRAWN = {"do_sample": True, "temperature": 0.6, "top_k": 9, "top_p": 0.9, "min_p": 0.1}
SEARCHED = {"num_beams": 4, "length_penalty": 2.0, "early_stopping": True}


@pytest.fixture
def said(gpt):
    """said(stored, **given): the settings that are not as without any."""
    from dataclasses import fields

    def of(stored, **given):
        gpt.generation_config = stored
        found = settings_of(gpt, given)
        usual = {f.name: f.default for f in fields(found)}
        return {n: getattr(found, n) for n in usual if getattr(found, n) != usual[n]}

    yield of
    del gpt.generation_config


@pytest.mark.parametrize("stored", [None, {}, {"max_length": 20, "transformers_version": "5", "own": [1]}])
def test_without_a_word_of_it_tokens_are_drawn_as_ever(said, stored):
    assert said(stored) == {}
    assert said(stored, temperature=0.5, seed=3) == {"temperature": 0.5, "seed": 3}


SAMPLING = {name: value for name, value in DRAWN.items() if name != "do_sample"}
CASES = [
    (DRAWN, {}, SAMPLING),
    ({**DRAWN, "top_k": 0}, {}, {k: v for k, v in SAMPLING.items() if k != "top_k"}),
    ({"do_sample": True}, {}, {"top_k": 50}),  # as in transformers
    ({"do_sample": True}, {"top_k": 3}, {"top_k": 3}),
    ({"do_sample": True}, {"seed": 3}, {"top_k": 50, "seed": 3}),
    ({"temperature": 0.6}, {}, {"temperature": 0.6}),
    (DRAWN, {"temperature": 0}, {"temperature": 0}),
    (DRAWN, {"temperature": 1.5, "top_p": 0.5}, {**SAMPLING, "temperature": 1.5, "top_p": 0.5}),
    (DRAWN, {"temperature": None, "top_k": None}, SAMPLING),
    (DRAWN, {"num_beams": 3}, {"num_beams": 3}),
    ({**DRAWN, **SEARCHED}, {"num_beams": 3}, {**SEARCHED, "num_beams": 3}),
    ({**DRAWN, **SEARCHED}, {"temperature": 0.8}, {**SAMPLING, "temperature": 0.8}),
    ({**DRAWN, **SEARCHED}, {"num_beams": 1}, SAMPLING),
    ({"do_sample": False}, {}, {"temperature": 0}),
    ({**DRAWN, "do_sample": False}, {}, {"temperature": 0}),
    ({"do_sample": False, "top_p": 0.5}, {"temperature": 0.7}, {"temperature": 0.7, "top_p": 0.5}),
    ({"do_sample": False}, {"seed": 1}, {"seed": 1}),
    ({"do_sample": False}, {"num_return_sequences": 3}, {"num_return_sequences": 3}),
    (SEARCHED, {}, SEARCHED),
    (SEARCHED, {"length_penalty": 0.5}, {**SEARCHED, "length_penalty": 0.5}),
    (SEARCHED, {"num_return_sequences": 2}, {**SEARCHED, "num_return_sequences": 2}),
    (SEARCHED, {"num_beams": 1}, {"temperature": 0}),
    (SEARCHED, {"temperature": 0}, {"temperature": 0}),
    (SEARCHED, {"seed": 1}, {"seed": 1}),
    ({"length_penalty": 2.0, "do_sample": False}, {}, {"temperature": 0}),
    ({"repetition_penalty": 1.2}, {"num_beams": 2}, {"num_beams": 2, "repetition_penalty": 1.2}),
    ({"repetition_penalty": 1.2}, {"repetition_penalty": 1.0}, {}),
    ({**SEARCHED, "num_return_sequences": 4}, {"num_beams": 2}, {**SEARCHED, "num_beams": 2}),
    ({**DRAWN, "num_return_sequences": 4}, {"temperature": 0}, {"temperature": 0}),
    ({"min_length": 9, "min_new_tokens": 0}, {}, {}),  # as in transformers
    ({"min_length": 9}, {"min_new_tokens": 2}, {"min_new_tokens": 2}),
    ({"min_new_tokens": 2}, {"min_length": 9}, {"min_length": 9, "min_new_tokens": 2}),
    ({"suppress_tokens": [99]}, {"suppress_tokens": ()}, {"suppress_tokens": ()}),
    ({"do_sample": True, "typical_p": 0.5, "diversity_penalty": 1.0}, {"temperature": 0}, {"temperature": 0}),
]


@pytest.mark.parametrize(("stored", "given", "expected"), CASES)
def test_what_is_given_wins(said, stored, given, expected):
    assert said(stored, **given) == expected


WRONG = [
    ({"top_p": 3}, {}, "model.generation_config, from the model's folder: top_p must be above 0"),
    ({"repetition_penalty": "x"}, {}, "folder: repetition_penalty must be above 0"),
    ({"do_sample": "yes"}, {}, "has do_sample 'yes'; it is true or false"),
    ({"num_beams": 4, "do_sample": True}, {}, "beams draw nothing here; give num_beams to search, or temp"),
    ({"num_beams": 4}, {"num_return_sequences": 5}, "folder: num_return_sequences=5 texts of num_beams=4"),
    ({"do_sample": 1}, {}, "has do_sample 1; it is true or false"),
    ({"num_beams": 0}, {}, "num_beams of model.generation_config must be 1 or more, not 0"),
    ({"num_beams": 10**30}, {}, "folder: num_beams must be 10000 or less, not 1e"),
    ({"num_beams": 2, "early_stopping": 1}, {}, "folder: early_stopping is True, False or 'never', not 1"),
    ({"suppress_tokens": [[1], [2, 3]]}, {}, r"folder: suppress_tokens is an integer, not \[1\]"),
    ({"forced_bos_token_id": {"1": 2}}, {}, "folder: forced_bos_token_id is an integer, not {"),
    ({"forced_eos_token_id": [3, 13]}, {}, "folder: forced_eos_token_id has id 13; the vocabulary has 0 to"),
    ({"begin_suppress_tokens": -1}, {}, "folder: begin_suppress_tokens has id -1"),
    ({"do_sample": False, "num_return_sequences": 2}, {}, "folder: num_return_sequences=2 at temperature 0"),
]


@pytest.mark.parametrize(("stored", "given", "message"), WRONG)
def test_what_means_nothing_is_said_to_be_the_models(said, stored, given, message):
    with pytest.raises(ValueError, match=message):
        said(stored, **given)


def test_what_the_caller_gives_wrong_is_the_callers(said):
    with pytest.raises(ValueError, match="^generate: top_p must be above 0"):
        said(DRAWN, top_p=3)
    with pytest.raises(ValueError, match="^generate: length_penalty and early_stopping are for beams"):
        said(DRAWN, length_penalty=2.0)
    with pytest.raises(TypeError, match="^generate: num_beams is an integer, not '4'"):
        said(DRAWN, num_beams="4")
    with pytest.raises(TypeError, match="unexpected keyword argument 'do_sample'; give temperature=0"):
        said({"bad_words_ids": [[1]]}, do_sample=True)
    with pytest.raises(TypeError, match="model.generation_config is to be a dict or None, not 3"):
        said(3)


@pytest.mark.parametrize("name", MISSING)
def test_what_is_not_computed_is_refused_where_it_would_matter(gpt, said, name):
    when, neutral = MISSING[name]
    manner = {
        "": {},
        "greedy": {"do_sample": False},
        "draws": {"do_sample": True},
        "beams": {"num_beams": 2},
    }
    for value in (None, *neutral):
        said({**manner[when], name: value})
    for other in manner.keys() - {when, ""} if when else ():
        said({**manner[other], name: 0.3})
    stored = {**manner[when], name: 0.3}
    with pytest.raises(ValueError, match=f"has {name} 0.3, which is not computed here; del ") as caught:
        said(stored)
    advice = str(caught.value).split("; ")[1].split(" writes")[0]
    exec(advice, {"model": gpt})  # works
    said(stored)


def test_ids_of_the_files(gpt):
    whole = list(generate(gpt, [1, 2], 12, temperature=0))
    gpt.generation_config = {"eos_token_id": [whole[4]], "pad_token_id": 12}
    try:
        ended = whole[: whole.index(whole[4]) + 1]
        assert list(generate(gpt, [1, 2], 12, temperature=0)) == ended
        assert list(generate(gpt, [1, 2], 12, temperature=0, stop=())) == whole
        rows = np.array(list(generate(gpt, [[1, 2], [3]], 12, temperature=0)))
        assert (rows[len(ended) :, 0] == 12).all()
        for wrong in (13, -1):
            gpt.generation_config = {"eos_token_id": wrong}
            with pytest.raises(
                ValueError, match=f"eos_token_id of generation_config.json has id {wrong}; .* stop="
            ):
                generate(gpt, [1], 3)
        gpt.generation_config = {"eos_token_id": "x"}
        with pytest.raises(TypeError, match="eos_token_id of generation_config.json is an integer, not 'x'"):
            generate(gpt, [1], 3)
        gpt.generation_config = {"eos_token_id": [[1], [2, 3]]}
        with pytest.raises(TypeError, match="eos_token_id of generation_config.json is an integer, not"):
            generate(gpt, [1], 3)
        for wrong in (5, 0, True, "", [5], ["a", ""], [["a"]], {"a": 1}):
            gpt.generation_config = {"stop_strings": wrong}
            with pytest.raises(ValueError, match="stop_strings of .* not empty.*; del .* or give stop="):
                generate(gpt, [1], 3)
            assert len(list(generate(gpt, [1], 3, stop=()))) == 3
        gpt.generation_config = {"stop_strings": "ab"}
        with pytest.raises(ValueError, match="with stop_strings has the string 'ab', .* give decode="):
            generate(gpt, [1], 3)
        found = generate(gpt, [1, 2], 12, temperature=0, decode=lambda ids: "ab" * len(ids))
        assert list(found) == whole[:1]
    finally:
        del gpt.generation_config


def test_a_target_starts_as_the_file_says(translator):
    expected = list(generate(translator, [5, 6], 6, target=[3], temperature=0))
    for name in ("decoder_start_token_id", "bos_token_id"):
        translator.generation_config = {name: 3}
        try:
            assert list(generate(translator, [5, 6], 6, temperature=0)) == expected
            for wrong, error in ((99, ValueError), (-1, ValueError), ("3", TypeError), ([3, 3], TypeError)):
                translator.generation_config = {name: wrong}
                with pytest.raises(error, match=f"{name} of the model's files (is an integer|has id)"):
                    generate(translator, [[5, 6], [7]], 6)
        finally:
            del translator.generation_config


# ---------------------------------------------------------------------------------- tokens that may not come


def test_rules_hold_in_texts_and_in_beams(gpt, translator):
    for call in (
        lambda **o: [list(generate(gpt, [4, 4], 9, **o))],
        lambda **o: [list(generate(translator, [5, 6], 7, target=[0], **o))],
        lambda **o: [b.tokens.tolist() for b in beam_search(gpt, [[4, 4]], 9, num_beams=3, **o)[0]],
    ):
        (text,) = call(no_repeat_ngram_size=1, stop=())
        assert len(set(text)) == len(text) and not {4, 0}.issubset(text)
        assert not {1, 2, 3} & set(call(suppress_tokens=[1, 2, 3], stop=())[0])
        assert call(begin_suppress_tokens=[*range(12)], stop=())[0][0] == 12
        assert call(min_new_tokens=5, stop=list(range(12)))[0][:5] == [12] * 5
        ends = call(forced_eos_token_id=[7], stop=())[0]
        assert ends[-1] == 7
    assert next(iter(generate(translator, [5], 3, target=[0], forced_bos_token_id=8))) == 8
    assert next(iter(generate(gpt, [5], 3, forced_bos_token_id=8))) == 8


@pytest.mark.parametrize("options", [{"temperature": 0}, {"num_beams": 2}])
def test_nothing_may_come(gpt, options):
    with pytest.raises(ValueError, match="no token (can be chosen|may come next); suppress fewer, or"):
        list(generate(gpt, [1], 3, suppress_tokens=range(13), **options))
