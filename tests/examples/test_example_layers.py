"""The examples of convolutional, recurrent and variational networks, with tiny settings and bad input."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
TEXT = "the quick brown fox jumps over the lazy dog.\nhow quickly daft jumping zebras vex!\n" * 20
TINY = {
    "train_cnn": ["--epochs", "1", "--width", "4", "--batch", "256"],
    "train_vae": ["--epochs", "1", "--width", "2", "--batch", "256"],
    "train_rnn": ["--data", "text.txt", "--steps", "3", "--width", "8", "--block", "8", "--sample", "20"],
}
PICTURES = {"train_cnn": "cnn.png", "train_vae": "vae.png", "train_rnn": "loss.png"}


@pytest.fixture
def example(monkeypatch, tmp_path):
    """The module of an example, with a text to train on in the current folder."""
    pytest.importorskip("sklearn")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT)
    return importlib.import_module


@pytest.mark.parametrize("name", TINY)
def test_runs_to_the_end(example, capsys, name):
    assert example(name).main([*TINY[name], "--out", "run"]) == 0
    out = capsys.readouterr().out
    picture = Path("run", PICTURES[name])
    assert str(picture) in out and "parameters" in out
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 10_000


def test_both_cells_write(example, capsys):
    for cell in ("lstm", "gru"):
        assert example("train_rnn").main([*TINY["train_rnn"], "--cell", cell, "--layers", "1"]) == 0
        out = capsys.readouterr().out
        assert f"{cell}: " in out and "5-gram" in out
        assert len(out.split("|")[-1].rstrip("\n")) == 20
        assert Path("runs", cell, "loss.png").exists()


def test_a_recurrent_network_learns(example, capsys):
    arguments = ["--data", "text.txt", "--steps", "300", "--block", "16", "--batch", "8", "--sample", "0"]
    assert example("train_rnn").main([*arguments, "--width", "32", "--layers", "1"]) == 0
    out = capsys.readouterr().out
    assert float(out.split("validation loss ")[1].split(",")[0]) < 2.9  # uniform is 3.43, unigram 2.97


@pytest.mark.slow
def test_digits_are_told_apart(example, capsys):
    """To what the program promises, in fewer epochs than it takes by itself."""
    assert example("train_cnn").main(["--epochs", "8", "--out", "run"]) == 0
    assert float(capsys.readouterr().out.split("test accuracy ")[-1].split("%")[0]) >= 97


def test_images_of_digits(example):
    digits = example("common.digits")
    train, test = digits.load(0)
    assert train.images.shape == (1438, 1, 8, 8) and len(test) == 359
    assert train.images.min() == 0 and train.images.max() == 1
    assert np.bincount(test.labels).min() >= 34
    again = digits.load(0)[1]
    np.testing.assert_array_equal(again.images, test.images)
    seen = np.concatenate([labels for _, labels in train.batches(100, np.random.default_rng(0))])
    assert len(seen) == 1400


def test_shifted_images(example):
    digits = example("common.digits")
    image = np.zeros((200, 1, 8, 8), np.float32)
    image[:, 0, 3, 4] = 1
    moved = digits.shifted(image, np.random.default_rng(0))
    places = {tuple(place) for place in np.argwhere(moved)[:, 2:].tolist()}
    assert places == {(row, column) for row in (2, 3, 4) for column in (3, 4, 5)}
    np.testing.assert_array_equal(moved.sum(axis=(1, 2, 3)), 1)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("train_cnn", ["--epochs", "0"], "--epochs must be 1 or more, not 0"),
        ("train_cnn", ["--batch", "5000"], "--batch 5000 is more than the 1438 digits"),
        ("train_vae", ["--width", "0"], "--width must be 1 or more"),
        ("train_rnn", ["--data", "nowhere.txt"], "there is no text file nowhere.txt"),
        ("train_cnn", ["--lr", "inf"], "--lr must be finite, not inf"),
        ("train_rnn", ["--data", "text.txt", "--width", "5"], "--width must be even, not 5"),
        ("train_rnn", ["--data", "text.txt", "--steps", "-1"], "must not be negative"),
        (
            "train_rnn",
            ["--data", "nowhere.txt", "--minutes", "nan"],
            "--minutes must not be negative, not nan",
        ),
        ("train_rnn", ["--data", "nowhere.txt", "--lr", "nan"], "--lr must not be negative, not nan"),
        ("train_rnn", ["--data", "nowhere.txt", "--lr", "inf"], "--lr must be finite, not inf"),
        ("train_rnn", ["--data", "nowhere.txt", "--dropout", "nan"], "--dropout must be between 0 and 1"),
        ("train_rnn", ["--data", "nowhere.txt", "--sample", "-1"], "--sample must not be negative, not -1"),
        ("train_rnn", ["--data", "text.txt", "--out", "text.txt/x"], "cannot be written to"),
    ],
)
def test_bad_input(example, capsys, name, arguments, message):
    assert example(name).main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error


@pytest.mark.parametrize("name", TINY)
def test_help(name):
    told = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / f"{name}.py", "--help"], capture_output=True, text=True
    )
    assert told.returncode == 0 and "--out" in told.stdout and "(default" in told.stdout
