"""What type checkers make of the installed package: typical uses accepted, typical mistakes refused."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "typed"
MISTAKES = (HERE / "mistakes.py").read_text(encoding="utf-8").splitlines()
REFUSED = {number for number, line in enumerate(MISTAKES, 1) if line.endswith("# refused")}


def check(command):
    """Lines of mistakes.py with an error, and all that was said of the other file."""
    found = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=300)
    errors = [line for line in found.stdout.splitlines() if re.search(r": error|- error", line)]
    assert errors or found.returncode == 0, found.stdout + found.stderr
    missing = [line for line in errors if "import-untyped" in line or "import-not-found" in line]
    assert not missing, "type checkers find no tapegrad: install it as CONTRIBUTING.md says"
    refused = {int(re.search(r"mistakes\.py:(\d+)", line)[1]) for line in errors if "mistakes.py" in line}
    return refused, [line for line in errors if "usage.py" in line]


def test_mypy_accepts_uses_and_refuses_mistakes():
    python = [sys.executable, "-m", "mypy", "--config-file=", "--check-untyped-defs"]
    refused, wrong = check([*python, "--cache-dir", str(HERE.parent.parent / ".mypy_cache"), "."])
    assert wrong == []
    assert refused == REFUSED


@pytest.mark.slow
def test_pyright_accepts_uses_and_refuses_mistakes():
    pytest.importorskip("pyright")
    refused, wrong = check([sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "."])
    assert wrong == []
    assert refused == REFUSED
