"""Bytes and characters: ids, special tokens, files, and what is refused."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegrad.models import text
from tapegrad.models.text import Bytes, Characters

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"}


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_bytes_of_any_text_and_back(given):
    tokenizer = Bytes()
    ids = tokenizer.encode(given)
    assert ids.dtype == np.int64 and ids.tolist() == list(given.encode())
    assert tokenizer.decode(ids) == given


@settings(deadline=None, derandomize=True)
@given(st.text(min_size=1))
def test_characters_of_any_text_and_back(given):
    tokenizer = Characters(given)
    ids = tokenizer.encode(given)
    assert tokenizer.decode(ids) == given
    assert tokenizer.vocab_size == len(set(given)) == ids.max() + 1
    assert [sorted(set(given))[i] for i in ids] == list(given)


def test_special_tokens_have_the_ids_after_the_others():
    tokenizer = Bytes(SPECIAL)
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (256, 257, 257)
    assert tokenizer.vocab_size == 258 and tokenizer.stop == (257,)
    assert tokenizer.encode("a").tolist() == [256, 97]
    assert tokenizer.encode("a", add_special_tokens=False).tolist() == [97]
    assert tokenizer.decode([256, 97, 257, 98]) == "<s>a</s>b"
    assert tokenizer.decode([256, 97, 257, 98], skip_special_tokens=True) == "ab"


def test_a_text_that_spells_a_special_token_is_its_letters():
    tokenizer = Bytes(SPECIAL)
    assert tokenizer.encode("</s>", add_special_tokens=False).tolist() == list(b"</s>")


def test_max_length_counts_special_tokens():
    assert Bytes(SPECIAL).encode("abc", max_length=2).tolist() == [256, 97]


def test_unknown_characters():
    with pytest.raises(ValueError, match="'z' at 2 is none of the 2 characters"):
        Characters("ab").encode("abz")
    tokenizer = Characters(["ab", "b"], {"unk_token": "?"})
    assert tokenizer.encode("azb").tolist() == [0, 2, 1]
    assert tokenizer.decode([0, 2, 1]) == "a?b"


@pytest.mark.parametrize(
    "tokenizer", [Bytes(SPECIAL, "{{ 1 }}"), Characters("né😀", {"unk_token": "?"}), Bytes()]
)
def test_saved_and_read_again(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path / "new")
    again = text.from_pretrained(tmp_path / "new")
    assert type(again) is type(tokenizer)
    assert again.special_tokens == tokenizer.special_tokens
    assert again.chat_template == tokenizer.chat_template
    assert again.vocab_size == tokenizer.vocab_size
    assert again.encode("né").tolist() == tokenizer.encode("né").tolist()


def test_what_ends_a_text_is_what_the_models_files_say_too(tmp_path):
    Bytes(SPECIAL).save_pretrained(tmp_path)
    assert text.from_pretrained(tmp_path).stop == (257,)
    (tmp_path / "config.json").write_text('{"eos_token_id": 10}')
    assert text.from_pretrained(tmp_path).stop == (10, 257)
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [3, 257]}')
    assert text.from_pretrained(tmp_path).stop == (3, 257)
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": null}')
    assert 10 not in text.from_pretrained(tmp_path).stop  # as model.generate takes it
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": "a"}')
    with pytest.raises(ValueError, match="generation_config.json: eos_token_id is to be a number"):
        text.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "no right JSON"),
        ("[]", "to hold an object"),
        ('{"kind": "Words"}', "Bytes or Characters"),
        ('{"kind": ["Bytes"]}', "Bytes or Characters"),
        ('{"kind": "Characters"}', "is not what Characters.save_pretrained writes"),
        ('{"kind": "Characters", "characters": 3}', "is not what Characters.save_pretrained writes"),
        ('{"kind": "Bytes", "special_tokens": {"end": "x"}}', "special_tokens has end: 'x'"),
        ('{"kind": "Bytes", "special_tokens": {"eos_token": ""}}', "special_tokens has eos_token: ''"),
    ],
)
def test_files_that_are_none(content, message, tmp_path):
    (tmp_path / "tapegrad_tokenizer.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        text.from_pretrained(tmp_path)


def test_ids_that_are_none():
    tokenizer = Bytes()
    for ids, error, message in [
        ([256], IndexError, "no id 256; the vocabulary has 0 to 255"),
        ([-1], IndexError, "no id -1"),
        ([0.5], TypeError, "integers, not float64"),
        ([[1]], ValueError, r"shape \(1, 1\)"),
    ]:
        with pytest.raises(error, match=message):
            tokenizer.decode(ids)
    assert tokenizer.decode([]) == ""


def test_texts_that_are_none():
    with pytest.raises(TypeError, match="a text comes first, not a bytes"):
        Bytes().encode(b"a")
    with pytest.raises(ValueError, match="max_length is to be 1 or more"):
        Bytes().encode("a", max_length=0)
    with pytest.raises(ValueError, match="no character"):
        Characters("")


def test_folders_without(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        text.from_pretrained(tmp_path / "none")


def test_the_file_is_readable(tmp_path):
    Characters("ba").save_pretrained(tmp_path)
    assert json.loads((tmp_path / "tapegrad_tokenizer.json").read_text()) == {
        "kind": "Characters",
        "characters": "ab",
        "special_tokens": {},
        "chat_template": None,
    }
