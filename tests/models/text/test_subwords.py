"""Tokenizers of Hugging Face's folders: their files, old and new; special tokens; what is refused."""

import json
import sys

import numpy as np
import pytest

from tapegrad.models import text
from tokenizer_cases import KINDS, LINES, TEXTS, as_before_tokenizer_json, byte_pairs, fallback, word_pieces

pytest.importorskip("tokenizers")


@pytest.fixture(scope="module", params=KINDS)
def folder(request, tmp_path_factory):
    return KINDS[request.param](tmp_path_factory.mktemp("kinds") / request.param)


@pytest.mark.parametrize("given", TEXTS)
def test_pieces_are_the_text(given, folder):
    tokenizer = text.from_pretrained(folder)
    ids = tokenizer.encode(given)
    assert ids.dtype == np.int64
    pieces = list(tokenizer.stream(ids))
    assert "".join(pieces) == tokenizer.decode(ids, skip_special_tokens=True)
    if "\ufffd" not in "".join(pieces):
        assert "\ufffd" not in "".join(
            p for n in range(len(ids)) for p in list(tokenizer.stream(ids[:n]))[:-1]
        )


@pytest.mark.parametrize("kind", [byte_pairs, fallback])
@pytest.mark.parametrize("given", TEXTS[:8])
def test_nothing_is_lost(given, kind, tmp_path):
    tokenizer = text.from_pretrained(kind(tmp_path))
    assert tokenizer.decode(tokenizer.encode(given), skip_special_tokens=True) == given


def test_what_continues_a_text_keeps_its_space(tmp_path):
    tokenizer = text.from_pretrained(fallback(tmp_path))
    ids = tokenizer.encode("once upon a time")
    cut = len(tokenizer.encode("once upon"))
    assert "".join(tokenizer.stream(ids[cut:])) == "a time"
    assert "".join(tokenizer.stream(ids[cut:], after=ids[:cut])) == " a time"


def test_a_tokenizer_neither_cuts_nor_pads_by_itself(tmp_path):
    tokenizer = text.from_pretrained(word_pieces(tmp_path))
    long = tokenizer.encode(LINES[0])
    assert len(long) > 12 and len(tokenizer.encode("a")) == 3
    cut = tokenizer.encode(LINES[0], max_length=6)
    assert cut.tolist() == [*long[:5], long[-1]]
    assert len(tokenizer.encode(LINES[0])) == len(long)
    with pytest.raises(ValueError, match="no room beside 2 special tokens"):
        tokenizer.encode("a", max_length=2)


def test_special_tokens_and_ends(tmp_path):
    tokenizer = text.from_pretrained(fallback(tmp_path))
    assert tokenizer.special_tokens == {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (1, 2, None)
    assert tokenizer.stop == (2,)
    assert tokenizer.encode("a")[0] == 1 and tokenizer.encode("a", add_special_tokens=False)[0] != 1
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [7, 2]}')
    assert text.from_pretrained(tmp_path).stop == (7, 2)


def test_tokens_of_the_older_files(tmp_path):
    byte_pairs(tmp_path)
    (tmp_path / "tokenizer_config.json").unlink()
    tokens = {"eos_token": {"content": "<|im_end|>", "lstrip": False}, "additional_special_tokens": ["x"]}
    (tmp_path / "special_tokens_map.json").write_text(json.dumps(tokens))
    (tmp_path / "added_tokens.json").write_text('{"<tool>": 321, "<think>": 320}')
    tokenizer = text.from_pretrained(tmp_path)
    assert tokenizer.special_tokens == {"eos_token": "<|im_end|>"}
    assert tokenizer.encode("a<tool>b<think>").tolist()[1::2] == [321, 320]


def test_tokens_that_only_the_config_has(tmp_path):
    added = {
        "320": {"content": "<call>", "special": True},
        "0": {"content": "<|endoftext|>", "special": True},
    }
    tokenizer = text.from_pretrained(byte_pairs(tmp_path, added_tokens_decoder=added))
    ids = tokenizer.encode("a<call>")
    assert ids[-1] == 320
    assert tokenizer.decode(ids, skip_special_tokens=True) == "a"
    added["320"], added["400"] = {"content": "<other>"}, added["320"]
    with pytest.raises(ValueError, match="'<call>' is to have the id 400, and has 321"):
        text.from_pretrained(byte_pairs(tmp_path, added_tokens_decoder=added))


