"""Time of gradients, Hessians, Jacobians, products with Hessians and gradients per sample, by transforms.

`ag.grad`, `ag.hessian`, `ag.jacobian` and `ag.hvp` beside torch.func, JAX (compiled) and HIPS autograd (`pip
install jax autograd`; left out where missing), of the same formulas in float64, one thread each.
"""

from __future__ import annotations

import math

from . import provenance
from .measure import QUICK, Candidate, Plan, arguments, compare, milliseconds, table, torch_candidate
from .transforms import PROBLEMS

FIRST = "tapegrad"
CANDIDATES = [
    Candidate(FIRST, "benchmarks.transforms:tapegrad"),
    torch_candidate("torch.func", "benchmarks.transforms:torch", threads=1),
    Candidate("JAX, jit", "benchmarks.transforms:jax"),
    Candidate("HIPS autograd", "benchmarks.transforms:hips"),
]


def cell(figures: dict, ours: dict) -> str:
    """Milliseconds, and how many times as fast tapegrad is."""
    if "skipped" in figures:
        return "-"
    text = milliseconds(figures["median"])
    if figures is ours or "skipped" in ours:
        return text
    return f"{text} (x{figures['median'] / ours['median']:.2f})"


def rows_of(results: dict[str, dict]) -> list[list[str]]:
    return [
        [name, *(cell(figures, found[FIRST]) for figures in found.values())]
        for name, found in results.items()
    ]


def differing(found: dict[str, dict]) -> list[str]:
    """Who computes something else than tapegrad."""
    values = {who: figures["value"] for who, figures in found.items() if "value" in figures}
    return [who for who, value in values.items() if not math.isclose(value, values[FIRST], rel_tol=1e-6)]


def page(run: dict, machine: str) -> str:
    """The table, for docs/performance.md; `machine` tells where it was measured."""
    header = ["", *next(iter(run["derivatives"].values()))]
    return (
        "Derivatives in milliseconds, and how many times as fast tapegrad is, all with one thread in float64 "
        f"({machine}):\n\n{table(header, rows_of(run['derivatives']))}"
    )


def main() -> None:
    parser = arguments("derivatives", __doc__)
    parser.add_argument("--only", help="comma-separated beginnings of names of problems; default: all")
    args = parser.parse_args()
    wanted = tuple(args.only.split(",")) if args.only else ("",)
    jobs = {name: {"name": name} for name in PROBLEMS if name.startswith(wanted)}
    if not jobs:
        raise SystemExit(f"no problem begins with {args.only}; there are: {'; '.join(PROBLEMS)}")
    results = provenance.start("derivatives", args.quick) | {"threads": 1}
    plan = QUICK if args.quick else Plan(rounds=7, seconds=0.3, warm=3, least=3)
    results["derivatives"] = dict(compare(CANDIDATES, jobs, plan))
    header = ["milliseconds", *(candidate.name for candidate in CANDIDATES)]
    print(f"{table(header, rows_of(results['derivatives']))}\n")
    for name, found in results["derivatives"].items():
        for who in differing(found):
            print(f"{name}: {who} computes something else")
        for who, figures in found.items():
            if "skipped" in figures:
                print(f"{name}: {who}: {figures['skipped'][:80]}")
    provenance.write(args.out, results)


if __name__ == "__main__":
    main()
