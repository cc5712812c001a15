"""benchmarks/generate.py: what it measures, of small models. Nothing here depends on times."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))  # at the end: its folders have other projects' names

from benchmarks import generate, writers  # noqa: E402

SHAPES = {
    "gpt2": {"vocab_size": 80, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 70},
    "llama": {
        "vocab_size": 80,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
    },
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(generate, "SHAPES", SHAPES)
    return generate.make_folder("gpt2", tmp_path)


@pytest.fixture
def alone(monkeypatch):
    """tapegrad beside itself, which is there in every run of the tests."""
    monkeypatch.setattr(writers, "WRITERS", dict.fromkeys(generate.LIBRARIES, writers.tapegrad_writer))
    (_, ours) = generate.candidates(1)
    monkeypatch.setattr(generate, "candidates", lambda threads: [replace(ours, name="torch"), ours])


@pytest.mark.parametrize("shape", SHAPES)
def test_the_folder_is_made_once_and_a_step_tells_all_of_its_tokens(shape, tmp_path, monkeypatch):
    monkeypatch.setattr(generate, "SHAPES", SHAPES)
    made = generate.make_folder(shape, tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in made.iterdir()}
    assert generate.make_folder(shape, tmp_path) == made
    assert {path.name: path.stat().st_mtime_ns for path in made.iterdir()} == before
    with writers.writing("tapegrad", str(made), 80, batch=2, context=6, tokens=4) as step:
        first, second = step(), step()
    assert first["tokens"] == second["tokens"]
    assert [len(row) for row in first["tokens"]] == [2] * 4 and len(first["seconds"]) == 4


def test_both_are_measured_and_their_tokens_compared(folder, alone):
    job = {"folder": str(folder), "vocabulary": 80, "batch": 2, "context": 6, "tokens": 5}
    found = generate.compare(1, job, rounds=2)
    assert list(found) == list(generate.LIBRARIES)
    for figures in found.values():
        assert figures["same"] is True
        assert len(figures["prompt"]["rounds"]) == len(figures["token"]["rounds"]) == 2
    assert generate.row_of("cell", found)[-1] == "yes"


def test_who_cannot_be_measured_is_passed_over(folder, alone):
    job = {"folder": str(folder / "nothing"), "vocabulary": 80, "batch": 1, "context": 6, "tokens": 5}
    found = generate.compare(1, job, rounds=1)
    assert "FileNotFoundError" in found["tapegrad"]["skipped"]
    assert generate.row_of("cell", found) == ["cell", *["-"] * 7]


def test_a_cold_start_tells_its_time_and_memory(folder, monkeypatch):
    run = generate.cold_start("tapegrad", folder, 1)
    assert run["seconds"] > 0
    assert sys.platform != "linux" or 1e7 < run["peak"] < 1e9
    monkeypatch.setattr(generate, "LIBRARIES", ("nothing", "tapegrad"))
    found = generate.cold_starts(folder, 1)
    assert "could not be started" in found["nothing"]["skipped"] and found["tapegrad"]["median"] > 0
    assert generate.start_row("gpt2", found) == ["gpt2", *["-"] * 5]


def test_every_cell_has_its_shape_and_threads():
    cells = generate.cells(["gpt2"], [1, 2])
    assert len(cells) == len(generate.BATCHES) * len(generate.CONTEXTS) * 2
    assert cells["gpt2, 8 x 1,000, 2 threads"] == (
        "gpt2",
        2,
        {"batch": 8, "context": 1000, "vocabulary": 50257},
    )
