"""examples/common/text.py and shakespeare.py: where the text comes from, and its characters as ids."""

import hashlib
import importlib
import io
import os
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

EXAMPLES = Path(__file__).parents[2] / "examples"
PLAY = b"First Citizen:\nBefore we proceed any further, hear me speak.\n"


@pytest.fixture(scope="module")
def text():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES)
        yield importlib.import_module("common.text")


class Web:
    """In place of the network: `sends` is what the next request gets, bytes or an exception."""

    def __init__(self, sends):
        self.sends, self.requests = sends, 0

    def __call__(self, url, timeout):
        assert url.startswith("https://") and 0 < timeout <= 10
        self.requests += 1
        if isinstance(self.sends, Exception):
            raise self.sends
        return io.BytesIO(self.sends)


@pytest.fixture
def shakespeare(text, monkeypatch, tmp_path):
    """The module with a short play, an empty cache folder and no network but `web`."""
    module = text.shakespeare
    monkeypatch.setenv("TAPEGRAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(PLAY).hexdigest())
    return module


@pytest.fixture
def web(shakespeare, monkeypatch):
    web = Web(PLAY)
    monkeypatch.setattr(shakespeare, "urlopen", web)
    return web


def silent(line):
    raise AssertionError(f"unexpected report: {line}")


# A file of one's own


def test_a_file_is_read_as_utf8_with_plain_newlines(text, tmp_path):
    path = tmp_path / "poem.txt"
    path.write_bytes(b"\xef\xbb\xbfna\xc3\xafve\r\nold\rnew\n")
    assert text.load(str(path), silent) == text.Text("poem.txt", "naïve\nold\nnew\n")


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"", ValueError, "empty"),
        (b"\xef\xbb\xbf", ValueError, "empty"),
        (b"caf\xe9 au lait", ValueError, r"not UTF-8 text \(byte 3 is 0xe9\)"),
        (None, FileNotFoundError, "'shakespeare' or 'stdlib'"),
    ],
)
def test_a_useless_file_is_named_in_the_error(text, tmp_path, content, error, says):
    path = tmp_path / "mine.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=says) as caught:
        text.load(str(path), silent)
    assert str(path) in str(caught.value)


