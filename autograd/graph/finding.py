"""The errors of `detect_nan`: which op it was, where in the arrays, and what stood there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import engine, versions
from ..arguments import flat
from . import units
from .calls import call_tree, find_names
from .collect import argument_names

AROUND = 2  # numbers shown on each side


@dataclass
class Bad:
    """Nan or inf that was found in one of several arrays."""

    kind: str
    number: int  # of the array
    array: Any
    marks: Any  # where in it

    @property
    def index(self) -> tuple[int, ...]:
        """Of the first of them."""
        return tuple(map(int, np.unravel_index(int(np.argmax(self.marks)), np.shape(self.marks))))

    def __str__(self) -> str:
        count = int(np.sum(self.marks))
        many = f", {count:,} of {np.size(self.marks):,} elements" if np.size(self.marks) > 1 else ""
        return f"{_at(self.array, self.index)}{many}"


# ------------------------------------------------------------------ errors


def made(node: engine.Node, recipe, bad: Bad, origin: str = "") -> FloatingPointError:
    """An op gave what its inputs did not have."""
    out = _of_several("output", bad.number, len(node.shapes))
    source = f"inf, which came in {origin}" if origin else "finite numbers"
    lines = [f"{out} {_kind(bad.array)}: {bad}", *_inputs(named(node, recipe), bad)]
    return _error(node, f"{called(node)} made {_value(bad)} out of {source}", lines, _hint(node, bad))


def made_backward(node: engine.Node, bad: Bad, g: Any) -> FloatingPointError:
    """The backward of an op did, out of a finite gradient (None of an op with several outputs)."""
    if node.recipe is not None:
        known = list(named(node, node.recipe))
        names = [name for name, _ in known]
    else:
        known = [(f"{name} (saved)", a) for name, a in versions.saved_arrays(node)]
        names = list(argument_names(node.op))
    name = names[bad.number] if len(names) >= len(node.edges) else f"input {bad.number}"
    known += [] if g is None else [("the gradient that arrives,", g)]
    lines = [f"gradient of {name}, {_kind(bad.array)}: {bad}", *_inputs(known, bad)]
    text = f"the backward of {called(node)} made {_value(bad)} out of finite numbers"
    return _error(node, text, lines, _hint(node, bad, "backward"))


def entered(node: engine.Node, recipe, number: int, kind: str) -> FloatingPointError:
    """An op handed on what one of its inputs had from the start."""
    array = flat(recipe.arrays)[number]
    bad = Bad(kind, number, array, np.isnan(array) if kind == "nan" else np.isinf(array))
    edge = node.edges[number]
    what = "a constant: look at the data"
    if edge is not None:
        leaf = edge[0]
        name = find_names([node, leaf]).of(leaf)
        what = f"parameter {name!r}" if name else "a leaf that requires a gradient"
        if leaf.op is not None:
            what = f"the result of {leaf.name}, which was not watched, or was written to since"
    text = f"{kind} came in {place_of(node, recipe, number)}, {what}"
    return _error(node, text, [f"{_kind(array)}: {bad}"], "")


def infinite(node: engine.Node, origin: str) -> FloatingPointError:
    """The loss is inf."""
    return _error(node, f"backward starts at inf, given by {called(node)}; it came in {origin}", [], "")


def arrived(node: engine.Node, bad: Bad, is_root: bool) -> FloatingPointError:
    """A gradient had it although no backward made it."""
    why = "backward was given it" if is_root else "the sum of several gradients overflowed, or a hook gave it"
    text = f"the gradient that arrives at {called(node)} is {_value(bad)}: {why}"
    return _error(node, text, [f"{_kind(bad.array)}: {bad}"], "")


def _error(node: engine.Node, text: str, lines: list[str], hint: str) -> FloatingPointError:
    error: Any = FloatingPointError("\n  ".join([text, *lines, *[hint] * bool(hint)]))
    error.node = failed = engine.new_node(node.op, node.edges, None, [], [])
    failed.scope = node.scope
    for name in ("attributes", "constants"):
        if hasattr(node, name):
            setattr(failed, name, getattr(node, name))
    return error


# ------------------------------------------------------------------ in words


def called(node: engine.Node) -> str:
    """The op, and the module that called it."""
    call = call_tree([node])[1][0]
    inside = f"{call.kind} {call.path!r}" if call.path else call.kind
    return f"{node.name} in {inside}" if inside else node.name


def place_of(node: engine.Node, recipe, number: int) -> str:
    """One of its inputs, by name."""
    return f"as argument {list(named(node, recipe))[number][0]!r} of {called(node)}"


def named(node: engine.Node, recipe) -> Iterator[tuple[str, Any]]:
    """The inputs of an op, those in a list each for itself, by the names of its parameters."""
    for name, value in zip(argument_names(node.op), recipe.arrays, strict=False):
        if isinstance(value, list):
            yield from ((f"{name}[{i}]", a) for i, a in enumerate(value))
        else:
            yield name, value


def _of_several(name: str, number: int, count: int) -> str:
    return f"{name} {number}" if count > 1 else name


def _kind(a: Any) -> str:
    return f"{tuple(np.shape(a))} {a.dtype}" if hasattr(a, "dtype") else "number"


def _value(bad: Bad) -> str:
    return "nan" if bad.kind == "nan" else str(float(bad.array[bad.index]))


def _inputs(arrays, bad: Bad) -> Iterator[str]:
    """A line for each: the number that belongs to the bad one, where the shapes say which, and the range."""
    for name, a in arrays:
        if not hasattr(a, "dtype"):
            yield f"{name} = {units.number(a)}"
            continue
        shown = _place(a, bad)
        said = [_at(a, shown)] if shown is not None else []
        if a.dtype.kind == "f" and a.size > 1:
            said.append(f"from {_digits(np.min(a))} to {_digits(np.max(a))}")
        yield f"{name} {_kind(a)}: {', '.join(said)}".removesuffix(": ")


def _place(a: Any, bad: Bad) -> tuple[int, ...] | None:
    """Of the number that belongs to the bad one, if shapes broadcast; else of one that is not finite."""
    target = np.shape(bad.array)
    lead = len(target) - a.ndim
    if lead >= 0 and all(n in (1, m) for n, m in zip(a.shape, target[lead:], strict=True)):
        return tuple(i if n > 1 else 0 for i, n in zip(bad.index[lead:], a.shape, strict=True))
    if a.dtype.kind == "f" and not np.isfinite(a).all():
        return Bad(bad.kind, 0, a, ~np.isfinite(a)).index
    return None


def _at(a: Any, index: tuple[int, ...]) -> str:
    """The number there, between those beside it in the last axis."""
    if not index:
        return _digits(a[()])
    *outer, i = index
    row = a[tuple(outer)]
    low, high = max(0, i - AROUND), min(len(row), i + AROUND + 1)
    beside = [f">{_digits(x)}<" if n == i else _digits(x) for n, x in enumerate(row[low:high], low)]
    beside = ["…"] * (low > 0) + beside + ["…"] * (high < len(row))
    place = f"{_digits(row[i])} at {list(index)}"
    return f"{place}, between {' '.join(beside)}" if len(row) > 1 else place


def _digits(x: Any) -> str:
    return f"{float(x):.4g}" if getattr(x, "dtype", np.dtype(bool)).kind == "f" else str(x)


# ------------------------------------------------------------------ what is usual

LOG = "the log of 0 is -inf and of less than 0 nan: clip the argument, or use xlogy or log_softmax"
DIVISION = "a number divided by 0 is inf, and 0/0 is nan: keep the denominator away from 0"
ROOT = "the slope at 0 is inf: add a small number under the root"
EXP = "exp overflows above {log:.4g} in {dtype}: subtract the maximum first, as softmax and logsumexp do"
RANGE = "{dtype} ends at {max:.5g}: scale down, or compute this in float32"
DOMAIN = "it is defined from -1 to 1, and its slope is inf at the ends: clip the argument"
POWER = "a fractional power of less than 0 is nan, and one below 0 of 0 is inf, as is the slope below 1"
NEGATIVE = "the root of less than 0 is nan: use np.maximum(x, 0), or look at how it became so"
HINTS = {
    "forward": {
        **dict.fromkeys(("log", "log2", "log10", "log1p"), LOG),
        **dict.fromkeys(("exp", "exp2", "expm1", "sinh", "cosh"), EXP),
        **dict.fromkeys(("arcsin", "arccos", "arctanh"), DOMAIN),
        **{"divide": DIVISION, "reciprocal": DIVISION, "power": POWER, "sqrt": NEGATIVE},
    },
    "backward": {"sqrt": ROOT, "divide": DIVISION, "power": POWER, "arcsin": DOMAIN, "arccos": DOMAIN},
}


def _hint(node: engine.Node, bad: Bad, way: str = "forward") -> str:
    """What is usual for this op, if anything is."""
    found = HINTS[way].get(node.name, "")
    if not found and bad.kind == "inf" and bad.array.dtype == np.float16:
        found = RANGE
    info = np.finfo(bad.array.dtype)
    text = found.format(log=np.log(float(info.max)), dtype=bad.array.dtype, max=float(info.max))
    return f"({text})" if text else ""
