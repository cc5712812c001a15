"""examples/train_classifier.py on PyTorch: the same file with other imports, and the same curves."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from safetensors.torch import load_file

from tapegrad import nn

EXAMPLES = Path(__file__).parents[2] / "examples"
IMPORTS = """
from torch import get_rng_state, load, manual_seed, nn, no_grad, optim, save, set_rng_state
from torch.nn import functional as F
from torch.optim import lr_scheduler
from torch.utils import data
"""


def from_source(name: str, source: str, folder: Path):
    """A module of this source."""
    path = folder / f"{name}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def programs(monkeypatch, tmp_path):
    """The example and its twin: every line that names tapegrad is an import, and is replaced."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)
    source = (EXAMPLES / "train_classifier.py").read_text(encoding="utf-8")
    (block,) = re.findall(r"^(?:from tapegrad.* import .*\n)+", source, re.MULTILINE)
    twin = source.replace(block, IMPORTS.lstrip())
    print(f"instead of\n{block}stands in the twin\n{IMPORTS}")
    assert "tapegrad" not in twin.split('"""', 2)[2]
    made = [from_source(f"classifier_{i}", text, tmp_path) for i, text in enumerate((source, twin))]
    yield made
    for module in made:
        del sys.modules[module.__name__]


def same_order(monkeypatch, module) -> None:
    """Shuffle by NumPy's numbers, the same for both libraries: theirs differ."""
    rng = np.random.default_rng(0)
    order = lambda self: iter(rng.permutation(len(self.data_source)).tolist())  # noqa: E731
    monkeypatch.setattr(module.data.RandomSampler, "__iter__", order)


def test_the_docstring_tells_the_imports(programs):
    told = re.findall(r"^    (from torch.*\n)", programs[0].__doc__, re.MULTILINE)
    assert "".join(told) == IMPORTS.lstrip()


def test_both_libraries_draw_the_same_curves(programs, monkeypatch):
    """Four epochs of 19 steps: each step's loss and rate, and the losses and accuracies in validation."""
    runs = []
    for module in programs:
        options = module.parse(
            ["--epochs", "4", "--batch", "64", "--width", "8", "--lr", "0.01", "--out", "."]
        )
        runs.append(module.Training(options))
        same_order(monkeypatch, module)
    nn.save_weights("initial.safetensors", runs[0].model)
    runs[1].model.load_state_dict(load_file("initial.safetensors"))
    for run in runs:
        assert run.fit([])
    ours, theirs = (run.progress for run in runs)
    assert len(ours.losses) == 76 and ours.losses[-1] < 0.7 * ours.losses[0]
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-4, atol=0)
    np.testing.assert_allclose(ours.rates, theirs.rates, rtol=1e-9)
    for name in ("train", "val"):
        here, there = ([h[name] for h in progress.history] for progress in (ours, theirs))
        np.testing.assert_allclose(here, there, rtol=1e-4, atol=0)
    assert [h["accuracy"] for h in ours.history] == [h["accuracy"] for h in theirs.history]


def test_the_twin_runs_to_its_end(programs, capsys):
    _, twin = programs
    tiny = ["--epochs", "2", "--batch", "200", "--width", "2", "--out", "run"]
    assert twin.main(tiny) == 0
    assert "test accuracy" in capsys.readouterr().out and Path("run/curves.png").exists()
    stored = torch.load("run/last.ckpt")
    assert stored["progress"]["epoch"] == 2 and isinstance(stored["model"]["head.2.weight"], torch.Tensor)
    assert twin.main(["--resume", "--out", "run"]) == 0
