"""nanoGPT's training as a user runs it: settings, schedule, projection, resuming, bad input."""

import importlib
import subprocess
import sys
from math import cos, pi
from pathlib import Path

import numpy as np
import pytest

from tapegrad import nn

EXAMPLES = Path(__file__).parents[2] / "examples"
TINY = ["--block", "8", "--batch", "4", "--width", "16", "--heads", "2", "--layers", "1", "--sample", "20"]
TINY += ["--data", "text.txt", "--eval-batches", "2", "--eval-interval", "10", "--warmup", "5"]
TEXT = "the quick brown fox jumps over the lazy dog.\nhow quickly daft jumping zebras vex!\n" * 20


@pytest.fixture
def example(monkeypatch, tmp_path):
    """main() of the example, with a text to train on in the current folder."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT)
    return importlib.import_module("train_gpt")


def weights(path: str) -> dict[str, np.ndarray]:
    return dict(nn.load_weights(path))


def same(a: str, b: str) -> bool:
    first, second = weights(a), weights(b)
    return first.keys() == second.keys() and all(np.array_equal(first[k], second[k]) for k in first)


def test_runs_to_the_end(example, capsys):
    assert example.main([*TINY, "--steps", "25", "--out", "run", "--seed", "2"]) == 0
    out = capsys.readouterr().out
    assert "measured on a copy: " in out and "25 steps and 4 evaluations will take " in out
    assert "for these steps and evaluations, projected " in out
    assert (
        "nanoGPT's estimate (2 random batches)" in out and "README" not in out
    )  # other settings, other text
    assert "continued greedily" in out and "continued by sampling" in out
    assert Path("run/loss.png").read_bytes().startswith(b"\x89PNG")
    history = nn.load("run/last.safetensors")["history"]
    assert [entry["step"] for entry in history] == [0, 10, 20, 25]
    assert history[-1]["val"] < history[0]["val"]


def test_presets_are_nanogpts(example):
    """config/train_shakespeare_char.py, and the README's options for a computer without a GPU."""
    cpu = example.Settings.chosen({"workers": 1})
    assert (cpu.block, cpu.batch, cpu.layers, cpu.heads, cpu.width) == (64, 12, 4, 4, 128)
    assert (cpu.steps, cpu.warmup, cpu.lr, cpu.min_lr, cpu.dropout) == (2000, 100, 1e-3, 1e-4, 0.0)
    assert (cpu.weight_decay, cpu.max_norm, cpu.eval_interval, cpu.eval_batches) == (0.1, 1.0, 250, 20)
    large = example.Settings.chosen({"preset": "shakespeare-char", "workers": 1})
    assert (large.block, large.batch, large.layers, large.heads, large.width) == (256, 64, 6, 6, 384)
    assert (large.steps, large.dropout, large.eval_batches, large.lr) == (5000, 0.2, 200, 1e-3)
    assert example.Settings.chosen({"preset": "shakespeare-char", "batch": 8, "workers": 1}).batch == 8
    model = large.build(65)
    assert not [name for name, _ in model.named_parameters() if name.endswith("bias")]
    sizes = [p.size for name, p in model.named_parameters() if "positions" not in name]
    assert sum(sizes) == 10_646_784  # nanoGPT says 10.65M
    std = {name: p.data.std() for name, p in large.build(65).named_parameters() if p.ndim > 1}
    for name, value in std.items():
        added = name.endswith(("out_proj.weight", "linear2.weight"))
        assert value == pytest.approx(0.02 / 12**0.5 if added else 0.02, rel=0.05), name


def test_the_rate_rises_and_falls_as_nanogpts(example):
    settings = example.Settings.chosen({"workers": 1})
    assert settings.rate(0) == pytest.approx(1e-3 / 101)
    assert settings.rate(99) == pytest.approx(1e-3 * 100 / 101)
    assert settings.rate(100) == 1e-3
    assert settings.rate(575) == pytest.approx(1e-4 + 9e-4 * (1 + cos(pi / 4)) / 2)
    assert settings.rate(2000) == settings.rate(9999) == 1e-4


def test_the_run_uses_the_rate_and_its_groups(example):
    nn.manual_seed(1)
    settings = example.Settings.chosen(
        {"data": "text.txt", "steps": 30, "warmup": 5, "batch": 4, "workers": 1}
    )
    run = example.NanoRun(settings, example.session.text.load("text.txt"), Path("run"))
    decayed, others = run.optimizer.param_groups
    assert (decayed["weight_decay"], others["weight_decay"], decayed["betas"]) == (0.1, 0.0, (0.9, 0.99))
    assert {p.ndim for p in decayed["params"]} == {2} and {p.ndim for p in others["params"]} == {1}
    with run.replicate() as replicas:
        for step in range(8):
            assert decayed["lr"] == others["lr"] == pytest.approx(settings.rate(step))
            run.train_step(replicas)


