"""What is in a file of weights: names, dtypes, shapes and sizes, from its header alone; sums if asked."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from math import isfinite, prod
from typing import Any

SUMMARY = "List the weights in a file or folder: names, dtypes, shapes, bytes, sums."
EXAMPLE = """\
examples:
  tapegrad inspect model.safetensors
  tapegrad inspect gpt2/ --sums --match attn
  tapegrad inspect pytorch_model.bin --json | jq .name

Without --sums the numbers are not read, so that a file of any size is listed
at once. Files of torch.save are read without executing what is in them."""
COLUMNS = ("name", "dtype", "shape", "bytes")
MEASURES = ("sum", "min", "max")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "path",
        metavar="PATH",
        help="a .safetensors file, one of torch.save (.bin, .pt), an index of several, or a folder",
    )
    parser.add_argument(
        "--sums", action="store_true", help="read all numbers, for their sum, least and greatest (nan: shown)"
    )
    parser.add_argument("--match", metavar="TEXT", default="", help="only names that contain TEXT")
    parser.add_argument("--entry", metavar="NAME", help="the entry of a torch.save file that has the weights")
    parser.add_argument(
        "--json",
        action="store_true",
        help="a line of JSON for each, in place of a table; nan and inf are null",
    )


def run(args: Namespace) -> None:
    from ..nn import load_weights

    weights = load_weights(args.path, entry=args.entry)
    rows = list(listed(weights, args.match))
    if args.match and not rows:
        raise ValueError(
            f"{args.path}: no name contains {args.match!r}; there are {len(weights)} without --match"
        )
    if args.json:
        for row in rows:
            found = measured(weights[row["name"]]).items() if args.sums else ()
            print(json.dumps(row | {name: x if isfinite(x) else None for name, x in found}))
        return
    widths = [max(len(text(row[c])) for row in [{c: c}, *rows]) for c in COLUMNS]
    show([*COLUMNS, *(MEASURES if args.sums else ())], widths)
    for row in rows:
        numbers = measured(weights[row["name"]]).values() if args.sums else ()
        tied = f"  = {row['tied_to']}" if "tied_to" in row else ""
        show([text(row[c]) for c in COLUMNS] + [f"{number:.6g}" for number in numbers], widths, tied)
    print(total(rows))


def listed(weights: Any, match: str) -> Iterator[dict[str, Any]]:
    """A row for each weight, in the order of the file; `tied_to` names one before that is the same bytes."""
    from ..nn.stored import code_of, itemsize

    first: dict[int, str] = {}
    for name, value in weights.held.items():
        if match in name:
            code, count = code_of(value), prod(value.shape)
            each = itemsize(code) or value.dtype.itemsize
            row = {"name": name, "dtype": code, "shape": list(value.shape), "bytes": count * each}
            kept = first.setdefault(id(value), name)
            yield row if kept == name else row | {"tied_to": kept}


def measured(array: Any) -> dict[str, float]:
    """Sum, least and greatest; nan where one of the numbers is, and of nothing."""
    import numpy as np

    if not array.size:
        return dict.fromkeys(MEASURES, float("nan")) | {"sum": 0.0}
    with np.errstate(invalid="ignore", over="ignore"):
        if array.dtype.kind == "c":
            array = np.abs(array)
        wide = np.float64 if array.dtype.kind in "fc" else None
        return {"sum": float(array.sum(dtype=wide)), "min": float(array.min()), "max": float(array.max())}


def text(value: Any) -> str:
    return "x".join(map(str, value)) or "()" if isinstance(value, list) else str(value)


def show(cells: list[str], widths: list[int], more: str = "") -> None:
    """A line of the table: texts to the left, numbers to the right."""
    padded = [
        cell.ljust(width) if i < 3 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths + [13] * (len(cells) - len(widths)), strict=True))
    ]
    sys.stdout.write("  ".join(padded).rstrip() + more + "\n")


def total(rows: list[dict[str, Any]]) -> str:
    """One line: how many weights, numbers and bytes; what is tied counts once."""
    from ..autograd.graph.units import nbytes

    own = [row for row in rows if "tied_to" not in row]
    numbers = sum(prod(row["shape"]) for row in own)
    kinds = ", ".join(sorted({row["dtype"] for row in own})) or "nothing"
    tied = f", {len(rows) - len(own)} more names of the same" if len(own) < len(rows) else ""
    size = nbytes(sum(row["bytes"] for row in own))
    return f"{len(own):,} tensors of {kinds}{tied}: {numbers:,} numbers, {size}"
