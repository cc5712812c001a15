"""A page of two modules for tests in a browser, and what they ask of it."""

import shutil

import graphviz
import pytest

import browser
from tapegrad.autograd.graph.page import Inside

NEEDS_BROWSER = [
    pytest.mark.skipif(browser.program() is None, reason="needs a browser: Chromium or Chrome"),
    pytest.mark.skipif(shutil.which("dot") is None, reason="needs the graphviz program `dot`"),
]
EVIL = "</script><img src=x onerror=alert(1)>"
DETAILS = {
    "x": {"shape": "(2, 64)", "note": EVIL, "__proto__": "own"},
    "block-0": {"parameters": "3.2 M"},
    "relu-1": {"saved for backward": "secret mask"},
}


def whole():
    """x -> two blocks -> loss."""
    graph = graphviz.Digraph(node_attr={"shape": "box", "style": "filled", "fillcolor": "white"})
    graph.node("x", graphviz.escape(f"x\n{EVIL}"), id="x")
    for i in range(2):
        graph.node(f"block{i}", f"layers.{i}", id=f"block-{i}", fillcolor="#dbe7fb")
    graph.node("loss", id="loss", fillcolor="#a02030", fontcolor="white")
    graph.edge("x", "block0", "(2, 64)", id="edge-0")
    graph.edge("block0", "block1", "(2, 64)", id="edge-1")
    graph.edge("block1", "loss", id="edge-loss")
    return graph.pipe("svg", encoding="utf-8")


def block(i, source):
    """linear -> relu, and their ports."""
    graph = graphviz.Digraph(node_attr={"shape": "box", "style": "filled", "fillcolor": "white"})
    with graph.subgraph(name="cluster") as inside:
        inside.attr(label=f"layers.{i}", id=f"block-{i}", style="filled", fillcolor="#eef2fb", margin="30")
        for kind, name in (("enter", f"in.block-{i}.{source}"), ("leave", f"out.block-{i}.relu-{i}")):
            inside.node(kind, id=name, shape="point", **{"class": kind})
        inside.node("linear", f"linear {i}", id=f"linear-{i}")
        inside.node("relu", f"relu {i}", id=f"relu-{i}")
        inside.edge("enter", "linear", id=f"in-{i}")
        inside.edge("linear", "relu", id=f"inner-{i}")
        inside.edge("relu", "leave", id=f"out-{i}", dir="none")
    return graph.pipe("svg", encoding="utf-8")


def parts():
    flows = {"edge-0": ["x"], "edge-1": ["relu-0"], "edge-loss": ["relu-1"]}
    inner = [Inside(f"block-{i}", "all", f"layers.{i}", block(i, ["x", "relu-0"][i]), {}) for i in range(2)]
    return [Inside("all", None, "everything", whole(), flows), *inner]


def rectangle(web, element, inside=""):
    """Left, top, width and height on the screen of the element with an id, or of something in it."""
    found = f"document.querySelector('main #{element} {inside}').getBoundingClientRect()"
    return web.js(f"(({{ x, y, width, height }}) => [x, y, width, height])({found})")


def center(web, element, inside=""):
    x, y, w, h = rectangle(web, element, inside)
    return x + w / 2, y + h / 2


def label(web, cluster):
    return center(web, cluster, "text")


def opened(web):
    """Ids of the modules that are open on the screen."""
    return ids(web, ".cluster")


def ids(web, selector):
    return web.js(f"[...document.querySelectorAll('main {selector}')].map((e) => e.id).sort()")


def text(web, name):
    return web.js(f"document.querySelector('[data-ui={name}]').innerText")


def close_to(a, b, within=1.0):
    return all(abs(p - q) <= within for p, q in zip(a, b, strict=True))
