"""`tapegrad graph`: the picture of what a folder's config.json describes."""

import shutil

import pytest

from tapegrad import models, nn


@pytest.mark.parametrize("name", ["gpt2", "llama", "bert", "t5", "vit"])
def test_as_text_without_weights(name, program, folders, tmp_path):
    shutil.copy(folders / name / "config.json", tmp_path)
    code, out, err = program("graph", tmp_path)
    assert (code, err) == (0, "")
    model = models.from_pretrained(folders / name)
    used = sum(p.size for p in model.parameters())
    first, _, rest = out.partition("\n")
    assert f"{used:,} parameters" in first
    assert f"\n{type(model).__name__} " in rest


@pytest.mark.parametrize(
    ("suffix", "begin"), [(".dot", "digraph"), (".mmd", "flowchart"), (".md", "```mermaid")]
)
def test_files_that_need_no_program(suffix, begin, program, folders, tmp_path):
    path = tmp_path / f"picture{suffix}"
    code, out, err = program("graph", folders / "gpt2", "-o", path)
    assert (code, out, err) == (0, f"{path}\n", "")
    assert begin in path.read_text()[:200]


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs graphviz's program")
@pytest.mark.parametrize(
    ("suffix", "begin"),
    [(".svg", b"<?xml"), (".png", b"\x89PNG"), (".pdf", b"%PDF"), (".html", b"<!DOCTYPE html")],
)
def test_pictures(suffix, begin, process, folders, tmp_path):
    path = tmp_path / f"picture{suffix}"
    code, _, err = process("graph", folders / "gpt2", "-o", path)
    assert (code, err) == (0, "")
    assert path.read_bytes().lower().startswith(begin.lower())


def test_what_the_picture_shows(program, folders, tmp_path):
    path = tmp_path / "picture.dot"
    program("graph", folders / "gpt2", "-o", path)
    assert f"GPT2 of {folders / 'gpt2'}" in path.read_text()
    program("graph", folders / "gpt2", "-o", path, "--title", "Mine", "--zoom", "ops", "--depth", 9)
    ops = path.read_text()
    assert "Mine" in ops and "scaled_dot_product_attention" in ops
    program("graph", folders / "gpt2", "-o", path, "--depth", 1)
    assert len(path.read_text()) < len(ops) / 2


def test_the_length_that_is_read(program, folders):
    assert "(1, 8, 259)" in program("graph", folders / "llama")[1]
    assert "(1, 3, 259)" in program("graph", folders / "llama", "--length", 3)[1]
    assert "(1, 64, 259)" in program("graph", folders / "gpt2", "--length", 1000)[1]


def test_nothing_is_drawn_at_random(program, folders):
    """A large model would take its time, and touch all of its memory."""
    before = nn.random.get_rng_state()
    assert program("graph", folders / "gpt2")[0] == 0
    assert nn.random.get_rng_state() == before


def test_what_cannot_be(program, folders, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, err = program("graph", folders / "gpt2", "-o", tmp_path / "a.png")
    assert code == 1 and "graphviz's program `dot`, which is not on the PATH" in err and err.count("\n") == 1
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    code, _, err = program("graph", tmp_path)
    assert code == 1 and "has model_type 'mamba'; there are gpt2, llama" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "a.gif"), "-o is the name of a file that ends in .svg, .png, .pdf, .html, .dot"),
        (("-o", ""), "-o is the name of a file that ends in"),
        (("-o", "a.svg", "--depth", -1), "--depth is to be 0 or more, not -1"),
        (("--length", 0), "--length is to be 1 or more, not 0"),
        (("--depth", 1), "--depth is for a picture: name its file with -o"),
        (("--zoom", "ops"), "--zoom is for a picture"),
        (("--title", ""), "--title is for a picture"),
    ],
)
def test_arguments_without_effect(arguments, message, program, tmp_path):
    """Before the model is built: here there is none."""
    code, out, err = program("graph", tmp_path, *arguments)
    assert (code, out) == (2, "")
    assert message in err and err.count("\n") == 1
