"""What --log of the training example writes, read back from TensorBoard's files."""

import importlib
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tapegrad import nn

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPT = str(EXAMPLES / "train_transformer.py")
TINY = ["--block", "8", "--batch", "4", "--width", "16", "--heads", "2", "--layers", "1", "--sample", "0"]
TINY += ["--data", "text.txt", "--dropout", "0.1"]
TEXT = "the quick brown fox jumps over the lazy dog.\nhow quickly daft jumping zebras vex!\n" * 20


@pytest.fixture
def example(monkeypatch, tmp_path):
    """main() of the example, with a text to train on in the current folder."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT)
    monkeypatch.setitem(sys.modules, "torch", None)  # tensorboardX would load it, for seconds
    module = importlib.import_module("train_transformer")
    monkeypatch.setattr(module.session.log, "LENGTH", 20)
    monkeypatch.setattr(module.session.report, "draw", lambda history, counts, path: None)
    return module


def events(folder: str) -> list:
    """All events of a folder's files, older files first: records of a length, its sum, the event, its sum."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    found = []
    for path in sorted(Path(folder).iterdir(), key=lambda path: path.stat().st_mtime_ns):
        content, at = path.read_bytes(), 0
        while at < len(content):
            (size,) = struct.unpack_from("<Q", content, at)
            found.append(event_pb2.Event.FromString(content[at + 12 : at + 12 + size]))
            at += size + 16
    return found


def by_name(found: list) -> dict[str, dict]:
    """{name: {step: value}}."""
    values: dict[str, dict] = {}
    for event in found:
        for value in event.summary.value:
            values.setdefault(value.tag, {})[event.step] = value
    return values


def test_losses_histograms_and_samples_are_found(example):
    pytest.importorskip("tensorboardX")
    assert example.main([*TINY, "--steps", "21", "--workers", "2", "--out", "run", "--log", "log"]) == 0
    found = by_name(events("log"))
    history = nn.load("run/last.safetensors")["history"]
    steps = [h["step"] for h in history]
    assert steps[0] == 0 and steps[-1] == 21
    for part in ("train", "val"):
        losses = [found[f"loss/{part}"][step].simple_value for step in steps]
        np.testing.assert_allclose(losses, [h[part] for h in history], rtol=1e-6)
    for name in ("loss/batch", "training/learning_rate", "training/gradient_norm"):
        assert sorted(found[name]) == list(range(1, 22))
        assert all(value.simple_value >= 0 for value in found[name].values())
    for name, array in nn.load_weights("run/last.safetensors").items():
        weights, gradients = (found[f"{kind}/{name}"] for kind in ("weights", "gradients"))
        assert list(weights) == list(gradients) == steps
        last = weights[21].histo
        assert last.num == sum(last.bucket) == array.size
        assert np.isclose(last.sum, array.sum(dtype=float), atol=1e-5) and np.isclose(last.max, array.max())
    for step in steps:
        text = found["sample/text_summary"][step].tensor.string_val[0].decode()
        assert all(line.startswith("    ") for line in text.split("\n"))
        assert len(text.replace("\n    ", "\n")) == 4 + 8 + 1 + 20


def test_the_norm_is_that_before_clipping(example):
    """The whole gradient's, from all workers together: compared with a plain backward pass."""
    from common import log, text, training

    sizes = {"block": 8, "batch": 4, "width": 16, "heads": 2, "layers": 1, "workers": 2}
    settings = training.Settings(data="text.txt", steps=5, minutes=None, max_norm=1e-3, **sizes)
    run = training.Run(settings, text.load("text.txt"), Path("."))
    batch = run.blocks["train"].at(run.blocks["train"].cover()[:4])
    squares = sum(float((g.astype(float) ** 2).sum()) for _, _, g in log.gradients(run))
    with run.replicate() as replicas:
        assert np.isnan(replicas.norm)
        replicas.step(*batch)
        assert np.isclose(replicas.norm, squares**0.5, rtol=1e-5)


def test_resuming_goes_on_with_the_log(example):
    """What was written after the checkpoint is hidden by a start at the next step."""
    pytest.importorskip("tensorboardX")
    arguments = ["--out", "run", "--log", "log"]
    assert example.main([*TINY, *arguments, "--steps", "4"]) == 0
    assert example.main(["--resume", *arguments, "--steps", "7", "--sample", "0"]) == 0
    found = events("log")
    assert sorted(by_name(found)["loss/batch"]) == list(range(1, 8))
    (start,) = [event for event in found if event.HasField("session_log")]
    assert (start.step, start.session_log.status) == (5, start.session_log.START)


def test_bad_folders_and_a_missing_package_are_told_in_one_line(example, capsys, monkeypatch):
    def told(*arguments: str) -> str:
        assert example.main([*TINY, "--steps", "2", "--out", "run", *arguments]) == 2
        err = capsys.readouterr().err
        assert err.startswith("error: ") and err.count("\n") == 1
        return err

    Path("file").write_text("")
    assert "--log file cannot be written to (File exists): name another folder" in told("--log", "file")
    assert "--log file/log cannot be written to" in told("--log", "file/log")
    Path("old").mkdir()
    Path("old/events.out.tfevents.1.here").write_text("")
    assert "--log old holds a run's log already: name another folder" in told("--log", "old")
    monkeypatch.setattr(
        example.session.checks, "find_spec", lambda name: None if name == "tensorboardX" else name
    )
    assert "needs tensorboardX too: in the repository, pip install" in told("--log", "log")
    assert not Path("run/last.safetensors").exists()


def test_what_to_type_to_go_on_names_the_folder(example):
    class Run:
        out = Path("run")

    assert example.session.how_to_resume(Run(), Path("log")).endswith("--resume --out run --log log")
    assert example.session.how_to_resume(Run(), None).endswith("--resume --out run")


def test_without_it_the_run_is_the_same_and_the_package_not_needed(example):
    pytest.importorskip("tensorboardX")
    arguments = [*TINY, "--steps", "21", "--workers", "1"]
    program = f"""
import sys
sys.modules["tensorboardX"] = None
sys.path.insert(0, {str(EXAMPLES)!r})
import train_transformer
sys.exit(train_transformer.main({[*arguments, "--out", "without"]!r}))
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert example.main([*arguments, "--out", "with", "--log", "log"]) == 0
    first, second = (nn.load_weights(f"{out}/last.safetensors") for out in ("with", "without"))
    assert all(np.array_equal(first[name], second[name]) for name in first)
