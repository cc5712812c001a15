"""The training example as a user runs it: to the end, interrupted, resumed, and with bad input."""

import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.models.generation import Cache
from tapegrad.nn.parallel import cores

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPT = str(EXAMPLES / "train_transformer.py")
TINY = ["--block", "8", "--batch", "4", "--width", "16", "--heads", "2", "--layers", "1", "--sample", "20"]
TEXT = "the quick brown fox jumps over the lazy dog.\nhow quickly daft jumping zebras vex!\n" * 20


@pytest.fixture
def example(monkeypatch, tmp_path):
    """main() of the example, with a text to train on in the current folder."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT)
    return importlib.import_module("train_transformer")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", SCRIPT, "--data", "text.txt", *TINY, *arguments]


def arrays(path: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(path)


def same(a: Path, b: Path) -> bool:
    first, second = arrays(a), arrays(b)
    return first.keys() == second.keys() and all(np.array_equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize("model", ["transformer", "gpt"])
def test_runs_to_the_end(example, capsys, model):
    arguments = ["--data", "text.txt", "--model", model, "--steps", "30", "--out", "run", *TINY]
    assert example.main(arguments) == 0
    out = capsys.readouterr().out
    assert "1,640 characters" in out and "uniform" in out and "5-gram" in out
    assert "in its first half by 0.0\n" in out
    assert "continued greedily" in out and "continued by sampling" in out
    for name in ("best.safetensors", "last.safetensors", "loss.png"):
        assert (Path("run") / name).stat().st_size > 1000
    assert Path("run/loss.png").read_bytes().startswith(b"\x89PNG")


def test_it_learns(example, capsys):
    """On a text that repeats, the loss falls far below what single characters tell."""
    steps = ["--steps", "300", "--lr", "0.01", "--batch", "16"]
    assert example.main(["--data", "text.txt", "--out", "run", *TINY, *steps]) == 0
    best = float(capsys.readouterr().out.split("validation loss ")[1].split()[0])
    assert best < 1.5


def test_same_seed_same_bits(example):
    for out in ("a", "b"):
        assert example.main(["--data", "text.txt", "--steps", "12", "--seed", "3", "--out", out, *TINY]) == 0
    assert example.main(["--data", "text.txt", "--steps", "12", "--seed", "4", "--out", "c", *TINY]) == 0
    assert same(Path("a/last.safetensors"), Path("b/last.safetensors"))
    assert not same(Path("a/last.safetensors"), Path("c/last.safetensors"))


def test_small_products_use_one_blas_thread(example, monkeypatch):
    """Before training, in it, in evaluation and in sampling, with one process."""
    library = SimpleNamespace(num_threads=8)
    library.set_num_threads = lambda number: setattr(library, "num_threads", number)
    monkeypatch.setattr(cores, "blas_libraries", lambda: [library])
    used = []

    def forward(self, source, target, forward=nn.TransformerDecoder.forward, **options):
        used.append((self.training, library.num_threads))
        return forward(self, source, target, **options)

    monkeypatch.setattr(nn.TransformerDecoder, "forward", forward)
    assert example.main(["--data", "text.txt", "--steps", "2", "--out", "run", "--workers", "1", *TINY]) == 0
    assert set(used) == {(True, 1), (False, 1)}
    assert library.num_threads == 8


def test_what_is_written_is_read_once(example, monkeypatch):
    """The decoder reads a token at a time, and keeps what it read."""
    lengths = []

    def append(self, layer, key, value, window=None, append=Cache.append):
        lengths.append(key.shape[2])
        return append(self, layer, key, value, window)

    monkeypatch.setattr(Cache, "append", append)
    arguments = ["--data", "text.txt", "--steps", "2", "--out", "run", *TINY]
    assert example.main(arguments) == 0
    assert len(lengths) >= 40 and set(lengths) == {1}


HALF = """
import sys
from pathlib import Path
sys.path.insert(0, {examples!r})
from common import training, text
from tapegrad import nn
sizes = dict(block=8, batch=4, width=16, heads=2, layers=1, dropout=0.2, workers=2)
settings = training.Settings(data="text.txt", steps=20, minutes=None, **sizes)
nn.manual_seed(settings.seed)
run = training.Run(settings, text.load("text.txt"), Path("."))
if {resume}:
    run.load(Path("half.safetensors"))
with run.replicate() as replicas:
    while run.step < {until}:
        run.train_step(replicas)
