"""The folder examples/: what lies in it directly is a program and says what it does."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_help_is_answered_from_any_folder(path, tmp_path):
    command = [sys.executable, "-W", "error", path, "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {path.name} ")
    summary = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).split("\n\n")[0]
    assert " ".join(summary.split()) in " ".join(done.stdout.split())
    assert list(tmp_path.iterdir()) == []