def test_saved_and_read_again(folder, tmp_path):
    tokenizer = text.from_pretrained(folder)
    tokenizer.chat_template = "{{ 1 }}\r\n"
    tokenizer.save_pretrained(tmp_path / "new")
    again = text.from_pretrained(tmp_path / "new")
    assert again.special_tokens == tokenizer.special_tokens
    assert again.chat_template == "{{ 1 }}\r\n"
    for given in TEXTS:
        assert again.encode(given).tolist() == tokenizer.encode(given).tolist()


@pytest.mark.parametrize("kind", [byte_pairs, word_pieces])
def test_folders_from_before_tokenizer_json(kind, tmp_path):
    new = text.from_pretrained(kind(tmp_path))
    as_before_tokenizer_json(tmp_path)
    old = text.from_pretrained(tmp_path)
    for given in TEXTS[:-1]:
        assert old.encode(given).tolist() == new.encode(given).tolist()
        assert old.decode(new.encode(given)) == new.decode(new.encode(given))
    for name, token in new.special_tokens.items():
        assert old.special_tokens[name] == token


@pytest.mark.parametrize(
    ("files", "error", "message"),
    [
        ({}, FileNotFoundError, "has no tokenizer.json, and no vocab.json with merges.txt"),
        ({"spiece.model": ""}, FileNotFoundError, r"but spiece.model; .*save_pretrained\(folder\)"),
        ({"tokenizer.json": "{}"}, ValueError, "tokenizer.json cannot be read as a tokenizer"),
        ({"tokenizer.json": "\ufffd"}, ValueError, "tokenizer.json cannot be read as a tokenizer"),
        ({"vocab.json": "[]", "merges.txt": ""}, ValueError, "files of its tokenizer cannot be read"),
        ({"vocab.txt": "a\nb\n"}, ValueError, "files of its tokenizer cannot be read"),
        ({"tokenizer_config.json": "[]"}, ValueError, "is to hold an object"),
        ({"tokenizer_config.json": '{"eos_token": 3}'}, ValueError, "eos_token is to be a text, not 3"),
    ],
)
def test_folders_that_are_none(files, error, message, tmp_path):
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(error, match=message):
        text.from_pretrained(tmp_path)


def test_without_the_package_it_says_what_to_install(tmp_path, monkeypatch):
    byte_pairs(tmp_path)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r"pip install 'tapegrad\[text\]'"):
        text.from_pretrained(tmp_path)


def test_a_text_that_is_none(tmp_path):
    with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
        text.from_pretrained(byte_pairs(tmp_path)).encode("a\udc80")


def test_a_word_that_nothing_stands_for(tmp_path):
    """As where the token for unknown words is not in the vocabulary."""
    tokenizers = pytest.importorskip("tokenizers")
    tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0}, unk_token="[UNK]")).save(
        str(tmp_path / "tokenizer.json")
    )
    tokenizer = text.from_pretrained(tmp_path)
    assert tokenizer.encode("a").tolist() == [0]
    with pytest.raises(ValueError, match=r"^Subwords.encode: WordLevel error: Missing \[UNK\] token"):
        tokenizer.encode("b")


def test_a_letter_that_nothing_stands_for(tmp_path):
    """Where no bytes stand for it, and no token for unknown ones: the package passes over it."""
    tokenizers = pytest.importorskip("tokenizers")
    pairs = tokenizers.models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")])
    whole = tokenizers.Tokenizer(pairs)
    whole.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    whole.save(str(tmp_path / "tokenizer.json"))
    tokenizer = text.from_pretrained(tmp_path)
    assert tokenizer.encode("ab \u200b b\u0301").tolist() == [2, 1]
    for given in ("abé b", "é", "b é"):
        for most in (None, 1):
            with pytest.raises(ValueError, match=f"no token stands for 'é' at {given.index('é')}, and the"):
                tokenizer.encode(given, max_length=most)
    assert tokenizer.encode("abb", max_length=1).tolist() == [2]
