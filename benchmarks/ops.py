"""Time of single ops: tiny ones, where only overhead counts, and the fused ones that networks are made of.

Tiny: chains of 200 ops on 4 x 4 arrays, forward and forward with backward, in microseconds an op, beside
plain NumPy, PyTorch, MyGrad and HIPS autograd (`pip install mygrad autograd`; left out where missing). One
thread each.

Kernels: forward and backward at the shapes of the training steps, beside PyTorch, both with all cores and
both with one; and causal attention over long texts, with the memory it takes. tapegrad's second thread is
OpenBLAS's; elementwise loops stay on one. (Replicas of a training step use all cores.)

Arrays: NumPy's functions on arrays of ordinary sizes, forward and backward, beside PyTorch and HIPS autograd.
"""

from __future__ import annotations

from . import provenance
from .array_ops import ARRAY_OPS
from .chains import LINKS, OPS
from .kernels import KERNELS, UPDATES
from .measure import (
    CORES,
    QUICK,
    Candidate,
    Plan,
    arguments,
    chosen,
    compare,
    speed_text,
    table,
    torch_candidate,
)
from .memory import measure as memory
from .tasks import SIZES, Task

TINY = [
    torch_candidate("torch", "benchmarks.chains:torch", threads=1),
    Candidate("NumPy", "benchmarks.chains:numpy"),
    Candidate("tapegrad", "benchmarks.chains:tapegrad"),
    Candidate("tapegrad, replay", "benchmarks.chains:tapegrad_replay"),
    Candidate("MyGrad", "benchmarks.chains:mygrad"),
    Candidate("HIPS autograd", "benchmarks.chains:hips"),
]
WIDE = [
    torch_candidate("torch", "benchmarks.kernels:torch"),
    torch_candidate("torch, 1 thread", "benchmarks.kernels:torch", threads=1),
    Candidate("tapegrad", "benchmarks.kernels:tapegrad", threads=CORES),
    Candidate("tapegrad, 1 thread", "benchmarks.kernels:tapegrad"),
]
ARRAYS = [
    torch_candidate("torch", "benchmarks.array_ops:torch"),
    torch_candidate("torch, 1 thread", "benchmarks.array_ops:torch", threads=1),
    Candidate("tapegrad", "benchmarks.array_ops:tapegrad", threads=CORES),
    Candidate("tapegrad, 1 thread", "benchmarks.array_ops:tapegrad"),
    Candidate("HIPS autograd, 1 thread", "benchmarks.array_ops:hips"),
]
KERNEL_SIZES = [name for name, task in SIZES.items() if task.kind == "gpt"]


LONG = [Task(65, 384, 6, 1, 1024, 2), Task(65, 128, 2, 1, 4096, 1)]


def per_op(found: dict[str, dict]) -> dict[str, dict]:
    """Times of chains as times of ops."""
    return {
        name: figures
        if "skipped" in figures
        else {
            **figures,
            **{key: figures[key] / LINKS for key in ("median", "min")},
            "rounds": [t / LINKS for t in figures["rounds"]],
        }
        for name, figures in found.items()
    }


def tiny(plan: Plan) -> dict[str, dict]:
    jobs = {
        f"{op}, {'forward and backward' if backward else 'forward'}": {"op": op, "backward": backward}
        for op in OPS
        for backward in (False, True)
    }
    results, rows = {}, []
    for name, found in compare(TINY, jobs, plan):
        results[name] = per_op(found)
        rows.append([name, *(microseconds(figures, 2) for figures in results[name].values())])
    print(f"microseconds an op, 4 x 4\n\n{table(['', *(c.name for c in TINY)], rows)}\n")
    return results


def kernels(plan: Plan, sizes: list[str]) -> dict[str, dict[str, dict]]:
    names = [*KERNELS, *UPDATES]
    jobs = {
        f"{size}: {kernel}": {"kernel": kernel, **SIZES[size].job()} for size in sizes for kernel in names
    }
    results: dict[str, dict[str, dict]] = {size: {} for size in sizes}
    rows = []
    for name, found in compare(WIDE, jobs, plan):
        size, _, kernel = name.partition(": ")
        results[size][kernel] = found
        fair = all("skipped" not in figures for figures in found.values())
        speed = speed_text(found["tapegrad"]) if fair else "-"
        rows.append([name, *map(microseconds, found.values()), speed])
    header = ["forward and backward", *(c.name for c in WIDE), "speed"]
    print(f"microseconds; speed of tapegrad relative to torch, {CORES} threads each\n")
    print(table(header, rows))
    return results


def array_ops(plan: Plan) -> dict[str, dict]:
    results, rows = {}, []
    for name, found in compare(ARRAYS, {name: {"op": name} for name in ARRAY_OPS}, plan):
        results[name] = found
        both = [found[f"{who}, 1 thread"] for who in ("torch", "tapegrad")]
        fair = all("skipped" not in figures for figures in both)
        speed = f"x{both[0]['median'] / both[1]['median']:.2f}" if fair else "-"
        rows.append([name, *map(microseconds, found.values()), speed])
    print("microseconds; speed of tapegrad relative to torch, 1 thread each\n")
    print(f"{table(['forward and backward', *(c.name for c in ARRAYS), 'speed'], rows)}\n")
    return results


def microseconds(figures: dict, digits: int = 0) -> str:
    return "-" if "skipped" in figures else f"{1e6 * figures['median']:.{digits}f}"


def long_attention(plan: Plan, steps: int) -> dict[str, dict[str, dict]]:
    """Times as of other kernels, and "increase": bytes at the peak beyond what there was before."""
    results, rows = {}, []
    for task in LONG:
        name = f"{task.batch} x {task.heads} heads of {task.width // task.heads}, length {task.length:,}"
        job, warm = ({"kernel": "causal attention", **t.job()} for t in (task, SIZES["tiny"]))
        _, found = next(compare(WIDE, {name: job}, plan))
        for candidate in WIDE:
            found[candidate.name] |= memory(candidate, job, warm, steps)
        results[name] = found
        rows.append(
            [name, *(f"{microseconds(f)} ({f.get('increase', 0) / 1e6:.0f} MB)" for f in found.values())]
        )
    print(f"causal attention: microseconds (and memory)\n\n{table(['', *(c.name for c in WIDE)], rows)}\n")
    return results


def main() -> None:
    parser = arguments("ops", __doc__)
    parser.add_argument("--only", choices=("tiny", "kernels", "arrays"), help="one of the three parts")
    parser.add_argument("--sizes", help=f"of kernels, comma-separated; default: {','.join(KERNEL_SIZES)}")
    args = parser.parse_args()
    plan = QUICK if args.quick else Plan(rounds=7, seconds=0.1, warm=5, least=5)
    results = provenance.start("ops", args.quick) | {"threads": CORES}
    if args.only in (None, "tiny"):
        results["tiny"] = tiny(plan)
    if args.only in (None, "arrays"):
        results["arrays"] = array_ops(plan)
    if args.only in (None, "kernels"):
        results["kernels"] = kernels(plan, chosen(args.sizes, KERNEL_SIZES, "size"))
        results["long"] = long_attention(plan, 2 if args.quick else 4)
    provenance.write(args.out, results)


if __name__ == "__main__":
    main()
