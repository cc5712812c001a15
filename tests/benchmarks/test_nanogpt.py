"""benchmarks.nanogpt: turns, evaluations and rates of a short run; nothing here depends on times."""

import sys
from pathlib import Path

import pytest

sys.path.append(
    str(Path(__file__).resolve().parents[2])
)  # at the end: its folders have other projects' names

from benchmarks import nanogpt

TEXT = "the quick brown fox jumps over the lazy dog.\nhow quickly daft jumping zebras vex!\n" * 20


@pytest.fixture
def course(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT)
    course = nanogpt.Course(str(tmp_path / "text.txt"), "shakespeare-char-cpu", steps=5)
    settings = course.settings
    settings.batch, settings.eval_interval, settings.eval_batches = 2, 2, 3
    return course


def test_a_run_takes_its_steps_in_turns_and_evaluates_as_nanogpt_does(course, monkeypatch):
    monkeypatch.setattr(nanogpt, "TURN", 0.0)
    assert course.run(None, None, None) == {"steps": 0, "seconds": 0, "evaluating": 0.0}
    monkeypatch.setattr(nanogpt, "TURN", 1000.0)

    class Optimizer:
        param_groups = [{"lr": 0.0}]

    rates, measured = [], []

    def train(x, y):
        assert x.shape == y.shape == (2, 64) and (x[:, 1:] == y[:, :-1]).all()
        rates.append(Optimizer.param_groups[0]["lr"])
        return 3.0

    def measure(x, y):
        measured.append(len(x))
        return float(len(rates))

    told = course.run(train, measure, Optimizer)
    assert told["steps"] == 5 and rates == [course.settings.rate(step) for step in range(5)]
    assert told["estimates"] == [(0, 0.0), (2, 2.0), (4, 4.0), (5, 5.0)]
    assert (told["estimate"], told["loss"]) == (5.0, 5.0)
    blocks = len(course.blocks["val"].cover())
    assert sum(measured) == 4 * 2 * 3 * 2 + blocks and set(measured[:24]) == {2}


def test_tapegrad_learns_in_it(course):
    course.settings.layers, course.settings.width, course.settings.heads = 1, 16, 2
    with nanogpt.started(course, workers=1) as parts:
        told = course.run(*parts)
    assert told["estimates"][-1][1] < told["estimates"][0][1]
    row = nanogpt.rows({"ours": told, "none": {"skipped": "not here"}})
    assert row[0][0] == "ours" and row[0][-1] == f"{told['loss']:.3f}" and row[1][-1] == "not here"
