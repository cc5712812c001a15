"""Time of layers, and of the training steps of a ResNet, an LSTM language model and an MLP, beside PyTorch.

Layers: forward and backward, gradients of the input and of all parameters; both with all cores and both with
one. tapegrad's second thread is OpenBLAS's; elementwise loops stay on one. Training steps: forward, backward
and Adam's update from the same weights on the same batches; replicas take the batch apart, batch norm's
statistics stay those of the whole of it (SyncBatchNorm).
"""

from __future__ import annotations

from . import provenance
from .measure import (
    CORES,
    QUICK,
    Candidate,
    Plan,
    arguments,
    chosen,
    compare,
    milliseconds,
    replicas_candidate,
    speed_text,
    table,
    torch_candidate,
)
from .networks import LAYERS, NETWORKS

LAYER_CANDIDATES = [
    torch_candidate("torch", "benchmarks.networks:torch_layer"),
    torch_candidate("torch, 1 thread", "benchmarks.networks:torch_layer", threads=1),
    Candidate("tapegrad", "benchmarks.networks:tapegrad_layer", threads=CORES),
    Candidate("tapegrad, 1 thread", "benchmarks.networks:tapegrad_layer"),
]
TRAINING = "benchmarks.networks:tapegrad_training"
STEP_CANDIDATES = [
    torch_candidate("torch", "benchmarks.networks:torch_training"),
    torch_candidate("torch, fused Adam", "benchmarks.networks:torch_training", fused=True),
    torch_candidate("torch, 1 thread", "benchmarks.networks:torch_training", threads=1),
    Candidate("tapegrad, 1 thread", TRAINING),
    Candidate(f"tapegrad, {CORES} BLAS threads", TRAINING, threads=CORES),
    Candidate(f"tapegrad, replay, {CORES} BLAS threads", TRAINING, {"replay": True}, threads=CORES),
    replicas_candidate(f"tapegrad, {CORES} processes", TRAINING),
    replicas_candidate(f"tapegrad, replay, {CORES} processes", TRAINING, replay=True),
]


def layers(plan: Plan, names: list[str]) -> dict[str, dict]:
    results, rows = {}, []
    for name, found in compare(LAYER_CANDIDATES, {name: {"layer": name} for name in names}, plan):
        results[name] = found
        rows.append([name, *map(shown, found.values()), speed(found, ""), speed(found, ", 1 thread")])
    header = ["forward and backward", *(c.name for c in LAYER_CANDIDATES), "speed", "speed, 1 thread"]
    print(f"milliseconds; speed of tapegrad relative to torch\n\n{table(header, rows)}\n")
    return results


def shown(figures: dict) -> str:
    return "-" if "skipped" in figures else milliseconds(figures["median"])


def speed(found: dict[str, dict], threads: str) -> str:
    both = [found[f"{who}{threads}"] for who in ("torch", "tapegrad")]
    if any("skipped" in figures for figures in both):
        return "-"
    return f"x{both[0]['median'] / both[1]['median']:.2f}"


def steps(plan: Plan, names: list[str]) -> dict[str, dict]:
    results = {}
    for name, found in compare(STEP_CANDIDATES, {name: {"network": name} for name in names}, plan):
        results[name] = found
        rows = [
            [who, "-", "-", figures["skipped"][:60]]
            if "skipped" in figures
            else [who, shown(figures), speed_text(figures, True), f"{figures['value']:.5f}"]
            for who, figures in found.items()
        ]
        print(f"{name}\n\n{table(['', 'median ms', 'speed (range over rounds)', 'last losses'], rows)}\n")
    return results


def page(run: dict, machine: str) -> str:
    """Both tables, for docs/performance.md; `machine` tells where they were measured."""
    names = [candidate.name for candidate in LAYER_CANDIDATES]
    rows = [
        [name, *(shown(found[who]) for who in names), speed(found, ""), speed(found, ", 1 thread")]
        for name, found in run["layers"].items()
    ]
    ways = list(next(iter(run["steps"].values())))
    step_rows = [
        [who, *(step_cell(found[who], ways[0] == who) for found in run["steps"].values())] for who in ways
    ]
    return (
        "Layers, forward and backward, in milliseconds, and speed relative to PyTorch, both with "
        f"{run['threads']} threads and both with one ({machine}):\n\n"
        f"{table(['', *names, 'speed', 'speed, 1 thread'], rows)}\n\n"
        "Training steps (Adam) in milliseconds: a ResNet of 20 layers on 64 images of 32 x 32, a language "
        "model of two LSTM layers of 256 on 32 texts of 64 characters, an MLP of two layers of 512 on 128 "
        "images:\n\n"
        f"{table(['', *run['steps']], step_rows)}"
    )


def step_cell(figures: dict, first: bool) -> str:
    text = shown(figures)
    return text if first or "skipped" in figures else f"{text} {speed_text(figures)}"


def main() -> None:
    parser = arguments("layers", __doc__)
    parser.add_argument("--only", choices=("layers", "steps"), help="one of the two parts")
    parser.add_argument("--layers", help="comma-separated beginnings of names of layers; default: all")
    parser.add_argument("--networks", help=f"comma-separated, of {', '.join(NETWORKS)}; default: all")
    args = parser.parse_args()
    results = provenance.start("layers", args.quick) | {"threads": CORES}
    wanted = tuple(args.layers.split(",")) if args.layers else ("",)
    names = [name for name in LAYERS if name.startswith(wanted)]
    if not names:
        raise SystemExit(f"no layer begins with {args.layers}; there are: {'; '.join(LAYERS)}")
    networks = chosen(args.networks, list(NETWORKS), "network")
    if args.only in (None, "layers"):
        plan = QUICK if args.quick else Plan(rounds=7, seconds=0.15, warm=3, least=3)
        results["layers"] = layers(plan, names)
    if args.only in (None, "steps"):
        results["steps"] = steps(QUICK if args.quick else Plan(), networks)
    provenance.write(args.out, results)


if __name__ == "__main__":
    main()
