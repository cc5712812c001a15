"""How einsum multiplies: one array is moved and summed, two go through matmul, more through NumPy's loop.

What is done depends on letters and shapes alone, and is looked up for those that were met before.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

ELEMENTS, DOT, ROWS, LOOP, MATRICES = range(5)


class Alone(NamedTuple):
    """What happens to one array; None for nothing."""

    diagonals: tuple = ()  # pairs of axes that become one, the last
    narrow: tuple | None = None  # axes of length 1 to drop
    summed: tuple | None = None  # axes to sum over, after that
    order: tuple | None = None  # of the axes, after that
    copy: bool = False  # whether matmul would otherwise find no axis whose elements are neighbours
    shape: tuple | None = None


class Pair(NamedTuple):
    """What happens to two arrays."""

    kind: int
    a: Alone
    b: Alone
    subscripts: str = ""
    swap: bool = False  # matmul(b, a)
    shape: tuple | None = None  # of the product
    order: tuple | None = None  # of its axes, after that


@np.errstate(over="ignore", under="ignore", invalid="ignore")  # as np.einsum, which says nothing of them
def product(terms: tuple[str, ...], output: str, arrays: Any) -> Any:
    """The sum over all letters of `terms` that are not in `output`; its letters are distinct."""
    shapes = tuple([getattr(x, "shape", ()) for x in arrays])
    if len(arrays) == 1:
        plan = _alone(terms[0], shapes[0], output, output)
        if plan.summed is None:
            return np.einsum(f"{terms[0]}->{output}", *arrays)  # a view that can be written through
        return _prepared(arrays[0], plan)
    if len(arrays) > 2:
        lengths_of(terms, output, shapes)
        return np.einsum(f"{','.join(terms)}->{output}", *arrays, optimize=False)
    pair = _pair(*terms, output, *shapes)
    a, b = _prepared(arrays[0], pair.a), _prepared(arrays[1], pair.b)
    if pair.kind is MATRICES:
        y = b @ a if pair.swap else a @ b
    elif pair.kind is ELEMENTS:
        y = a * b
    elif pair.kind is ROWS:
        y = np.vecdot(a, b)
    elif pair.kind is DOT:
        y = np.vdot(a, b)
    else:
        y = np.einsum(pair.subscripts, a, b)
    if pair.shape is not None:
        y = y.reshape(pair.shape)
    return y if pair.order is None else y.transpose(pair.order)


def _prepared(x, plan):
    diagonals, narrow, summed, order, copy, shape = plan
    for i, j in diagonals:
        x = np.diagonal(x, 0, i, j)
    if narrow is not None:
        x = x.squeeze(narrow)
    if summed is not None:
        x = np.add.reduce(x, summed, None if x.dtype.kind == "f" else x.dtype)
    if order is not None:
        x = x.transpose(order)
    if copy:
        x = x.copy("C")
    return x if shape is None else x.reshape(shape)


def lengths_of(terms, output, shapes) -> dict[str, int]:
    """For each letter the length of its axes, of which some may be 1. ValueError where they differ."""
    lengths: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for i, (letter, n) in enumerate(zip(term, shape, strict=True)):
            first = term.index(letter)
            known = lengths.get(letter, n) if first == i else shape[first]
            if n != known and (first < i or 1 not in (n, known)):
                raise ValueError(
                    f"einsum: in '{','.join(terms)}->{output}' axes of lengths {known} and {n} are both "
                    f"called {letter!r}"
                )
            if n != 1 or letter not in lengths:
                lengths[letter] = n
    return lengths


@lru_cache(maxsize=512)
def _alone(term, shape, kept, wanted):
    """How one array is summed to the letters `kept`, a part of its own, in the order `wanted`."""
    lengths = lengths_of((term,), wanted, (shape,))
    diagonals = []
    while len(set(term)) < len(term):
        letter = next(c for c in term if term.count(c) > 1)
        i = term.index(letter)
        j = term.index(letter, i + 1)
        diagonals.append((i, j))
        term = term[:i] + term[i + 1 : j] + term[j + 1 :] + letter
    narrow = tuple([i for i, c in enumerate(term) if c not in kept and lengths[c] == 1])
    term = "".join(c for i, c in enumerate(term) if i not in narrow)
    summed = tuple([i for i, c in enumerate(term) if c not in kept])
    term = "".join(c for c in term if c in kept)
    order = tuple([term.index(c) for c in wanted])
    return Alone(tuple(diagonals), narrow or None, summed or None, None if term == wanted else order)


@lru_cache(maxsize=512)
def _pair(a, b, output, a_shape, b_shape):
    """How a product of two arrays is made."""
    lengths = lengths_of((a, b), output, (a_shape, b_shape))

    def wide(term, shape):  # letters along which it is not merely repeated
        return "".join(dict.fromkeys(c for c, n in zip(term, shape, strict=True) if n == lengths[c]))

    x, y = wide(a, a_shape), wide(b, b_shape)
    kept_x = "".join(c for c in x if c in output or c in y)
    kept_y = "".join(c for c in y if c in output or c in x)
    both = [c for c in output if c in x and c in y]
    shared = [c for c in kept_x if c in y and c not in output]
    own_x, own_y = [c for c in kept_x if c not in y], [c for c in kept_y if c not in x]

    def alone(term, shape, kept, order, groups=None, copy=False):
        plan = _alone(term, shape, kept, "".join(order))
        return plan if groups is None else plan._replace(copy=copy, shape=_grouped(groups, lengths))

    if not shared and own_x and own_y:
        return Pair(
            LOOP,
            alone(a, a_shape, kept_x, kept_x),
            alone(b, b_shape, kept_y, kept_y),
            f"{kept_x},{kept_y}->{output}",
        )
    if not shared:
        in_x, in_y = [c for c in output if c in x], [c for c in output if c in y]
        shapes = [[[c] if c in order else [] for c in output] for order in (in_x, in_y)]
        return Pair(
            ELEMENTS,
            alone(a, a_shape, kept_x, in_x, shapes[0] if in_x and len(in_x) < len(output) else None),
            alone(b, b_shape, kept_y, in_y, shapes[1] if in_y and len(in_y) < len(output) else None),
        )
    if not own_x and not own_y:
        return _of_alike(alone, a, b, a_shape, b_shape, kept_x, kept_y, shared, output)
    swap = bool(output) and output[-1] in own_x  # so that the result is in order, or nearly
    vector_x, vector_y = not both and not own_x, not both and not own_y
    axes = [[c] for c in both]
    plan_x = alone(
        a, a_shape, kept_x,
        [*both, *(shared + own_x if swap else own_x + shared)],
        _sides(axes, own_x, shared, swap, vector_x),
        _apart(kept_x, both),
    )  # fmt: skip
    plan_y = alone(
        b, b_shape, kept_y,
        [*both, *(own_y + shared if swap else shared + own_y)],
        _sides(axes, own_y, shared, not swap, vector_y),
        _apart(kept_y, both),
    )  # fmt: skip
    made = [*both, *(own_y + own_x if swap else own_x + own_y)]
    shape = tuple([lengths[c] for c in made])
    flat = len(own_x) == 1 and len(own_y) == 1 or (not both and len(own_x) + len(own_y) == 1)
    order = tuple([made.index(c) for c in output])
    return Pair(
        MATRICES, plan_x, plan_y, "", swap, None if flat else shape, None if made == [*output] else order
    )


def _grouped(groups, lengths):
    return tuple([math.prod([lengths[c] for c in group]) for group in groups])


def _sides(axes, own, shared, transposed, vector):
    """The axes of a stack of matrices, each a list of letters; of one vector only the shared one."""
    if vector:
        return [shared]
    return [*axes, shared, own] if transposed else [*axes, own, shared]


def _apart(kept, both):
    """Whether neighbours in memory belong to different products, so that no BLAS can take them."""
    return bool(both) and kept[-1] in both


def _of_alike(alone, a, b, a_shape, b_shape, x, y, shared, output):
    """Two arrays of the same letters: dot products."""
    both = [c for c in x if c not in shared]
    if not both:
        return Pair(DOT, alone(a, a_shape, x, x), alone(b, b_shape, y, x))
    if list(x) == both + shared:
        groups = [*([c] for c in both), shared]
        return Pair(
            ROWS,
            alone(a, a_shape, x, x, groups if len(shared) > 1 else None),
            alone(b, b_shape, y, x, groups if len(shared) > 1 else None),
            order=None if both == [*output] else tuple([both.index(c) for c in output]),
        )
    return Pair(LOOP, alone(a, a_shape, x, x), alone(b, b_shape, y, y), f"{x},{y}->{output}")
