"""The README is true: its Python runs as it stands, and what it says of commands and outputs holds."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON = [code for language, code in BLOCKS if language == "python"]


CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
OPS = re.findall(r"^```python\n(.*?)^```$", CONTRIBUTING, re.MULTILINE | re.DOTALL)


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


def test_the_commands_are_to_install_to_train_and_to_test():
    install, train, test, _ = (
        code for language, code in BLOCKS if language == "sh"
    )  # tests/command has the last
    assert install == "pip install .\n"
    assert "'.[examples]'" in train and "examples/train_transformer.py" in train
    assert "'.[test]'" in test and "pytest" in test
    assert README.index(install) < README.index(PYTHON[0])


def test_ops_that_are_shown_to_contributors_are_right(tmp_path):
    check = """
from tapegrad.autograd import Tensor, gradcheck
x, y = (Tensor(a, requires_grad=True) for a in ([[0.5, -1.0], [2.0, 3.0]], [1.5, -0.5]))
"""
    assert len(OPS) == 2
    run(f"{OPS[0]}{check}gradcheck(sinh, [x], reference=np.sinh)\n", tmp_path)
    run(f"{OPS[1]}{check}gradcheck(hypot, [x, y], reference=np.hypot)\n", tmp_path)


def test_extras_that_the_readme_names_exist():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = config["options.extras_require"]
    table = re.search(r"^\| extra \| for \|\n(.*?)^$", README, re.MULTILINE | re.DOTALL)[1]
    named = re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)
    named += [extra for group in re.findall(r"\.\[([\w,-]+)\]", README) for extra in group.split(",")]
    assert len(named) >= 5 and set(named) <= set(extras)


@pytest.mark.parametrize("code", PYTHON, ids=lambda code: f"{len(code)} characters")
def test_python_block_runs_after_a_plain_install_or_its_text_names_the_extra(code, tmp_path):
    without = ["matplotlib", "safetensors", "threadpoolctl", "torch", "tqdm"]
    code_without = f"import sys; sys.modules.update(dict.fromkeys({without}))\n{code}"
    command = [sys.executable, "-W", "error", "-c", code_without]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    packages = {"threadpoolctl": "parallel"}
    lacking = [extra for package, extra in packages.items() if f"pip install {package}" in done.stderr]
    assert (done.returncode == 0) == (lacking == []), done.stderr
    text = README[: README.index(code)].rpartition("```\n")[2]
    assert all(f"extra `{extra}`" in text for extra in lacking)


def test_files_that_the_readme_names_exist():
    for name in re.findall(r"`((?:autograd|nn|models|examples)/[\w/.]*)`", README):
        assert (ROOT / name).exists(), name
