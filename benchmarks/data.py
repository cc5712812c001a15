"""Loading data beside PyTorch: the DataLoader of each library over the same dataset in NumPy.

    rows      a TensorDataset of 20,000 rows of 32 numbers, batches of 64, shuffled: an epoch
    samples   the same numbers, from a dataset that gives them one by one: an epoch
    images    8 batches of 64 x 3 x 224 x 224 numbers, from a dataset that copies its samples: an epoch
    start     the first batch of an epoch of rows, after which the iterator is dropped
    training  an epoch of 40 steps on one core; making a batch takes a core 0.45 of the time of a step

each without workers and with two. Libraries run in turns, each in its own process with one BLAS thread, see
measure.py. Of training the share of the time is told that the loop waits for its next batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import provenance
from .measure import QUICK, Candidate, Plan, arguments, compare, milliseconds, speed_text, table

LOAD = "benchmarks.data:loading"
CANDIDATES = [Candidate(name, LOAD, {"library": name}, pin=False) for name in ("torch", "tapegrad")]
BATCH, ROWS, IMAGES, STEPS = 64, 20_000, 512, 40
PART = 0.45  # of a step, for making a batch


class Samples:
    """Rows of two arrays, one by one."""

    def __init__(self, xs: np.ndarray, ys: np.ndarray):
        self.xs, self.ys = xs, ys

    def __len__(self) -> int:
        return len(self.xs)

    def __getitem__(self, i: int) -> tuple[np.ndarray, int]:
        return self.xs[i], int(self.ys[i])


class Images(Samples):
    """A few images again and again, each copied, as decoding would."""

    def __len__(self) -> int:
        return IMAGES

    def __getitem__(self, i: int) -> tuple[np.ndarray, int]:
        return self.xs[i % len(self.xs)].copy(), i


class Working(Samples):
    """A batch takes `seconds` of a core."""

    seconds = 0.0

    def __getitem__(self, i: int) -> tuple[np.ndarray, int]:
        end = time.thread_time() + self.seconds / BATCH
        while time.thread_time() < end:
            pass
        return super().__getitem__(i)


def library_of(name: str) -> tuple[Any, Callable[..., Any]]:
    """Its module of data, and its TensorDataset of arrays."""
    if name == "torch":
        import torch
        from torch.utils import data as torchs

        torch.set_num_threads(1)
        return torchs, lambda *arrays: torchs.TensorDataset(*map(torch.from_numpy, arrays))
    from tapegrad.nn import data

    return data, data.TensorDataset


def one_step(matrix: np.ndarray) -> None:
    """What a model does meanwhile."""
    for _ in range(8):
        matrix @ matrix


@contextmanager
def loading(library: str, kind: str, workers: int) -> Iterator[Callable[[], float | None]]:
    data, of_arrays = library_of(library)
    rng = np.random.default_rng(0)
    if kind == "images":
        dataset: Any = Images(rng.random((16, 3, 224, 224), np.float32), np.arange(16))
    else:
        n = BATCH * STEPS if kind == "training" else ROWS
        arrays = rng.random((n, 32), np.float32), np.arange(n)
        makers = {"samples": Samples, "training": Working}
        dataset = makers.get(kind, of_arrays)(*arrays)
    loader = data.DataLoader(dataset, BATCH, shuffle=True, num_workers=workers)

    def epoch() -> None:
        for _ in loader:
            pass

    def start() -> None:
        next(iter(loader))

    matrix = rng.random((512, 512), np.float32)

    def training() -> float:
        started = time.perf_counter()
        one_step(matrix)
        dataset.seconds = PART * (time.perf_counter() - started)
        waited, iterator = 0.0, iter(loader)
        next(iterator)  # the first batch is counted by `start`
        begun = time.perf_counter()
        while True:
            asked = time.perf_counter()
            batch = next(iterator, None)
            waited += time.perf_counter() - asked
            if batch is None:
                return waited / (time.perf_counter() - begun)
            one_step(matrix)

    steps: dict[str, Callable[[], float | None]] = {"start": start, "training": training}
    yield steps.get(kind, epoch)


def rows_of(job: str, found: dict[str, dict]) -> list[str]:
    """A line of the table."""
    kind = job.partition(",")[0]
    counts = {"rows": ROWS, "samples": ROWS, "images": IMAGES}
    cells = []
    for figures in found.values():
        if "skipped" in figures:
            cells.append("-")
        elif kind == "training":
            cells.append(f"{100 * figures['value']:.1f} % waiting")
        elif kind in counts:
            cells.append(f"{counts[kind] / figures['median']:,.0f} samples/s {speed_text(figures)}")
        else:
            cells.append(f"{milliseconds(figures['median'])} ms {speed_text(figures)}")
    return [job, *cells]


def page(run: Mapping[str, Any], machine: str) -> str:
    """What docs/performance.md tells of these results; `machine` tells where they were measured."""
    names = [c.name for c in CANDIDATES]
    rows = [rows_of(job, found) for job, found in run["loading"].items()]
    return (
        f"Loading data by a DataLoader, with batches of {BATCH}: epochs over arrays (rows), over a "
        "dataset that gives samples one by one, and over images of 3 x 224 x 224; the time to the first "
        "batch (start); and what part of its time a training loop waits for batches that take "
        f"{PART:.0%} of a step to make ({machine}):"
        f"\n\n{table(['', *names], rows)}"
    )


def main() -> None:
    args = arguments("data", __doc__ or "").parse_args()
    plan = QUICK if args.quick else Plan(rounds=5, seconds=1.0, warm=1, least=2, most=20)
    results = provenance.start("data", args.quick) | {"loading": {}}
    jobs = {
        f"{kind}, {workers} workers": {"kind": kind, "workers": workers}
        for kind in ("rows", "samples", "images", "start", "training")
        for workers in (0, 2)
    }
    lines = []
    for job, found in compare(CANDIDATES, jobs, plan):
        results["loading"][job] = found
        lines.append(rows_of(job, found))
        print(*lines[-1], sep="   ", flush=True)
    provenance.write(args.out, results)
    print("\nspeed relative to torch\n")
    print(table(["", *(c.name for c in CANDIDATES)], lines))


if __name__ == "__main__":
    main()
