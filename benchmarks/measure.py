"""What the programs share: candidates in processes of their own, measured in turns; statistics; tables; JSON.

Two numerical libraries in one process slow each other down: their thread pools spin, inherit each other's
pinning, and one may be forked under the other. So every candidate has a process (`worker.py`) with its own
number of threads, and is stopped (SIGSTOP, its children too) while another one runs. Slow spells of the
machine are met by turns: each round runs a short block of steps of every candidate, and speed is compared
within rounds. The first calls of a block are dropped: caches are cold and threads asleep.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Candidate:
    name: str
    load: str  # "module:function", see worker.py
    options: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 1
    pin: bool = True  # one core for each thread; False for those who see to that themselves
    env: Mapping[str, str] = field(default_factory=dict)


def torch_candidate(name: str, load: str, threads: int = CORES, **options) -> Candidate:
    """With its OpenMP threads pinned, which is faster than not, for torch alone in its process too."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(CORES)
    pinned = {"GOMP_CPU_AFFINITY": " ".join(map(str, cores)), "TORCHINDUCTOR_COMPILE_THREADS": "1"}
    return Candidate(name, load, options, threads, False, pinned)


def replicas_candidate(name: str, load: str, kind: str = "processes", replay: bool = False) -> Candidate:
    """A worker for each core; they pin themselves."""
    return Candidate(name, load, {"replicas": kind, "workers": CORES, "replay": replay}, pin=False)


class Unavailable(Exception):  # noqa: N818  (told and passed over)
    """A candidate cannot do a job; says why."""


class Process:
    """A candidate's process, which runs only while it is asked something."""

    def __init__(self, candidate: Candidate):
        self.name = candidate.name
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        env = {**os.environ, **dict.fromkeys(names, str(candidate.threads)), **candidate.env}
        self._process = subprocess.Popen(
            [sys.executable, ROOT / "benchmarks" / "worker.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
            cwd=ROOT,
            preexec_fn=os.setpgrp,  # so that its children are stopped and ended with it
        )
        self.pid = self._process.pid
        try:
            self.ask(load=candidate.load, options=dict(candidate.options), pin=candidate.pin)
        except BaseException:
            self.close()
            raise

    def ask(self, **message) -> dict:
        """Let it run until it has answered."""
        process = self._process
        if process.poll() is not None:
            raise Unavailable("its process has ended")
        os.killpg(process.pid, signal.SIGCONT)
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        while not select.select([process.stdout], [], [], 1.0)[0]:
            if process.poll() is not None:  # its children may hold the pipe open
                break
        else:
            line = process.stdout.readline()
            if line:
                os.killpg(process.pid, signal.SIGSTOP)
                answer = json.loads(line)
                if "error" in answer:
                    raise Unavailable(answer["error"])
                return answer
        raise Unavailable(f"its process ended with {process.wait()}")

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_) -> None:
        self.close()


# ---------------------------------------------------------------------- rounds


@dataclass(frozen=True)
class Plan:
    """How long to measure: `rounds` blocks of each candidate, `seconds` long for the slowest."""

    rounds: int = 10
    seconds: float = 1.0
    warm: int = 3  # steps before the first round
    least: int = 3  # counted steps in a block
    most: int = 300

    def changed(self, **options) -> Plan:
        """With the options that are not None."""
        return replace(self, **{name: value for name, value in options.items() if value is not None})


QUICK = Plan(rounds=2, seconds=0.1, least=2, most=20)


def compare(
    candidates: Sequence[Candidate], jobs: Mapping[str, dict], plan: Plan
) -> Iterator[tuple[str, dict[str, dict]]]:
    """For each job its name and {candidate: figures, or {"skipped": reason}}; speed is relative to the first.

    All candidates take the same number of steps.
    """
    with ExitStack() as stack:
        processes, broken = [], {}
        for candidate in candidates:
            try:
                processes.append(stack.enter_context(Process(candidate)))
            except Unavailable as reason:
                broken[candidate.name] = {"skipped": str(reason)}
        for name, job in jobs.items():
            found = {**broken, **_one_job(processes, job, plan)}
            yield name, {c.name: found[c.name] for c in candidates}


def _one_job(processes: Sequence[Process], job: dict, plan: Plan) -> dict[str, dict]:
    results: dict[str, dict] = {}
    slowest, ready = 0.0, []
    for process in processes:
        try:
            process.ask(job=job)
            slowest = max(slowest, min(process.ask(steps=plan.warm)["seconds"]))
            ready.append(process)
        except Unavailable as reason:
            results[process.name] = {"skipped": str(reason)}
    count = max(plan.least, min(plan.most, round(plan.seconds / slowest))) if ready else 0
    drop = max(1, count // 5)
    blocks: dict[str, list[dict]] = {process.name: [] for process in ready}
    for i in range(plan.rounds):
        for process in ready[i % len(ready) :] + ready[: i % len(ready)] if ready else []:
            blocks[process.name].append(process.ask(steps=count + drop))
    times = {name: [block["seconds"][drop:] for block in done] for name, done in blocks.items()}
    for name, figures in summarise(times).items():
        values = [v for v in blocks[name][-1]["values"] if v is not None]
        results[name] = figures | ({"value": statistics.fmean(values)} if values else {})
    return results


def summarise(times: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, dict]:
    """Seconds of each candidate's steps in each round as median, minimum, and speed relative to the first.

    Speed is a time of the first candidate over one of this: 2 is twice as fast. It is taken within rounds, of
    their medians; `low` and `high` are the extremes.
    """
    results = {}
    base: list[float] = []
    for name, rounds in times.items():
        medians = [statistics.median(block) for block in rounds]
        base = base or medians
        speeds = [b / m for b, m in zip(base, medians, strict=True)]
        every = [t for block in rounds for t in block]
        speed = {"median": statistics.median(speeds), "low": min(speeds), "high": max(speeds)}
        results[name] = {
            "median": statistics.median(every),
            "min": min(every),
            "rounds": medians,
            "speed": speed,
        }
    return results


# ---------------------------------------------------------------------- programs


def arguments(name: str, doc: str) -> argparse.ArgumentParser:
    """A parser with the options that all programs have."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="few and short rounds, for rough figures")
    parser.add_argument("--out", type=Path, default=RESULTS / f"{name}.json", help="default: %(default)s")
    return parser


def chosen(given: str | None, names: Sequence[str], what: str) -> list[str]:
    """The names in a comma-separated option, or all."""
    wanted = [name.strip() for name in given.split(",")] if given else list(names)
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise SystemExit(f"no {what} {', '.join(unknown)}; there are: {', '.join(names)}")
    return wanted


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown, with columns aligned for terminals; all but the first to the right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    rule = ["-" * widths[0], *("-" * (w - 1) + ":" for w in widths[1:])]
    lines = []
    for row in (header, rule, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        cells[0] = row[0].ljust(widths[0])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def speed_text(figures: Mapping[str, Any], with_range: bool = False) -> str:
    """x1.25, or x1.25 (1.20 to 1.31)"""
    speed = figures["speed"]
    extremes = f" ({speed['low']:.2f} to {speed['high']:.2f})" if with_range else ""
    return f"x{speed['median']:.2f}{extremes}"


def milliseconds(seconds: float) -> str:
    ms = 1e3 * seconds
    return f"{ms:.2f}" if ms < 10 else f"{ms:.1f}" if ms < 100 else f"{ms:.0f}"
