"""A folder's generation_config.json, and what stands for it in older folders."""

import json

import numpy as np
import pytest

from decoder_cases import TINY_GPT2, TINY_LLAMA, model_of
from tapegrad.models import GPT2Config, LlamaConfig, from_pretrained
from tapegrad.models.pretrained.t5_config import T5Config

PROMPT = [5, 3, 9]


@pytest.fixture
def folder(tmp_path):
    model_of(TINY_LLAMA).save_pretrained(tmp_path)
    return tmp_path


def edit(path, **settings):
    stored = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(stored | settings))


def test_a_folder_without_the_file_writes_as_ever(folder):
    assert not (folder / "generation_config.json").exists()
    model = from_pretrained(folder)
    assert model.generation_config is None
    drawn = list(model.generate(PROMPT, 30, seed=1, stop=()))
    assert drawn == list(model.generate(PROMPT, 30, seed=1, temperature=1.0, stop=()))
    assert drawn != list(model.generate(PROMPT, 30, temperature=0, stop=()))


def test_the_file_is_followed_kept_and_may_be_changed(folder, tmp_path_factory):
    greedy = list(from_pretrained(folder).generate(PROMPT, 12, temperature=0, stop=()))
    stored = {
        "do_sample": False,
        "eos_token_id": [greedy[3], min(set(range(19)) - set(greedy))],
        "max_length": 20,
        "_from_model_config": True,
    }
    edit(folder / "generation_config.json", **stored)
    model = from_pretrained(folder)
    ended = greedy[: greedy.index(greedy[3]) + 1]
    assert list(model.generate(PROMPT, 12)) == ended
    other = tmp_path_factory.mktemp("other")
    model.save_pretrained(other)
    assert json.loads((other / "generation_config.json").read_text()) == stored
    again = from_pretrained(other)
    assert list(again.generate(PROMPT, 12)) == ended
    again.generation_config["eos_token_id"] = None
    assert list(again.generate(PROMPT, 12)) == greedy
    assert list(from_pretrained(other).generate(PROMPT, 12)) == ended


def test_what_the_file_does_not_say_of_ids_config_json_does(folder):
    greedy = list(from_pretrained(folder).generate(PROMPT, 12, temperature=0, stop=()))
    ended = greedy[: greedy.index(greedy[3]) + 1]
    edit(folder / "config.json", eos_token_id=greedy[3])
    edit(folder / "generation_config.json", do_sample=False)
    assert list(from_pretrained(folder).generate(PROMPT, 12)) == ended
    edit(folder / "generation_config.json", eos_token_id=None)
    assert list(from_pretrained(folder).generate(PROMPT, 12)) == greedy


def test_older_folders_have_it_in_config_json(folder, tmp_path_factory):
    greedy = list(from_pretrained(folder).generate(PROMPT, 12, temperature=0, stop=()))
    edit(
        folder / "config.json",
        do_sample=False,
        no_repeat_ngram_size=2,
        eos_token_id=greedy[3],
        use_cache=True,
    )
    model = from_pretrained(folder)
    assert model.generation_config == {
        "do_sample": False, "no_repeat_ngram_size": 2, "eos_token_id": greedy[3],
        **{n: v for n, v in model.generation_config.items() if n in ("pad_token_id", "bos_token_id")},
    }  # fmt: skip
    expected = list(model.generate(PROMPT, 12, temperature=0, no_repeat_ngram_size=2, stop=[greedy[3]]))
    assert list(model.generate(PROMPT, 12)) == expected
    other = tmp_path_factory.mktemp("other")
    model.save_pretrained(other)
    assert list(from_pretrained(other).generate(PROMPT, 12)) == expected
    edit(folder / "generation_config.json", do_sample=False)  # where there is a file, it alone is read
    assert list(from_pretrained(folder).generate(PROMPT, 12, stop=())) == greedy


@pytest.mark.parametrize("text", ["", "[1]", "{", "null", "[" * 100_000, "\xff"])
def test_a_file_that_is_none(folder, text):
    (folder / "generation_config.json").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"generation_config.json is (no right JSON|to be an object)"):
        from_pretrained(folder)


def test_ids_that_the_model_has_not(folder):
    for file in ("config.json", "generation_config.json"):
        edit(folder / file, eos_token_id=99)
        with pytest.raises(ValueError, match=f"eos_token_id of {file} has id 99; .* give stop="):
            from_pretrained(folder).generate(PROMPT, 3)
        assert len(list(from_pretrained(folder).generate(PROMPT, 3, stop=()))) == 3
    edit(folder / "generation_config.json", eos_token_id=2, pad_token_id=-1)  # Llama's first folders
    rows = np.array(list(from_pretrained(folder).generate([PROMPT, [2]], 30, seed=0, stop=list(range(9)))))
    assert rows.min() >= 0


USUAL = [  # transformers' classes
    (GPT2Config, {"model_type": "gpt2"}, 50256),
    (LlamaConfig, {"model_type": "llama"}, 2),
    (LlamaConfig, {"model_type": "mistral"}, 2),
    (LlamaConfig, {"model_type": "qwen2"}, None),
    (LlamaConfig, {"model_type": "qwen3"}, None),
    (LlamaConfig, {"model_type": "smollm3"}, 128001),
    (T5Config, {"model_type": "t5"}, 1),
]


@pytest.mark.parametrize(("kind", "settings", "usual"), USUAL)
def test_where_config_json_says_nothing_texts_end_as_in_transformers(kind, settings, usual):
    assert kind.from_dict(settings).eos_token_id == usual
    assert kind.from_dict({**settings, "eos_token_id": None}).eos_token_id is None
    assert kind.from_dict({**settings, "eos_token_id": [7, 8]}).eos_token_id == [7, 8]
    assert kind.from_dict({**settings, "eos_token_id": 7}).to_dict()["eos_token_id"] == 7


def test_a_usual_end_outside_of_the_vocabulary_is_none():
    assert GPT2Config(vocab_size=100).eos_token_id is None
    assert LlamaConfig(vocab_size=2).eos_token_id is None
    assert len(list(model_of({**TINY_GPT2}).generate(PROMPT, 3))) == 3
