"""Writing texts beside transformers on PyTorch: the same folder of random weights, read by both.

    gpt2    the shape of the smallest GPT-2: 12 layers, 768 wide, 50,257 words
    llama   that of SmolLM-135M: 30 layers, 576 wide, 9 heads on 3 of keys, 49,152 words

in float32, greedily: the time of a prompt (until its first token) and of each token after it, for one text
and eight, of 64 tokens and of 1,000, on one thread and on all cores. Libraries run in turns, each in its own
process, see measure.py; transformers' model is called in a plain loop, see writers.py. A cold start is a new
process that loads the folder and writes one token after 64: its time, and its memory at the peak. The files
are in the system's cache. Memory is the process's, pages of mapped files included.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from . import provenance
from .measure import (
    CORES,
    ROOT,
    Candidate,
    Process,
    Unavailable,
    arguments,
    chosen,
    milliseconds,
    summarise,
    table,
    torch_candidate,
)

LOAD = "benchmarks.writers:writing"
LIBRARIES = ("torch", "tapegrad")
SHAPES: dict[str, dict[str, Any]] = {
    "gpt2": {"vocab_size": 50257},
    "llama": {
        "vocab_size": 49152,
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": True,
    },
}
BATCHES, CONTEXTS = (1, 8), (64, 1000)
TOKENS = 18  # written in a step, the last sixteen are counted
PROGRAM = """
import sys
import numpy as np
sys.path.append(sys.argv[1])
from benchmarks.worker import peak_memory
from benchmarks.writers import WRITERS
write = WRITERS[sys.argv[2]](sys.argv[3])
print(*next(iter(write(np.arange(64)[None], 1))), flush=True)
print(peak_memory() if sys.platform == "linux" else 0)
"""


def make_folder(shape: str, parent: Path) -> Path:
    """A folder with random weights of a shape, unless it is there."""
    from tapegrad import models, nn

    folder = parent / shape
    if not folder.exists():
        nn.manual_seed(0)
        model, config = {
            "gpt2": (models.GPT2, models.GPT2Config),
            "llama": (models.Llama, models.LlamaConfig),
        }[shape]
        # larger than at the start of training, or every token would be followed by itself
        model(config(**SHAPES[shape], initializer_range=0.05)).save_pretrained(folder)
    return folder


# ---------------------------------------------------------------------- measured


def candidates(threads: int) -> list[Candidate]:
    return [
        torch_candidate("torch", LOAD, threads, library="torch"),
        Candidate("tapegrad", LOAD, {"library": "tapegrad"}, threads),
    ]


def compare(threads: int, job: dict, rounds: int) -> dict[str, dict]:
    """{library: {"prompt": figures, "token": figures, "peak": bytes, "same": bool}, or {"skipped": reason}}.

    Of the last, whether the tokens are those of the first library.
    """
    steps: dict[str, list[dict]] = {}
    found: dict[str, dict] = {}
    with ExitStack() as stack:
        ready = []
        for candidate in candidates(threads):
            try:
                process = stack.enter_context(Process(candidate))
                process.ask(job=job)
                process.ask(steps=1)
            except Unavailable as reason:
                found[candidate.name] = {"skipped": str(reason)}
                continue
            ready.append(process)
            steps[process.name] = []
        for i in range(rounds):
            for process in ready[i % len(ready) :] + ready[: i % len(ready)] if ready else []:
                steps[process.name] += process.ask(steps=1)["values"]
        for process in ready:
            memory = process.ask(memory=True)["peak"] if sys.platform == "linux" else 0
            found[process.name] = {"peak": memory}
    prompt = summarise({name: [s["seconds"][:1] for s in done] for name, done in steps.items()})
    token = summarise({name: [s["seconds"][2:] for s in done] for name, done in steps.items()})
    texts = [done[0]["tokens"] for done in steps.values()]
    for name, done in steps.items():
        same = all(s["tokens"] == texts[0] for s in done)
        found[name] |= {"prompt": prompt[name], "token": token[name], "same": same}
    return {name: found[name] for name in LIBRARIES}


def cold_start(library: str, folder: Path, threads: int) -> dict[str, float]:
    """Seconds from the start of a process to its first token, and its memory at the peak (0: unknown)."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    command = [sys.executable, "-c", PROGRAM, str(ROOT), library, str(folder)]
    start = time.perf_counter()
    # not in the repository: its folders have other projects' names
    with subprocess.Popen(
        command,
        cwd="/",
        env={**os.environ, **dict.fromkeys(names, str(threads))},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        token = process.stdout.readline()
        seconds = time.perf_counter() - start
        peak = process.stdout.readline()
    if process.returncode or not token:
        raise Unavailable(f"{library} could not be started")
    return {"seconds": seconds, "peak": int(peak)}


def cold_starts(folder: Path, rounds: int) -> dict[str, dict]:
    """{library: {"median", "min", "peak"}, or {"skipped": reason}}, in turns, on all cores."""
    found: dict[str, dict] = {}
    runs: dict[str, list[dict]] = {}
    for i in range(rounds + 1):
        for library in LIBRARIES:
            if library in found:
                continue
            try:
                run = cold_start(library, folder, CORES)
            except Unavailable as reason:
                found[library] = {"skipped": str(reason)}
                continue
            if i:  # the first fills the system's cache
                runs.setdefault(library, []).append(run)
    for library, done in runs.items():
        seconds, peaks = ([run[key] for run in done] for key in ("seconds", "peak"))
        found[library] = {
            "median": statistics.median(seconds),
            "min": min(seconds),
            "peak": statistics.median(peaks),
        }
    return {library: found[library] for library in LIBRARIES}


# ---------------------------------------------------------------------- told


def both(found: Mapping[str, dict]) -> bool:
    return not any("skipped" in figures for figures in found.values())


def row_of(cell: str, found: Mapping[str, dict]) -> list[str]:
    """A line of the table of times."""
    if not both(found):
        return [cell, *["-"] * 7]
    theirs, ours = (found[name] for name in LIBRARIES)
    parts = [cell]
    for part in ("prompt", "token"):
        times = [milliseconds(figures[part]["median"]) for figures in (theirs, ours)]
        parts += [*times, f"x{ours[part]['speed']['median']:.2f}"]
    return [*parts, "yes" if ours["same"] else "no"]


HEADER = ["", "prompt, torch", "tapegrad", "", "token, torch", "tapegrad", "", "same tokens"]


def start_row(shape: str, found: Mapping[str, dict]) -> list[str]:
    """A line of the table of cold starts: milliseconds and MB."""
    if not both(found):
        return [shape, *["-"] * 5]
    theirs, ours = (found[name] for name in LIBRARIES)
    times = [f"{1e3 * figures['median']:,.0f}" for figures in (theirs, ours)]
    peaks = [f"{figures['peak'] / 1e6:,.0f}" for figures in (theirs, ours)]
    return [shape, *times, f"x{theirs['median'] / ours['median']:.2f}", *peaks]


START_HEADER = ["", "ms, torch", "tapegrad", "", "MB, torch", "tapegrad"]


def page(run: Mapping[str, Any], machine: str) -> str:
    """What docs/performance.md tells of these results; `machine` tells where they were measured."""
    rows = [row_of(cell, found) for cell, found in run["cells"].items()]
    starts = [start_row(shape, found) for shape, found in run["starts"].items()]
    version = run["versions"].get("transformers", "")
    text = (
        "Writing texts from one folder of random weights in float32, greedily, beside transformers "
        f"{version} on PyTorch{machine and f' ({machine})'}: milliseconds until the first token "
        "of a prompt, then of each token; gpt2 has the shape of the smallest GPT-2, llama that of "
        f"SmolLM-135M:\n\n{table(HEADER, rows)}"
    )
    if not starts:
        return text
    return (
        f"{text}\n\nA cold start, from the start of a process to its first token, on all cores, and the "
        f"memory of that process at its peak:\n\n{table(START_HEADER, starts)}"
    )


def cells(shapes: Sequence[str], threads: Sequence[int]) -> dict[str, tuple[str, int, dict]]:
    """{name: (shape, threads, the rest of the job)}"""
    return {
        f"{shape}, {batch} x {context:,}, {count} thread{'s' * (count > 1)}": (
            shape,
            count,
            {"batch": batch, "context": context, "vocabulary": SHAPES[shape]["vocab_size"]},
        )
        for shape in shapes
        for batch in BATCHES
        for context in CONTEXTS
        for count in threads
    }


def main() -> None:
    parser = arguments("generate", __doc__ or "")
    parser.add_argument("--shapes", help=f"comma-separated, of {', '.join(SHAPES)}; default: all")
    parser.add_argument("--cells", help="only those whose name has this, and no cold starts")
    parser.add_argument("--folder", type=Path, help="where the weights are kept; default: a temporary one")
    parser.add_argument("--rounds", type=int, help="of each cell; default: 5, and 2 where a prompt is long")
    args = parser.parse_args()
    results = provenance.start("generate", args.quick) | {"cells": {}, "starts": {}}
    shapes = chosen(args.shapes, list(SHAPES), "shape")
    with tempfile.TemporaryDirectory() as temporary:
        parent = args.folder or Path(temporary)
        folders = {shape: make_folder(shape, parent) for shape in shapes}
        for shape, folder in () if args.cells else folders.items():
            results["starts"][shape] = cold_starts(folder, 2 if args.quick else 5)
            print(*start_row(shape, results["starts"][shape]), sep="   ", flush=True)
        for name, (shape, threads, rest) in cells(shapes, sorted({1, CORES})).items():
            if args.cells and args.cells not in name:
                continue
            long = rest["batch"] * rest["context"] > 2000
            rounds = args.rounds or (1 if args.quick else 2 if long else 5)
            job = {**rest, "folder": str(folders[shape]), "tokens": TOKENS}
            results["cells"][name] = compare(threads, job, rounds)
            print(*row_of(name, results["cells"][name]), sep="   ", flush=True)
    provenance.write(args.out, results)
    print(f"\n{page(results, '')}")


if __name__ == "__main__":
    main()