run.save({name!r})
"""


def test_resuming_continues_bit_for_bit(example):
    """20 steps, against 10, a checkpoint, and 10 more in a fresh process; dropout on, two workers."""

    def train(**fields) -> None:
        program = HALF.format(examples=str(EXAMPLES), **fields)
        subprocess.run([sys.executable, "-c", program], check=True)

    train(resume=False, until=20, name="whole")
    train(resume=False, until=10, name="half")
    assert not same(Path("whole.safetensors"), Path("half.safetensors"))
    train(resume=True, until=20, name="resumed")
    assert same(Path("whole.safetensors"), Path("resumed.safetensors"))


def started() -> subprocess.Popen:
    """A long run by two workers, in the folder run, that has saved its first checkpoint."""
    process = subprocess.Popen(
        command("--steps", "100000", "--out", "run", "--workers", "2"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not Path("run/last.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return process


@pytest.mark.skipif(os.name == "nt", reason="SIGINT cannot be sent to one process on Windows")
def test_interrupt_saves_and_says_how_to_go_on(example, capsys):
    process = started()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "--resume --out run" in out
    step = nn.load("run/last.safetensors")["step"]
    assert step > 0
    assert example.main(["--resume", "--out", "run", "--steps", str(step + 5), "--sample", "5"]) == 0
    assert nn.load("run/last.safetensors")["step"] == step + 5
    assert f"{step + 5:,}" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the worker as Linux lists it")
def test_a_killed_worker_ends_the_run_and_leaves_the_checkpoint(example):
    process = started()
    (worker,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(worker), signal.SIGKILL)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "worker 1 of 2" in err and "SIGKILL" in err and "--resume --out run" in err
    assert nn.load("run/last.safetensors")["step"] > 0
    assert example.main(["--resume", "--out", "run", "--minutes", "0", "--sample", "5"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "missing.txt"], "missing.txt"),
        (["--data", "short.txt"], "take a longer text or a smaller --block"),
        (["--data", "empty.txt"], "empty"),
        (["--data", "text.txt", "--prompt", "Ω"], "'Ω'"),
        (["--data", "text.txt", "--heads", "3"], "--heads 3"),
        (["--data", "text.txt", "--steps", "-1"], "--steps"),
        (["--data", "text.txt", "--batch", "0"], "--batch"),
        (["--data", "text.txt", "--seed", "-1"], "--seed"),
        (["--sample", "-1"], "--sample"),
        (["--data", "text.txt", "--out", "empty.txt"], "--out empty.txt cannot be written to (File exists)"),
        (["--data", "text.txt", "--out", "empty.txt/run"], "--out empty.txt/run cannot be written to"),
        (["--resume"], "no run to resume in run: no last.safetensors; without --resume"),
    ],
)
def test_bad_input_is_told_in_one_line(example, capsys, arguments, message):
    Path("short.txt").write_text("too short")
    Path("empty.txt").write_text("")
    assert example.main([*TINY, "--out", "run", *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and message in err and "Traceback" not in err


def test_a_run_that_diverges_is_told(example, capsys):
    arguments = [
        "--data",
        "text.txt",
        "--lr",
        "1e9",
        "--steps",
        "50",
        "--workers",
        "1",
        "--out",
        "run",
        *TINY,
    ]
    with np.errstate(all="ignore"):
        assert example.main(arguments) == 2
    assert "no parameter was changed; a smaller --lr may help" in capsys.readouterr().err


def test_bad_options_are_told_with_the_usage(example, capsys):
    for arguments, message in (
        (["--workers", "many"], "argument --workers: 'many' is neither a number nor 'auto'"),
        (["--minutes", "long"], "argument --minutes: invalid float value: 'long'"),
        (["--modle", "gpt"], "unrecognized arguments: --modle gpt"),
    ):
        with pytest.raises(SystemExit) as stop:
            example.main(arguments)
        assert stop.value.code == 2 and message in capsys.readouterr().err


def test_packages_that_are_missing_are_named_before_work_begins(example, capsys, monkeypatch):
    missing = {"matplotlib", "tqdm"}
    monkeypatch.setattr(example.session.checks, "find_spec", lambda name: None if name in missing else name)
    assert example.main(["--data", "text.txt", *TINY]) == 2
    out, err = capsys.readouterr()
    assert (
        out == ""
        and "needs matplotlib and tqdm too: in the repository, pip install" in err
        and "Traceback" not in err
    )


def test_resume_refuses_what_does_not_fit(example, capsys):
    assert example.main(["--data", "text.txt", "--steps", "3", "--out", "run", *TINY]) == 0
    last = Path("run/last.safetensors")
    kept = last.read_bytes()
    assert example.main(["--resume", "--out", "run", "--width", "32"]) == 2
    assert "--width cannot change" in capsys.readouterr().err
    Path("text.txt").write_text(TEXT.replace("q", "Q"))
    assert example.main(["--resume", "--out", "run", "--steps", "5"]) == 2
    assert "other characters" in capsys.readouterr().err
    assert last.read_bytes() == kept
    last.write_bytes(kept[: len(kept) // 2])
    assert example.main(["--resume", "--out", "run", "--steps", "5"]) == 2
    assert "last.safetensors" in capsys.readouterr().err


def test_a_second_run_does_not_overwrite_the_first(example, capsys):
    arguments = ["--data", "text.txt", "--steps", "2", *TINY]
    assert example.main(arguments) == example.main(arguments) == 0
    assert Path("runs/transformer/last.safetensors").exists()
    assert Path("runs/transformer-2/last.safetensors").exists()
    assert example.main(["--resume", "--steps", "3", "--sample", "1"]) == 0  # the newest
    assert nn.load("runs/transformer-2/last.safetensors")["step"] == 3
    kept = Path("runs/transformer/best.safetensors").read_bytes()
    assert example.main([*arguments, "--out", "runs/transformer"]) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert Path("runs/transformer/best.safetensors").read_bytes() == kept


def test_resume_checks_what_it_is_given(example, capsys):
    assert example.main(["--resume"]) == 2
    assert "no run to resume" in capsys.readouterr().err
    assert example.main(["--data", "text.txt", "--steps", "2", "--out", "run", *TINY]) == 0
    assert example.main(["--resume", "--out", "run", "--steps", "-5"]) == 2
    assert example.main(["--resume", "--out", "run", "--minutes", "nan"]) == 2
    assert "--minutes" in capsys.readouterr().err
    nn.save("run/last.safetensors", step=1)
    assert example.main(["--resume", "--out", "run"]) == 2
    assert "not one that this program made" in capsys.readouterr().err


def test_help_reads_well(example, capsys):
    with pytest.raises(SystemExit) as stop:
        example.main(["--help"])
    out = capsys.readouterr().out
    assert stop.value.code == 0
    for option in ("--data", "--model", "--minutes", "--steps", "--seed", "--out", "--resume", "--block"):
        assert option in out
    assert "(default 64)" in out and "None" not in out
