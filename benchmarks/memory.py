"""Memory that training takes: the same model here and in PyTorch, each in a process of its own. Linux only.

Peak of the resident memory over some training steps, and its increase over the moment before the model is
built: model, gradients, optimizer state, activations. A step of another, tiny model comes first, so that what
libraries load late is not counted in the increase. For process replicas the peak is the first process's, plus
what the others have for themselves, each at its own peak.
"""

from __future__ import annotations

from . import provenance
from .measure import (
    CORES,
    Candidate,
    Process,
    Unavailable,
    arguments,
    chosen,
    replicas_candidate,
    table,
    torch_candidate,
)
from .tasks import SIZES, Task

OURS, TORCH = "benchmarks.tasks:training", "benchmarks.torch_models:training"
CANDIDATES = [
    torch_candidate("torch eager", TORCH),
    torch_candidate("torch.compile", TORCH, compiled=True),
    Candidate("tapegrad, 1 process", OURS, threads=CORES),
    Candidate("tapegrad, replay, 1 process", OURS, {"replay": True}, threads=CORES),
    replicas_candidate("tapegrad, process replicas", OURS),
]
WARM = Task(vocab=13, width=16, heads=2, layers=1, length=8, batch=2 * CORES)
MB = 1e6


def measure(candidate: Candidate, job: dict, warm: dict, steps: int) -> dict:
    """{"peak": bytes, "increase": bytes} of a job, after another to get warm; or {"skipped": reason}."""
    try:
        with Process(candidate) as process:
            process.ask(job=warm)
            process.ask(steps=2)
            process.ask(job=job)
            process.ask(steps=steps)
            memory = process.ask(memory=True)
    except Unavailable as reason:
        return {"skipped": str(reason)}
    return {"peak": memory["peak"], "increase": memory["peak"] - memory["before"]}


def cell(figures: dict) -> str:
    """Peak, and increase in brackets, in MB."""
    return "-" if "skipped" in figures else f"{figures['peak'] / MB:.0f} ({figures['increase'] / MB:.0f})"


def main() -> None:
    parser = arguments("memory", __doc__)
    parser.add_argument("--sizes", help=f"comma-separated, of {', '.join(SIZES)}; default: all")
    args = parser.parse_args()
    results = provenance.start("memory", args.quick) | {"threads": CORES, "sizes": {}}
    rows = []
    for size in chosen(args.sizes, list(SIZES), "size"):
        job, steps = SIZES[size].job(), 2 if args.quick else 6
        found = {c.name: measure(c, job, WARM.job(), steps) for c in CANDIDATES}
        results["sizes"][size] = found
        rows.append([size, *map(cell, found.values())])
        for name, figures in found.items():
            print(f"{size}: {name}: {figures.get('skipped') or cell(figures)}", flush=True)
    print(f"\nMB at the peak (and increase)\n\n{table(['', *(c.name for c in CANDIDATES)], rows)}")
    provenance.write(args.out, results)


if __name__ == "__main__":
    main()