def test_a_folder_is_no_text(text, tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder") as caught:
        text.load(str(tmp_path))
    assert str(tmp_path) in str(caught.value)


# The standard library


def test_the_standard_library_is_plain_ascii_and_the_same_each_time(text):
    first = text.load("stdlib", silent)
    assert first == text.load("stdlib", silent)
    assert first.text.isascii() and set(first.text) <= {"\n", *map(chr, range(32, 127))}
    assert 1_000_000 < len(first.text) <= text.STDLIB_SIZE
    assert "class ArgumentParser(" in first.text


def test_the_standard_library_is_taken_in_order_and_without_tests_and_tables(text, tmp_path, monkeypatch):
    files = {
        "b.py": b"b\tb\r\n",
        "a.py": b"a\x0c\n",
        "pkg/c.py": b"c\n",
        "table.py": b"\xe9\n",
        "test/d.py": b"d\n",
        "site-packages/e.py": b"e\n",
        "_sysconfigdata_x.py": b"f\n",
        "notes.txt": b"g\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(os, "__file__", str(tmp_path / "os.py"))
    assert text.load("stdlib").text == "a\nb       b\nc\n"
    monkeypatch.setattr(text, "STDLIB_SIZE", 5)
    assert text.load("stdlib").text == "a\nb  "


def test_a_python_without_sources_says_so(text, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "__file__", str(tmp_path / "os.pyc"))
    with pytest.raises(FileNotFoundError, match="no source files") as caught:
        text.load("stdlib")
    assert str(tmp_path) in str(caught.value)


# Tiny Shakespeare


@pytest.mark.parametrize("name", [None, "shakespeare"])
def test_shakespeare_is_downloaded_once(text, shakespeare, web, name):
    reports = []
    first = text.load(name, reports.append)
    assert first == text.Text("tiny Shakespeare", PLAY.decode())
    assert [str(shakespeare.cache()) in line for line in reports] == [True]
    assert text.load(name, silent) == first
    assert web.requests == 1
    assert os.listdir(shakespeare.cache().parent) == ["tinyshakespeare.txt"]


@pytest.mark.parametrize("damaged", [b"", PLAY[:-1], b"<html>"])
def test_a_damaged_copy_is_downloaded_again(text, shakespeare, web, damaged):
    shakespeare.cache().parent.mkdir()
    shakespeare.cache().write_bytes(damaged)
    assert text.load("shakespeare", lambda line: None).text == PLAY.decode()
    assert shakespeare.cache().read_bytes() == PLAY
    assert web.requests == 1


@pytest.mark.parametrize(
    ("sends", "reason"),
    [
        (URLError("name not known"), "urlopen error name not known"),
        (TimeoutError("timed out"), "timed out"),
        (b"<html>please log in</html>", "not tiny Shakespeare"),
        (PLAY[:-1], "not tiny Shakespeare"),
    ],
)
def test_without_the_download_there_is_an_error_or_the_standard_library(
    text, shakespeare, web, sends, reason
):
    web.sends = sends
    with pytest.raises(OSError, match=reason) as caught:
        text.load("shakespeare", silent)
    message = str(caught.value)
    assert shakespeare.URL in message and str(shakespeare.cache()) in message and "'stdlib'" in message

    reports = []
    assert text.load(None, reports.append) == text.load("stdlib")
    assert len(reports) == 1 and reason in reports[0] and "\n" not in reports[0]
    assert not shakespeare.cache().exists()


def test_a_server_that_trickles_is_given_up(text, shakespeare, web, monkeypatch):
    seconds = iter([0.0, 1.0, 1000.0])
    monkeypatch.setattr(shakespeare.time, "monotonic", lambda: next(seconds))
    web.sends = b"x" * (1 << 18)
    with pytest.raises(OSError, match="not finished after 20 seconds"):
        text.load("shakespeare", silent)


@pytest.mark.parametrize("death", [KeyboardInterrupt, OSError])
def test_dying_between_write_and_rename_leaves_the_cache_as_it_was(
    text, shakespeare, web, monkeypatch, death
):
    shakespeare.cache().parent.mkdir()
    shakespeare.cache().write_bytes(b"old")

    def replace(draft, target):
        assert Path(draft).read_bytes() == PLAY and Path(target) == shakespeare.cache()
        raise death("cut off")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        if death is OSError:  # a full or read-only disk: the text is here all the same
            reports = []
            assert text.load("shakespeare", reports.append).text == PLAY.decode()
            assert len(reports) == 1 and "could not keep it" in reports[0]
        else:
            with pytest.raises(death):
                text.load("shakespeare", silent)
    assert shakespeare.cache().read_bytes() == b"old"
    assert os.listdir(shakespeare.cache().parent) == ["tinyshakespeare.txt"]


def test_a_cache_folder_that_cannot_be_made_costs_only_the_copy(text, shakespeare, web):
    shakespeare.cache().parent.write_text("a file where the folder should be")
    reports = []
    assert text.load(None, reports.append).text == PLAY.decode()
    assert len(reports) == 1 and "could not keep it" in reports[0]


def test_the_cache_is_where_the_system_keeps_such_files(shakespeare, monkeypatch, tmp_path):
    assert shakespeare.cache() == tmp_path / "cache" / "tinyshakespeare.txt"
    monkeypatch.delenv("TAPEGRAD_CACHE")
    variable = "LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME"
    monkeypatch.setenv(variable, str(tmp_path))
    assert shakespeare.cache() == tmp_path / "tapegrad" / "tinyshakespeare.txt"
    monkeypatch.delenv(variable)
    monkeypatch.setattr(Path, "expanduser", lambda self: tmp_path / "home" / self.relative_to("~"))
    assert shakespeare.cache() == tmp_path / "home" / ".cache" / "tapegrad" / "tinyshakespeare.txt"


def test_without_a_home_there_is_still_a_text(text, shakespeare, web, monkeypatch):
    def homeless(path):
        raise RuntimeError("Could not determine home directory.")

    for variable in ("TAPEGRAD_CACHE", "LOCALAPPDATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(Path, "expanduser", homeless)
    with pytest.raises(FileNotFoundError, match="set TAPEGRAD_CACHE"):
        text.load("shakespeare")
    reports = []
    assert text.load(None, reports.append) == text.load("stdlib")
    assert len(reports) == 1 and "set TAPEGRAD_CACHE" in reports[0]


# Vocabulary

any_text = st.text(st.characters(codec=None), min_size=1)  # lone surrogates too


@given(any_text)
def test_decode_undoes_encode(text, string):
    vocabulary = text.Vocabulary.of(string)
    ids = vocabulary.encode(string)
    assert ids.dtype == np.int64 and ids.shape == (len(string),)
    assert set(ids.tolist()) == set(range(len(vocabulary)))
    assert vocabulary.decode(ids) == string
    assert text.Vocabulary(vocabulary.characters) == vocabulary


@given(any_text, st.characters(codec=None), st.text())
def test_an_unknown_character_is_named_with_its_place(text, known, stranger, rest):
    vocabulary = text.Vocabulary.of(known.replace(stranger, "") or chr(ord(stranger) ^ 1))
    with pytest.raises(ValueError, match="leave it out") as caught:
        vocabulary.encode(vocabulary.characters + stranger + rest)
    assert f"{stranger!r} (U+{ord(stranger):04X}) at position {len(vocabulary):,} " in str(caught.value)


def test_ids_are_places_in_sorted_order(text):
    vocabulary = text.Vocabulary.of("banana\n")
    assert vocabulary.characters == "\nabn" and len(vocabulary) == 4
    assert vocabulary.encode("nab").tolist() == [3, 1, 2]
    assert vocabulary.encode("").shape == (0,) and vocabulary.decode([]) == ""


@pytest.mark.parametrize("characters", ["", "ba", "aa"])
def test_a_vocabulary_is_sorted_and_distinct(text, characters):
    with pytest.raises(ValueError, match="sorted order"):
        text.Vocabulary(characters)


@pytest.mark.parametrize("ids", [[0, 3], [-1]])
def test_ids_outside_the_vocabulary_are_refused(text, ids):
    with pytest.raises(ValueError, match="there are 3 characters"):
        text.Vocabulary("abc").decode(np.array(ids))


def test_an_empty_text_has_no_vocabulary(text):
    with pytest.raises(ValueError, match="empty text"):
        text.Vocabulary.of("")
