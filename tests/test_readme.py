"""The README is true: its Python runs as it stands, and what it says of commands and outputs holds."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON = [code for language, code in BLOCKS if language == "python"]


def run(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.mark.parametrize("code", PYTHON[1:], ids=lambda code: f"{len(code)} characters")
def test_python_block_runs(code, tmp_path):
    run(code, tmp_path)


def test_quick_start_prints_what_the_readme_says(tmp_path):
    assert len(PYTHON[0].strip().splitlines()) <= 25
    printed = next(text for language, text in BLOCKS if language == "text")
    assert run(PYTHON[0], tmp_path) == printed


def test_there_are_exactly_two_commands():
    commands = [code for language, code in BLOCKS if language == "sh"]
    assert len(commands) == 2
    assert "'.[examples]'" in commands[0] and "examples/train_transformer.py" in commands[0]
    assert "'.[test]'" in commands[1] and "pytest" in commands[1]


def test_files_that_the_readme_names_exist():
    for name in re.findall(r"`((?:autograd|nn|models|examples)/[\w/.]*)`", README):
        assert (ROOT / name).exists(), name
