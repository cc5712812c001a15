"""Time of a training step: the same model from the same weights on the same batches, here and in PyTorch.

A step is forward, backward and AdamW's update (no clipping), ending with the loss as a number. Every
candidate has a process of its own and runs in turns with the others, see measure.py. Before the clock starts,
tapegrad's logits are compared with torch's; after it, the losses, all having taken the same number of steps.
"""

from __future__ import annotations

from dataclasses import replace

from . import provenance
from .measure import (
    CORES,
    QUICK,
    Candidate,
    Plan,
    Process,
    Unavailable,
    arguments,
    chosen,
    compare,
    replicas_candidate,
    speed_text,
    table,
    torch_candidate,
)
from .tasks import ADAMW, SIZES, Task

OURS, TORCH = "benchmarks.tasks:training", "benchmarks.torch_models:training"
CANDIDATES = [
    torch_candidate("torch eager", TORCH),
    torch_candidate("torch eager, fused AdamW", TORCH, fused=True),
    torch_candidate("torch.compile", TORCH, compiled=True),
    Candidate("torch DDP, 2 processes", "benchmarks.torch_replicas:training", pin=False),
    Candidate("JAX jit", "benchmarks.jax_models:training", threads=CORES, pin=False),
    Candidate("tapegrad, 1 thread", OURS),
    Candidate(f"tapegrad, {CORES} BLAS threads", OURS, threads=CORES),
    replicas_candidate("tapegrad, process replicas", OURS),
    Candidate(f"tapegrad, replay, {CORES} BLAS threads", OURS, {"replay": True}, threads=CORES),
    replicas_candidate("tapegrad, replay, thread replicas", OURS, "threads", replay=True),
    replicas_candidate("tapegrad, replay, process replicas", OURS, replay=True),
]
# torch with glibc told what `keep_memory` tells it for tapegrad, which torch's users seldom do
EAGER = CANDIDATES[0]
KEPT = {"MALLOC_MMAP_THRESHOLD_": str(1 << 25), "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}
CANDIDATES.insert(
    3, replace(CANDIDATES[1], name="torch eager, fused, memory kept", env={**EAGER.env, **KEPT})
)
OPTIONAL = [replace(EAGER, name="torch eager, not pinned", env={})]  # unless asked for, left out
LOGITS, LOSSES = 1e-4, 1e-3  # relative differences that rounding explains


def check_logits(task: Task) -> float | None:
    """Largest relative difference from torch's; None without torch."""
    try:
        with Process(torch_candidate("agreement", "benchmarks.torch_models:agreement")) as process:
            process.ask(job=task.job())
            difference = process.ask(steps=1)["values"][0]
    except Unavailable as reason:
        print(f"logits not compared: {reason}")
        return None
    if difference > LOGITS:
        raise SystemExit(f"the logits of tapegrad and torch differ by {difference:.1e}: not the same model")
    return difference


def differing(results: dict[str, dict]) -> list[str]:
    """Candidates whose last losses are not those of the first one."""
    losses = {name: figures["value"] for name, figures in results.items() if "value" in figures}
    if not losses:
        return []
    first = next(iter(losses.values()))
    return [name for name, loss in losses.items() if not abs(loss - first) <= LOSSES * abs(first)]


def rows(results: dict[str, dict]) -> list[list[str]]:
    made = []
    for name, figures in results.items():
        if "skipped" in figures:
            made.append([name, "-", "-", figures["skipped"][:60], "-"])
            continue
        median, least = (f"{1e3 * figures[key]:.2f}" for key in ("median", "min"))
        made.append([name, median, least, speed_text(figures, True), f"{figures['value']:.5f}"])
    return made


def main() -> None:
    parser = arguments("train_step", __doc__)
    parser.add_argument("--sizes", help=f"comma-separated, of {', '.join(SIZES)}; default: all")
    names = [candidate.name for candidate in CANDIDATES]
    every = [*names, *(candidate.name for candidate in OPTIONAL)]
    told = f"of: {'; '.join(every)}; speed is relative to the first; default: all but the last"
    parser.add_argument("--candidates", nargs="+", metavar="NAME", choices=every, default=names, help=told)
    parser.add_argument("--rounds", type=int, help=f"default: {Plan.rounds}")
    parser.add_argument("--seconds", type=float, help=f"of a block of the slowest; default: {Plan.seconds}")
    args = parser.parse_args()
    plan = QUICK if args.quick else Plan()
    plan = plan.changed(rounds=args.rounds, seconds=args.seconds)
    candidates = [candidate for candidate in [*CANDIDATES, *OPTIONAL] if candidate.name in args.candidates]

    results = provenance.start("train_step", args.quick)
    results |= {"threads": CORES, "adamw": ADAMW, "tasks": {}, "logits": {}, "sizes": {}}
    for size in chosen(args.sizes, list(SIZES), "size"):
        task = SIZES[size]
        results["logits"][size] = check_logits(task)
        results["tasks"][size] = task.job() | {"text": str(task)}
        _, found = next(compare(candidates, {size: task.job()}, plan))
        results["sizes"][size] = found
        print(f"\n{size}: {task}; speed is relative to {next(iter(found))}\n")
        print(table(["", "median ms", "min ms", "speed (range over rounds)", "last loss"], rows(found)))
        for name in differing(found):
            print(f"WARNING: {size}: THE LOSS OF {name.upper()} IS NOT THAT OF {next(iter(found)).upper()}")
        results.setdefault("differing", {})[size] = differing(found)
    provenance.write(args.out, results)


if __name__ == "__main__":
    main()
