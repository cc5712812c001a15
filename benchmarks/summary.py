"""The README's few lines about speed and memory, from the results that docs/performance.md has in full."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .measure import milliseconds

Found = Mapping[str, Mapping]


def pair(found: Found, key: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """One figure of each way of using tapegrad, and of each of using PyTorch; None unless there are both."""
    ours, theirs = (
        {name: f[key] for name, f in found.items() if name.startswith(library) and key in f}
        for library in ("tapegrad", "torch")
    )
    return (ours, theirs) if ours and theirs else None


def span(values: Iterable[float], form: str) -> str:
    """1.10 to 1.31, or one number."""
    values = list(values)
    return " to ".join(dict.fromkeys(format(v, form) for v in (min(values), max(values))))


def main_size(sizes: Iterable[str]) -> tuple[str, str]:
    """Which size of model is told of, and how it is called."""
    sizes = list(sizes)
    if "example" in sizes:
        return "example", "the training example's model"
    return sizes[0], f"the model `{sizes[0]}`"


def training(run: Mapping) -> str | None:
    pairs = {size: p for size, found in run["sizes"].items() if (p := pair(found, "median"))}
    if not pairs:
        return None
    fastest = {size: [min(times.values()) for times in p] for size, p in pairs.items()}
    size, told = main_size(fastest)
    ours, theirs = map(milliseconds, fastest[size])
    speeds = span((theirs / ours for ours, theirs in fastest.values()), ".2f")
    return (
        f"**A training step** of {told} takes {ours} ms, PyTorch's {theirs}, each in its fastest way; over "
        f"all sizes of model ({', '.join(fastest)}) the speed is {speeds} times PyTorch's."
    )


def race(run: Mapping) -> str | None:
    losses = pair(run["results"], "loss")
    if losses is None:
        return None
    best = [min(found, key=found.__getitem__) for found in losses]
    ours, theirs = (f"{run['results'][n]['loss']:.3f} ({run['results'][n]['steps']:,} steps)" for n in best)
    return (
        f"**After {run['minutes']:g} minutes of training** on the same batches that model has a validation "
        f"loss of {ours}, PyTorch's twin of {theirs}."
    )


def small_op(run: Mapping) -> str | None:
    times = pair(run.get("tiny", {}).get("add, forward and backward", {}), "median")
    if times is None:
        return None
    ours, theirs = ([f"{1e6 * seconds:.2f}" for seconds in found.values()] for found in times)
    replayed = f" ({ours[1]} replayed)" if len(ours) > 1 else ""
    return (
        f"**A small op**, an addition of 4 x 4 arrays, takes {ours[0]} microseconds{replayed} forward and "
        f"backward, PyTorch's {theirs[0]}."
    )


def fused_ops(run: Mapping) -> str | None:
    speeds: dict[str, list[float]] = {}
    for kernels in run.get("kernels", {}).values():
        for name, found in kernels.items():
            if "speed" in found.get("tapegrad", {}):
                speeds.setdefault(name, []).append(found["tapegrad"]["speed"]["median"])
    if not speeds:
        return None
    slowest = sorted(speeds, key=lambda name: min(speeds[name]))[:3]
    fastest = sorted(speeds, key=lambda name: -max(speeds[name]))[:3]
    told = [
        ", ".join(f"`{name}` ({extreme(speeds[name]):.2f})" for name in names)
        for names, extreme in ((slowest, min), (fastest, max))
    ]
    return f"**Fused ops**, in times PyTorch's speed: the slowest are {told[0]}, the fastest {told[1]}."


def memory(run: Mapping) -> str | None:
    size, told = main_size(run["sizes"])
    peaks = pair(run["sizes"][size], "peak")
    if peaks is None:
        return None
    ours, theirs = (span((peak / 1e6 for peak in found.values()), ".0f") for found in peaks)
    return f"**Memory**: {told} takes {ours} MB at the peak of its training, PyTorch's {theirs}."


def startup(run: Mapping) -> str | None:
    if any(name not in run["modules"] for name in ("tapegrad.nn", "torch")):
        return None
    ours, theirs = (
        f"{1e3 * found['median']:,.0f} ms and {found['memory'] / 1e6:.0f} MB"
        for found in (run["modules"][name] for name in ("tapegrad.nn", "torch"))
    )
    return f"**Start**: `import tapegrad.nn` takes {ours}, `import torch` {theirs}."


def generation(run: Mapping) -> str | None:
    pairs = [p for cell, found in run["cells"].items() if ", 1 x " in cell and (p := pair(found, "token"))]
    if not pairs:
        return None
    speeds = span((figures["speed"]["median"] for ours, _ in pairs for figures in ours.values()), ".2f")
    started = [p for found in run["starts"].values() if (p := pair(found, "median"))]
    told = ""
    if started:
        starts = span((max(theirs.values()) / min(ours.values()) for ours, theirs in started), ".1f")
        told = f", and from a cold start the first comes {starts} times as early"
    return f"**Generating** one text goes at {speeds} times transformers' speed for each token{told}."


def derivatives(run: Mapping) -> str | None:
    """How much faster or slower than each of the others, from the worst row to the best."""
    speeds: dict[str, list[float]] = {}
    for found in run["derivatives"].values():
        ours = found.get("tapegrad", {})
        for name, figures in found.items():
            if figures is not ours and "median" in figures and "median" in ours:
                speeds.setdefault(name, []).append(figures["median"] / ours["median"])
    if not speeds:
        return None
    told = [
        f"{span(s, '.2f')} times {name}'s (ahead in {sum(x > 1 for x in s)} of {len(s)})"
        for name, s in speeds.items()
    ]
    return (
        "**Derivatives as functions** (gradients, Hessians, Jacobians, products with Hessians, gradients per "
        f"sample of small networks, one thread): the speed is {'; '.join(told)}."
    )


LINES = (
    ("train_step", training),
    ("race", race),
    ("ops", small_op),
    ("ops", fused_ops),
    ("memory", memory),
    ("startup", startup),
    ("generate", generation),
    ("derivatives", derivatives),
)


def lines(found: Mapping[str, dict]) -> list[str]:
    """What can be said from the results that there are."""
    made = (make(found[name]) for name, make in LINES if name in found)
    return [line for line in made if line]
