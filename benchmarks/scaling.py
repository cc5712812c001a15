"""How the time of a training step grows with the length of the text, the width and the batch, beside PyTorch.

One of them varies, the others stay as in a GPT of 4 layers, width 256, length 128, batch 8 over 65 tokens;
heads have 64 features. Candidates run in turns, each in its own process, see measure.py.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from . import provenance
from .measure import (
    CORES,
    QUICK,
    ROOT,
    Candidate,
    Plan,
    arguments,
    compare,
    replicas_candidate,
    speed_text,
    table,
    torch_candidate,
)
from .tasks import Task

OURS, TORCH = "benchmarks.tasks:training", "benchmarks.torch_models:training"
CANDIDATES = [
    torch_candidate("torch eager", TORCH),
    Candidate("tapegrad, 1 process", OURS, threads=CORES),
    replicas_candidate("tapegrad, replay, process replicas", OURS, replay=True),
]
BASE = Task(vocab=65, width=256, heads=4, layers=4, length=128, batch=8)
AXES = {
    "length": (64, 128, 256, 512, 1024),
    "width": (128, 256, 512, 1024),
    "batch": (4, 8, 16, 32, 64),
}
QUICK_AXES = {"length": (16, 32), "width": (64, 128), "batch": (2, 4)}
QUICK_BASE = Task(vocab=65, width=64, heads=1, layers=1, length=16, batch=2)


def varied(base: Task, axis: str, value: int) -> Task:
    task = replace(base, **{axis: value})
    return replace(task, heads=max(1, task.width // 64))


def cell(figures: dict) -> str:
    return "-" if "skipped" in figures else f"{1e3 * figures['median']:.1f} {speed_text(figures)}"


def plot(axes: dict[str, dict[str, dict]], path: Path) -> None:
    """A panel for each axis, both scales logarithmic."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams["svg.hashsalt"] = "tapegrad"  # the same file from the same figures
    figure = Figure(figsize=(9, 3.3), layout="constrained")
    for i, (ax, (axis, points)) in enumerate(zip(figure.subplots(1, len(axes)), axes.items(), strict=True)):
        for candidate in CANDIDATES:
            times = {int(value): found[candidate.name].get("median") for value, found in points.items()}
            times = {value: 1e3 * t for value, t in times.items() if t is not None}
            ax.plot(list(times), list(times.values()), marker="o", label=candidate.name)
        values = [int(value) for value in points]
        ax.set(xscale="log", yscale="log", xlabel=axis, ylabel="ms a step" if i == 0 else "")
        ax.set_xticks(values, [str(value) for value in values])
        ax.minorticks_off()
        ax.grid(alpha=0.3)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    print(f"drawn: {path}")


def main() -> None:
    parser = arguments("scaling", __doc__)
    default = ROOT / "docs" / "scaling.svg"
    parser.add_argument("--plot", type=Path, help=f"default: {default}, and none with --quick")
    args = parser.parse_args()
    base, ranges = (QUICK_BASE, QUICK_AXES) if args.quick else (BASE, AXES)
    plan = QUICK if args.quick else Plan(rounds=3, seconds=0.3, warm=1, least=1)
    results = provenance.start("scaling", args.quick) | {"threads": CORES, "base": base.job(), "axes": {}}
    for axis, values in ranges.items():
        points, rows = {}, []
        jobs = {str(value): varied(base, axis, value).job() for value in values}
        for value, found in compare(CANDIDATES, jobs, plan):
            points[value] = found
            rows.append([value, *map(cell, found.values())])
        results["axes"][axis] = points
        print("\nms a step, and speed relative to torch\n")
        print(table([axis, *(c.name for c in CANDIDATES)], rows), flush=True)
    provenance.write(args.out, results)
    if args.plot or not args.quick:
        plot(results["axes"], args.plot or default)


if __name__ == "__main__":
    main()
