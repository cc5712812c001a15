"""Write docs/performance.md from the results in benchmarks/results, and a few lines of it into the README,
between two markers:

    <!-- performance -->
    <!-- /performance -->

Results that are missing are left out; those of quick runs are refused.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import fill

from . import data, derivatives, generate, layers, summary
from .measure import RESULTS, ROOT, milliseconds, speed_text, table

PAGE = ROOT / "docs" / "performance.md"
START, END = "<!-- performance -->", "<!-- /performance -->"
ALONE = ("layers", "data", "derivatives", "generate")  # tell their machine themselves
PROGRAMS = ("train_step", "race", "ops", "layers", "memory", "startup", "scaling", *ALONE[1:])
KERNEL_SIZES = ("mid", "large", "vocab")  # tiny's are mostly overhead, which the tiny ops show


def load(folder: Path, allow_quick: bool = False) -> dict[str, dict]:
    """{program: its results} for those that there are."""
    found = {}
    for name in PROGRAMS:
        path = folder / f"{name}.json"
        if path.exists():
            found[name] = json.loads(path.read_text(encoding="utf-8"))
            if found[name]["quick"] and not allow_quick:
                raise SystemExit(f"{path} is of a quick run: run it again, or --allow-quick")
    return found


def unique(values: Iterable) -> list:
    return list(dict.fromkeys(values))


def machine(told: Mapping) -> str:
    vectors = f" with NumPy's {told['simd']} kernels" if "simd" in told else ""
    return f"{told['cores']} cores of {told['cpu']}{vectors}"


def heading(found: Mapping[str, dict]) -> str:
    """Machine, versions and dates."""
    runs = [run for name, run in found.items() if name not in ALONE]
    machines = unique(machine(run["machine"]) for run in runs)
    names = {"python": "Python", "numpy": "NumPy", "blas": "BLAS", "torch": "PyTorch", "jax": "JAX"}
    told = [
        f"{name} {' and '.join(unique(run['versions'][key] for run in runs if key in run['versions']))}"
        for key, name in names.items()
        if any(key in run["versions"] for run in runs)
    ]
    dates = sorted({run["date"] for run in runs})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    return (
        f"Measured on {' and '.join(machines)} ({when}): {', '.join(told)}; float32. Every candidate has a "
        "process of its own, and they run in turns, so that a slow spell of the machine meets all of them. "
        'Times are medians; x2 means twice as fast, compared within turns. ("memory kept": with the options '
        "of malloc that `keep_memory` sets for tapegrad.)"
    )


def columns(sizes: Mapping[str, dict]) -> list[str]:
    """Candidates that could do at least one of the sizes."""
    names = unique(name for found in sizes.values() for name in found)
    return [name for name in names if any(get(found, name) for found in sizes.values())]


def get(found: Mapping[str, dict], name: str) -> dict | None:
    figures = found.get(name)
    return None if figures is None or "skipped" in figures else figures


def train_step(run: dict) -> str:
    names = columns(run["sizes"])
    rows = []
    for name in names:
        cells = []
        for found in run["sizes"].values():
            figures = get(found, name)
            cells.append(training_cell(figures, found, first=name == names[0]) if figures else "-")
        rows.append([name, *cells])
    texts = "; ".join(f"{size}: {task['text']}" for size, task in run["tasks"].items())
    lines = [
        f"A training step (forward, backward, AdamW) in milliseconds, and speed relative to {names[0]}; for "
        "the fastest candidate of a size, in brackets, the range over turns:",
        table(["", *run["sizes"]], rows),
        f"The models, from the same weights on the same batches: {texts}.",
    ]
    wrong = {size: names for size, names in run.get("differing", {}).items() if names}
    if wrong:
        lines.append(f"**The losses differ: {wrong}**")
    return "\n\n".join(lines)


def training_cell(figures: dict, found: Mapping[str, dict], first: bool) -> str:
    done = [other for other in found.values() if "median" in other]
    best = figures["median"] == min(other["median"] for other in done)
    text = milliseconds(figures["median"])
    if not first or best:
        text += f" {speed_text(figures, with_range=best and not first)}"
    return f"**{text}**" if best else text


def tiny(run: dict) -> str:
    names = columns(run["tiny"])
    rows = [
        [op, *(f"{1e6 * f['median']:.2f}" if (f := get(found, name)) else "-" for name in names)]
        for op, found in run["tiny"].items()
    ]
    text = "Overhead: microseconds an op in chains of 200 on 4 x 4 arrays, one thread:"
    return f"{text}\n\n{table(['', *names], rows)}"


def kernels(run: dict) -> str:
    sizes = [size for size in KERNEL_SIZES if run["kernels"].get(size)] or list(run["kernels"])
    names = unique(name for size in sizes for name in run["kernels"][size])
    rows = [[name, *(kernel_cell(run["kernels"][size].get(name, {})) for size in sizes)] for name in names]
    return (
        "Fused ops, forward and backward, at the shapes of these models: microseconds in tapegrad on one "
        f"Python thread with {run['threads']} of BLAS, and speed relative to PyTorch on {run['threads']} "
        f"threads (in brackets: both on one):\n\n{table(['', *sizes], rows)}"
    )


def array_ops(run: dict) -> str:
    names = columns(run["arrays"])
    rows = []
    for op, found in run["arrays"].items():
        cells = [milliseconds(f["median"]) if (f := get(found, name)) else "-" for name in names]
        ours, base = (get(found, f"{who}, 1 thread") for who in ("tapegrad", "torch"))
        rows.append([op, *cells, f"x{base['median'] / ours['median']:.2f}" if ours and base else "-"])
    told = run.get("arrays_on", run)  # measured alone, perhaps on another machine
    text = (
        "NumPy's functions with their gradients, forward and backward, in milliseconds, and speed relative "
        f"to PyTorch, both on one thread ({machine(told['machine'])}, {told['date']}):"
    )
    return f"{text}\n\n{table(['', *names, 'speed'], rows)}"


def long_attention(run: dict) -> str:
    names = columns(run["long"])
    rows = [
        [name, *(long_cell(get(found, column)) for column in names)] for name, found in run["long"].items()
    ]
    return (
        "Causal attention over long texts, forward and backward, in milliseconds, and MB that it takes at "
        f"the peak; memory grows with the length, not its square:\n\n{table(['', *names], rows)}"
    )


def long_cell(figures: dict | None) -> str:
    return f"{milliseconds(figures['median'])}, {figures['increase'] / 1e6:.0f} MB" if figures else "-"


def kernel_cell(found: Mapping[str, dict]) -> str:
    ours, single, base = (get(found, name) for name in ("tapegrad", "tapegrad, 1 thread", "torch, 1 thread"))
    if ours is None:
        return "-"
    text = f"{1e6 * ours['median']:,.0f} {speed_text(ours)}"
    return f"{text} ({base['median'] / single['median']:.2f})" if single and base else text


def memory(run: dict) -> str:
    names = columns(run["sizes"])
    rows = [[name, *(megabytes(get(found, name)) for found in run["sizes"].values())] for name in names]
    return (
        "Memory of training: MB resident at the peak, in brackets its increase over the moment before the "
        f"model is built:\n\n{table(['', *run['sizes']], rows)}"
    )


def megabytes(figures: dict | None) -> str:
    return f"{figures['peak'] / 1e6:.0f} ({figures['increase'] / 1e6:.0f})" if figures else "-"


def startup(run: dict) -> str:
    def mb(count: int | None) -> str:
        return "-" if count is None else f"{count / 1e6:,.1f}"

    rows = [
        [f"`import {name}`", f"{1e3 * r['median']:,.0f}", mb(r["memory"]), mb(r["disk"])]
        for name, r in run["modules"].items()
    ]
    text = "Start: import in a fresh process, memory after it, size on disk without dependencies:"
    return f"{text}\n\n{table(['', 'ms', 'MB resident', 'MB on disk'], rows)}"


def scaling(run: dict) -> str:
    axes = {"length": "the length of the text", "width": "the width", "batch": "the batch"}
    ranges = {axis: (min(points, key=int), max(points, key=int)) for axis, points in run["axes"].items()}
    told = ", ".join(f"{axes[axis]} ({least} to {most})" for axis, (least, most) in ranges.items())
    return f"Against {told}:\n\n![Time of a training step, tapegrad beside PyTorch](scaling.svg)"


def race(run: dict) -> str:
    found = run["results"]
    rows = [
        [name, f"{found[name]['steps']:,}", f"{found[name]['loss']:.3f}"] for name in columns({"": found})
    ]
    return (
        f"The training example's model on {run['text']}, trained for {run['minutes']:g} minutes each, from "
        "the same weights on the same batches with the same optimizer and schedule:"
        f"\n\n{table(['', 'steps', 'validation loss'], rows)}"
    )


def commands(found: Mapping[str, dict]) -> str:
    names = ", ".join(f"`python -m benchmarks.{name}`" for name in found)
    return (
        f"Measured by {names}, on a machine that does nothing else, after `pip install -e '.[bench]'`; "
        "`python -m benchmarks.report` writes this page."
    )


def page(found: Mapping[str, dict]) -> str:
    """docs/performance.md"""
    parts = ["# Performance"]
    if found.keys() - set(ALONE):
        parts.append(heading(found))
    if "train_step" in found:
        parts.append(train_step(found["train_step"]))
    if "race" in found:
        parts.append(race(found["race"]))
    if "tiny" in found.get("ops", {}):
        parts.append(tiny(found["ops"]))
    if "arrays" in found.get("ops", {}):
        parts.append(array_ops(found["ops"]))
    if "kernels" in found.get("ops", {}):
        parts.append(kernels(found["ops"]))
    if "long" in found.get("ops", {}):
        parts.append(long_attention(found["ops"]))
    pages = {"layers": layers, "data": data, "derivatives": derivatives, "generate": generate}
    for name in [name for name in ALONE if name in found]:
        run = found[name]
        parts.append(pages[name].page(run, f"{machine(run['machine'])}, {run['date']}"))
    parts += [make(found[name]) for name, make in LATER.items() if name in found]
    if found:
        parts.append(commands(found))
    return "\n\n".join(parts) + "\n"


LATER = {"memory": memory, "startup": startup, "scaling": scaling}


def section(found: Mapping[str, dict]) -> str:
    """The text between the README's markers."""
    lines = summary.lines(found)
    if not lines:
        return ""
    machines = " and ".join(unique(machine(run["machine"]) for n, run in found.items() if n not in ALONE))
    told = [f"Measured on {machines}; [docs/performance.md](docs/performance.md) has it all:\n"]
    told += [fill(line, 120, initial_indent="- ", subsequent_indent="  ") for line in lines]
    return "\n".join(told)


def replaced(text: str, made: str) -> str:
    """`text` with the section in place of what stood between the markers."""
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end or START in rest or END in after:
        raise SystemExit(f"the README needs the lines {START} and {END}, once each")
    return f"{before}{START}\n\n{made}\n\n{END}{after}" if made else f"{before}{START}\n{END}{after}"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file would change")
    parser.add_argument("--allow-quick", action="store_true", help="take results of quick runs too")
    parser.add_argument("--results", type=Path, default=RESULTS, help="default: %(default)s")
    parser.add_argument("--readme", type=Path, default=ROOT / "README.md", help="default: %(default)s")
    parser.add_argument("--page", type=Path, default=PAGE, help="default: %(default)s")
    args = parser.parse_args(argv)
    found = load(args.results, args.allow_quick)
    made = {
        args.readme: replaced(args.readme.read_text(encoding="utf-8"), section(found)),
        args.page: page(found),
    }
    for path, text in made.items():
        if not args.check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            raise SystemExit(f"{path} is not what the results give: run python -m benchmarks.report")


if __name__ == "__main__":
    main()
