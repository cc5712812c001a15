"""The machinery of benchmarks/: turns, statistics, tables, and the report. Nothing here depends on times."""

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))  # at the end: its folders have other projects' names

from benchmarks import data, measure, memory, report, scaling, startup, summary, train_step  # noqa: E402
from benchmarks.measure import Candidate, Plan, Process, Unavailable, compare, summarise  # noqa: E402
from benchmarks.tasks import SIZES, Task, batches, build  # noqa: E402

SMALL = Task(vocab=11, width=16, heads=2, layers=1, length=8, batch=4)
PLAN = Plan(rounds=2, seconds=0.01, warm=1, least=2, most=2)
OURS = Candidate("ours", "benchmarks.tasks:training")


def test_speed_is_taken_within_rounds():
    times = {"base": [[1.0, 3.0, 2.0], [4.0]], "other": [[1.0], [8.0, 8.0]]}
    figures = summarise(times)
    assert figures["base"]["speed"] == {"median": 1, "low": 1, "high": 1}
    assert figures["other"]["speed"] == {"median": 1.25, "low": 0.5, "high": 2.0}
    assert figures["base"]["rounds"] == [2.0, 4.0]
    assert (figures["base"]["median"], figures["base"]["min"]) == (2.5, 1.0)


def test_candidates_take_the_same_steps_and_the_impossible_are_passed_over():
    candidates = [
        OURS,
        Candidate("again", OURS.load, threads=2),
        Candidate("no module", "benchmarks.nothing:training"),
        Candidate("no such job", "benchmarks.chains:numpy"),
    ]
    (name, found), *rest = compare(candidates, {"small": SMALL.job()}, PLAN)
    assert (name, rest) == ("small", [])
    assert list(found) == [candidate.name for candidate in candidates]
    assert found["again"]["value"] == pytest.approx(found["ours"]["value"], rel=1e-5)
    assert len(found["ours"]["rounds"]) == 2
    assert "nothing" in found["no module"]["skipped"]
    assert "TypeError" in found["no such job"]["skipped"]
    assert train_step.differing(found) == []
    found["again"]["value"] *= 1.01
    assert train_step.differing(found) == ["again"]
    found["again"]["value"] = float("nan")
    assert train_step.differing(found) == ["again"]


def test_a_process_that_dies_is_reported():
    with Process(Candidate("dies", "os:_exit")) as process, pytest.raises(Unavailable, match="ended"):
        process.ask(job={"status": 3})


@pytest.mark.skipif(sys.platform != "linux" or measure.CORES < 2, reason="needs two cores and /proc")
def test_each_thread_has_a_core_of_its_own_from_job_to_job():
    with Process(replace(OURS, threads=2)) as process:
        for _ in range(2):
            process.ask(job=SMALL.job())
        tasks = os.listdir(f"/proc/{process.pid}/task")
        cores = [os.sched_getaffinity(int(task)) for task in tasks]
    assert len(cores) == 2 and not set.intersection(*cores)


@pytest.mark.parametrize("kind", ["rows", "samples", "images", "start", "training"])
def test_loading_gives_every_sample_and_the_time_of_waiting(kind, monkeypatch):
    for name, value in {"ROWS": 130, "IMAGES": 64, "STEPS": 3}.items():
        monkeypatch.setattr(data, name, value)
    monkeypatch.setattr(data, "one_step", lambda matrix: time.sleep(0.002))
    with data.loading("tapegrad", kind, workers=0) as step:
        value = step()
    assert (0 < value < 1) if kind == "training" else value is None


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read in /proc")
def test_memory_grows_with_the_model():
    jobs = SMALL.job(), Task(1000, 128, 2, 2, 64, 8).job()
    small, large = (memory.measure(OURS, job, memory.WARM.job(), steps=1) for job in jobs)
    assert 0 < small["increase"] < large["increase"] < large["peak"]


def test_builds_and_batches_are_repeatable():
    for task in (SMALL, Task(11, 16, 2, 1, 8, 4, "transformer")):
        first, second = build(task).state_dict(), build(task).state_dict()
        assert all((first[name] == second[name]).all() for name in first)
        assert all(
            (x == y).all()
            for a, b in zip(batches(task), batches(task), strict=True)
            for x, y in zip(a, b, strict=True)
        )


def test_table_is_aligned():
    text = measure.table(["", "ms"], [["a", "1.5"], ["longer", "10.25"]])
    assert text.splitlines() == [
        "|        |    ms |",
        "| ------ | ----: |",
        "| a      |   1.5 |",
        "| longer | 10.25 |",
    ]


def test_chosen_names():
    assert measure.chosen(None, ["a", "b"], "size") == ["a", "b"]
    assert measure.chosen("b", ["a", "b"], "size") == ["b"]
    with pytest.raises(SystemExit, match="no size c"):
        measure.chosen("a,c", ["a", "b"], "size")


# ---------------------------------------------------------------------- report


