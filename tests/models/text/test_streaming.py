"""Text in pieces: whole characters, at once, and all of it; and the end at a string."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegrad.models.text import Bytes, Stream, until

TEXT = "naïve € 😀, 你好"


def test_each_character_as_soon_as_it_is_whole():
    tokenizer = Bytes()
    decoding = Stream(tokenizer.decode)
    shown = ""
    raw = TEXT.encode()
    for i, byte in enumerate(raw):
        shown += decoding.push(byte)
        assert shown == raw[: i + 1].decode("utf-8", "ignore")
    assert decoding.close() == ""


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_pieces_are_the_text(text):
    tokenizer = Bytes()
    pieces = list(tokenizer.stream(tokenizer.encode(text)))
    assert "".join(pieces) == text
    assert "" not in pieces


@settings(deadline=None, derandomize=True)
@given(st.binary(max_size=40))
def test_of_bytes_that_are_no_text_it_is_what_decode_gives(raw):
    tokenizer = Bytes()
    assert "".join(tokenizer.stream(raw)) == tokenizer.decode(list(raw))


def test_what_was_to_be_a_character_is_shown_at_the_end():
    assert list(Bytes().stream("a€".encode()[:-1])) == ["a", "\ufffd"]


def test_ids_after_others_read_as_they_do_there():
    words = ["once", " upon", " a"]

    def decode(ids):
        """As tokenizers that put a space before a word and drop the first."""
        return "".join(words[i] for i in ids).lstrip()

    alone, behind = Stream(decode), Stream(decode, [0])
    assert [alone.push(i) for i in (1, 2)] == ["upon", " a"]
    assert [behind.push(i) for i in (1, 2)] == [" upon", " a"]


def fallback(ids):
    """As tokenizers with byte fallback: bytes in a row are characters together, or none of them is."""
    raw = bytes(ids)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "\ufffd" * len(raw)


@pytest.mark.parametrize(
    ("raw", "pieces"),
    [
        ("€é".encode(), ["", "", "€", "", "é"]),
        (b"\xe2\x82\xac\xffa", ["", "", "€", "", ""]),
    ],
)
def test_bytes_in_a_row_that_stop_being_a_text_are_not_taken_back(raw, pieces):
    decoding = Stream(fallback)
    assert [decoding.push(i) for i in raw] == pieces


def test_only_the_last_ids_are_decoded_again():
    longest = []

    def decode(ids):
        longest.append(len(ids))
        return Bytes().decode(ids)

    decoding = Stream(decode, np.arange(65, 80))
    for byte in ("ab€" * 50).encode():
        decoding.push(byte)
    assert max(longest[20:]) <= 6


def test_special_tokens_are_not_shown():
    tokenizer = Bytes({"eos_token": "<end>"})
    assert list(tokenizer.stream([65, 256, 66])) == ["A", "B"]


@settings(deadline=None, derandomize=True)
@given(st.lists(st.text("abc", max_size=4)), st.lists(st.text("abc", min_size=1, max_size=3), max_size=3))
def test_until_is_what_stands_before_the_first(pieces, stop):
    whole = "".join(pieces)
    ends = [whole.find(s) for s in stop if s in whole]
    shown = list(until(pieces, stop))
    # of several, one that is complete earlier may begin later
    assert whole.startswith("".join(shown))
    assert not any(s in "".join(shown) for s in stop)
    if not ends:
        assert "".join(shown) == whole
    elif len(stop) == 1:
        assert "".join(shown) == whole[: ends[0]]


def test_until_finds_what_begins_like_itself():
    assert list(until("aaab", ["aab"])) == ["a"]


def test_until_holds_back_no_more_than_it_must():
    given = ["one\n", "Us", "ed ", "\nUser", ": x", "more"]
    assert list(until(given, ["\nUser:"])) == ["one", "\nUsed "]
    assert list(until(["a\n"], ["\nUser:"])) == ["a", "\n"]


def test_until_reads_no_further_than_the_end():
    read = []

    def pieces():
        for piece in "a", "stop", "b":
            read.append(piece)
            yield piece

    assert list(until(pieces(), ["stop"])) == ["a"]
    assert read == ["a", "stop"]


def test_an_empty_string_ends_nothing():
    with pytest.raises(ValueError, match="empty string"):
        list(until(["a"], [""]))