def test_measuring_the_speed_changes_nothing_in_the_run(example, monkeypatch):
    arguments = [*TINY, "--steps", "12", "--dropout", "0.1"]
    assert example.main([*arguments, "--out", "a"]) == 0
    monkeypatch.setattr(example.NanoRun, "_rehearsed", lambda self: (1.0, 1.0))
    assert example.main([*arguments, "--out", "b"]) == 0
    assert same("a/last.safetensors", "b/last.safetensors")


def test_the_projection_counts_steps_and_evaluations(example, monkeypatch, capsys):
    monkeypatch.setattr(example.NanoRun, "_rehearsed", lambda self: (10.0, 0.5))
    assert example.main([*TINY, "--steps", "20", "--out", "run"]) == 0
    # 20 steps of 10 s; evaluations after 0, 10 and 20, each of 2 parts, 2 batches, 4 blocks
    assert "20 steps and 3 evaluations will take 3 min 44 s" in capsys.readouterr().out
    assert example.main(["--resume", "--out", "run", "--steps", "25", "--sample", "0"]) == 0
    assert "5 steps and 1 evaluations will take 58 s" in capsys.readouterr().out


def test_resuming_continues_bit_for_bit(example):
    arguments = [*TINY, "--dropout", "0.1"]
    assert example.main([*arguments, "--steps", "20", "--out", "whole"]) == 0
    program = f"""
import sys
sys.path.insert(0, {str(EXAMPLES)!r})
import train_gpt
step = train_gpt.NanoRun.train_step
def until_ten(self, replicas, logged=None):
    if self.step == 10 and self.history:  # not in the copy whose speed is measured
        import os, signal
        os.kill(os.getpid(), signal.SIGINT)
    return step(self, replicas, logged)
train_gpt.NanoRun.train_step = until_ten
sys.exit(train_gpt.main({[*arguments, "--steps", "20", "--out", "half"]!r}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 130, done.stderr
    assert nn.load("half/last.safetensors")["step"] == 11
    assert example.main(["--resume", "--out", "half", "--sample", "0"]) == 0
    assert same("whole/last.safetensors", "half/last.safetensors")


def test_pieces_give_the_same_run(example):
    for pieces in ("1", "2"):
        assert example.main([*TINY, "--steps", "12", "--workers", "1", "--accumulate", pieces,
                             "--out", pieces]) == 0  # fmt: skip
    first, second = (nn.load(f"{out}/last.safetensors")["history"] for out in "12")
    for one, two in zip(first, second, strict=True):
        assert one["val"] == pytest.approx(two["val"], rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "missing.txt"], "missing.txt"),
        (["--heads", "3"], "--heads 3"),
        (["--steps", "0"], "--steps must be 1 or more, not 0"),
        (["--warmup", "0"], "--warmup must be 1 or more, not 0"),
        (["--eval-interval", "0"], "--eval-interval must be 1 or more"),
        (["--eval-batches", "-1"], "--eval-batches must be 1 or more"),
        (["--min-lr", "0.1"], "--min-lr 0.1 must be from 0 to --lr 0.001"),
        (["--lr", "0", "--min-lr", "0"], "--lr 0.0, which is above 0"),
        (["--accumulate", "0"], "--accumulate must be 1 or more, not 0"),
        (["--accumulate", "3", "--workers", "2"], "--workers 2 in --accumulate 3 pieces each cannot share a"),
        (["--block", "500"], "take a longer text or a smaller --block"),
        (["--resume"], "no run to resume in run"),
    ],
)
def test_bad_input_is_told_in_one_line(example, capsys, arguments, message):
    assert example.main([*TINY, "--out", "run", *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and message in err and "Traceback" not in err


def test_resume_refuses_other_settings_and_other_programs(example, capsys):
    assert example.main([*TINY, "--steps", "3", "--out", "run"]) == 0
    assert example.main(["--resume", "--out", "run", "--preset", "shakespeare-char"]) == 2
    assert "--preset cannot change" in capsys.readouterr().err
    assert example.main(["--resume", "--out", "run", "--min-lr", "0"]) == 2
    assert "--min-lr cannot change" in capsys.readouterr().err
    transformer = importlib.import_module("train_transformer")
    assert transformer.main(["--resume", "--out", "run"]) == 2
    assert "not one that this program made" in capsys.readouterr().err


def test_a_run_without_a_name_is_called_as_its_preset(example):
    assert example.main([*TINY, "--steps", "2"]) == 0
    assert Path("runs/shakespeare-char-cpu/best.safetensors").exists()


def test_help_tells_the_presets_values(example, capsys):
    with pytest.raises(SystemExit) as stop:
        example.main(["--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert stop.value.code == 0
    assert (
        "blocks in a step (default 12 or 64)" in out
        and "highest learning rate (AdamW) (default 0.001)" in out
    )
    assert "(default 0.0 or 0.2)" in out and "None" not in out
    with pytest.raises(SystemExit) as stop:
        example.main(["--preset", "gpt2"])
    assert stop.value.code == 2 and "invalid choice: 'gpt2'" in capsys.readouterr().err