def figures(median, low=1.0, high=1.0):
    speed = {"median": (low + high) / 2, "low": low, "high": high}
    return {"median": median, "min": median, "rounds": [median], "speed": speed, "value": 4.0}


def results():
    """A small file of each program."""
    loads = {"torch": {"skipped": "not installed"}, "tapegrad": figures(0.5) | {"value": 0.031}}
    loading = {f"{kind}, 2 workers": loads for kind in ("rows", "start", "training")}
    shared = {
        "quick": False,
        "date": "2026-01-02",
        "threads": 2,
        "machine": {"cpu": "Some CPU", "cores": 2},
        "versions": {"python": "3.11.7", "numpy": "2.4.6", "blas": "blas 1", "torch": "2.13.0"},
    }
    skipped = {"skipped": "not installed"}
    steps = {"torch eager": figures(0.004), "JAX jit": skipped, "tapegrad": figures(0.002, 1.9, 2.1)}
    kernels = {
        "torch": figures(2e-4),
        "torch, 1 thread": figures(3e-4),
        "tapegrad": figures(1e-4, 2, 2),
        "tapegrad, 1 thread": figures(2e-4),
    }
    peaks = {"torch eager": {"peak": 3e8, "increase": 5e7}, "tapegrad": {"peak": 4e7, "increase": 2e7}}
    modules = {"numpy": {"median": 0.1, "min": 0.1, "memory": 2.5e7, "disk": None}}
    points = {"64": steps, "1024": steps}
    written = {"prompt": figures(0.3), "token": figures(0.03, 1.5, 1.7), "peak": 1, "same": True}
    writers = {"torch": written | {"token": figures(0.048)}, "tapegrad": written}
    starts = {"torch": {"median": 6, "peak": 9e8}, "tapegrad": {"median": 0.6, "peak": 5e8}}
    return {
        "train_step": shared
        | {
            "sizes": {"tiny": steps},
            "tasks": {"tiny": {"text": str(SIZES["tiny"])}},
            "differing": {"tiny": []},
        },
        "race": shared
        | {
            "minutes": 3.0,
            "text": "a text",
            "results": {"torch": {"steps": 10, "seconds": 180.0, "loss": 1.75}, "JAX": skipped},
        },
        "ops": shared
        | {
            "tiny": {"add, forward": {"torch": figures(1e-6)}},
            "kernels": {"mid": {"linear": kernels}},
            "long": {"1 x 2 heads of 64, length 4,096": {"torch": figures(0.2) | {"increase": 2e7}}},
        },
        "layers": shared
        | {
            "layers": {"max_pool 2x2": {**kernels, "torch": skipped}},
            "steps": {"MLP": {"torch": figures(0.004), "tapegrad, 1 thread": figures(0.002, 1.9, 2.1)}},
        },
        "memory": shared | {"sizes": {"tiny": peaks}},
        "startup": shared | {"modules": modules},
        "scaling": shared | {"axes": {"length": points}},
        "data": shared | {"loading": loading},
        "generate": shared | {"cells": {"gpt2, 1 x 64, 1 thread": writers}, "starts": {"gpt2": starts}},
        "derivatives": shared
        | {
            "derivatives": {"a Hessian": {"tapegrad": figures(0.002), "HIPS": figures(0.005), "JAX": skipped}}
        },
    }


@pytest.fixture
def folder(tmp_path):
    for name, run in results().items():
        (tmp_path / f"{name}.json").write_text(json.dumps(run))
    (tmp_path / "README.md").write_text(f"before\n\n{report.START}\nold\n{report.END}\n\nafter\n")
    return tmp_path


def run_report(folder, *options):
    """The README and the page."""
    files = [folder / "README.md", folder / "page.md"]
    report.main(["--results", str(folder), "--readme", str(files[0]), "--page", str(files[1]), *options])
    return [path.read_text() for path in files]


def test_report_writes_the_page_and_between_the_markers(folder):
    with pytest.raises(SystemExit, match="README.md is not what the results give"):
        run_report(folder, "--check")
    readme, text = run_report(folder)
    assert readme.startswith(f"before\n\n{report.START}\n") and readme.endswith(f"{report.END}\n\nafter\n")
    assert "\nold\n" not in readme and "2 cores of Some CPU; [docs/performance.md]" in readme
    for part in ("2 cores of Some CPU (2026-01-02)", "**2.00 x2.00 (1.90 to 2.10)**", "100 x2.00 (1.50)"):
        assert part in text
    assert "0.30" in text and "x1.50" in text  # of a layer whose first candidate was skipped
    assert "2.00 x2.00" in text and "both with one (2 cores of Some CPU, 2026-01-02)" in text
    for part in ("300 (50)", "`import numpy`", "(scaling.svg)", "length of the text (64 to 1024)"):
        assert part in text
    assert "HIPS's (ahead in 1 of 1)" in readme and "5.00 (x2.50)" in text
    for part in ("40,000 samples/s x1.00", "3.1 % waiting", " 500 ms x1.00"):
        assert part in text
    for part in ("48.0 |     30.0 | x1.60 |         yes", "6,000 |      600 | x10.00 |       900 |      500"):
        assert part in text
    assert "JAX jit" not in text  # could do no size
    assert run_report(folder, "--check") == [readme, text]
    (folder / "page.md").write_text(text + "more")
    with pytest.raises(SystemExit, match="page.md is not what the results give"):
        run_report(folder, "--check")


def test_the_readmes_lines_take_the_fastest_way_of_each():
    found = results()
    step = {"torch eager": figures(0.004), "torch.compile": figures(0.003), "tapegrad": figures(0.002)}
    found["train_step"]["sizes"] = {"tiny": step, "example": step | {"tapegrad, replay": figures(0.0015)}}
    found["race"]["results"]["tapegrad"] = {"steps": 1200, "seconds": 180.0, "loss": 1.7}
    times = {"torch": 2e-6, "tapegrad": 3e-6, "tapegrad, replay": 1e-6}
    found["ops"]["tiny"]["add, forward and backward"] = {n: figures(time) for n, time in times.items()}
    found["ops"]["kernels"]["large"] = {"gelu": {"tapegrad": figures(1e-4, 0.4, 0.6)}}
    found["startup"]["modules"] |= {
        "tapegrad.nn": {"median": 0.1, "memory": 3e7},
        "torch": {"median": 1.5, "memory": 2e8},
    }
    lines = summary.lines(found)
    assert len(lines) == 8
    for line, part in zip(
        lines,
        (
            "the training example's model takes 1.50 ms, PyTorch's 3.00, each in its fastest way; over all "
            "sizes of model (tiny, example) the speed is 1.50 to 2.00 times PyTorch's.",
            "3 minutes of training** on the same batches that model has a validation loss of 1.700 (1,200 "
            "steps), PyTorch's twin of 1.750 (10 steps).",
            "takes 3.00 microseconds (1.00 replayed) forward and backward, PyTorch's 2.00.",
            "the slowest are `gelu` (0.50), `linear` (2.00), the fastest `linear` (2.00), `gelu` (0.50).",
            "the model `tiny` takes 40 MB at the peak of its training, PyTorch's 300.",
            "`import tapegrad.nn` takes 100 ms and 30 MB, `import torch` 1,500 ms and 200 MB.",
            "goes at 1.60 times transformers' speed for each token, and from a cold start the first comes "
            "10.0 times as early.",
            "one thread): the speed is 2.50 times HIPS's (ahead in 1 of 1).",
        ),
        strict=True,
    ):
        assert line.endswith(part)


@pytest.mark.parametrize("library", ["torch", "tapegrad"])
def test_the_readme_compares_nothing_where_a_side_is_missing(library):
    found = json.loads(json.dumps(results()).replace(f'"{library}', '"other'))
    told = " ".join(summary.lines(found))
    assert told.count("**") == (
        4 if library == "torch" else 0
    )  # fused ops are relative to torch, HIPS is there


@pytest.mark.parametrize("missing", report.PROGRAMS)
def test_report_leaves_out_what_is_missing(folder, missing):
    (folder / f"{missing}.json").unlink()
    assert f"benchmarks.{missing}`" not in run_report(folder)[1]


def test_report_without_results_is_empty(folder):
    for path in folder.glob("*.json"):
        path.unlink()
    readme = f"before\n\n{report.START}\n{report.END}\n\nafter\n"
    assert run_report(folder) == [readme, "# Performance\n"]


def test_report_refuses_quick_results(folder):
    run = results()["ops"] | {"quick": True}
    (folder / "ops.json").write_text(json.dumps(run))
    with pytest.raises(SystemExit, match="quick"):
        run_report(folder)
    assert "microseconds" in run_report(folder, "--allow-quick")[1]


def test_report_tells_of_differing_losses(folder):
    run = results()["train_step"] | {"differing": {"tiny": ["tapegrad"]}}
    (folder / "train_step.json").write_text(json.dumps(run))
    assert "losses differ" in run_report(folder)[1]


def test_report_needs_its_markers(folder):
    (folder / "README.md").write_text("no markers")
    with pytest.raises(SystemExit, match="needs the lines"):
        run_report(folder)


def test_plot_is_repeatable(tmp_path):
    points = {name: figures(0.1) for name in (candidate.name for candidate in scaling.CANDIDATES)}
    axes = {axis: {"64": points, "128": points} for axis in scaling.AXES}
    drawn = []
    for name in ("one.svg", "two.svg"):
        scaling.plot(axes, tmp_path / name)
        drawn.append((tmp_path / name).read_bytes())
    assert drawn[0] == drawn[1] and b"<svg" in drawn[0]


def test_size_on_disk():
    assert 1e5 < startup.size_on_disk("tapegrad.nn") < 1e7 < startup.size_on_disk("numpy")
    assert startup.size_on_disk("no_such_distribution") is None
