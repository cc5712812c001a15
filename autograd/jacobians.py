"""Jacobians and Hessians, over one recorded run of the function."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from . import engine, trees
from .derivatives import like
from .forward import Linear
from .functions import Argnums, Run, check_function
from .ops.axes import moveaxis
from .ops.joining import stack
from .samples import Samples
from .stacked import WIDEST, Stacked, rerun_stacked
from .tensor import Tensor, wrap

MODES = ("auto", "reverse", "forward")
Blocks = list[list[Tensor]]  # for each output, for each input


def jacobian(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, mode: str = "auto"
) -> Callable[..., Any]:
    """A function that returns the derivatives of all that f returns with respect to all of an argument.

    `jacobian(lambda x: x[:2] * x[2])(x)`, of shape (*output, *argument): a tree like what f returns, with a
    tree like the argument (or a tuple of them, for a tuple `argnums`) in place of each Tensor. f is run once.
    In "reverse" mode there is a backward pass for each number of the outputs, in "forward" mode one for each
    of the arguments; "auto" takes the fewer, and reverse where an op has a first derivative only. Many passes
    are made at once where the ops allow it. Gradients for each sample of a batch are the Jacobian of a vector
    of losses. With `has_aux` f returns (value, aux), and the result is (jacobian, aux). What is given and
    what raises is told by `grad`; ValueError for another mode.
    """
    check_function("jacobian", f, argnums)
    if mode not in MODES:
        raise ValueError(f"jacobian: mode is one of {', '.join(map(repr, MODES))}, not {mode!r}")

    @like(f, "jacobian")
    def derivative(*args: Any, **kwargs: Any) -> Any:
        run = Run("jacobian", f, args, kwargs, argnums, has_aux, higher=True)
        rows, columns = [sum(t.size for t in some) for some in (run.outputs, run.inputs)]
        forward = mode == "forward" or (mode == "auto" and columns < rows and _twice(run))
        blocks = _by_columns(run) if forward else _by_rows(run)
        given = [run.as_arguments(list(map(run.given, row))) for row in blocks]
        found = trees.build(run.out_form, iter(given))
        return (found, run.given_aux()) if has_aux else found

    return derivative


def hessian(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns the second derivatives of f: the jacobian, in reverse mode, of its gradient.

    `hessian(lambda x: (x**3).sum())(x)`, of shape (*x.shape, *x.shape), preceded by that of what f returns
    where this is no single number; for a tree or several arguments, a tree of trees: found["w"]["b"]. The
    gradient is recorded once. With `has_aux` f returns (value, aux), and the result is (hessian, aux). What
    is given and what raises is told by `grad`.
    """
    check_function("hessian", f, argnums)
    return jacobian(jacobian(f, argnums, has_aux, mode="reverse"), argnums, has_aux, mode="reverse")


def _twice(run: Run) -> bool:
    """Whether all that was recorded can be differentiated again, as forward mode does."""
    nodes = engine.reachable([y.edge for y in run.outputs])
    return not any(node.op is not None and node.op.facts.once for node in nodes)


def _by_rows(run: Run) -> Blocks:
    """One backward pass for each element of the outputs, or for many at once."""
    blocks = []
    for y, seeds in units(run.outputs):
        found = None if run.linked else of_samples(y, run.inputs) or in_stacks(y, run.inputs)
        if found is None:
            rows = (run.pulled(some, retain_graph=True) for some in seeds)
            found = _piled(rows, run.inputs, y.size, run.linked)
        blocks.append([r.reshape(y.shape + r.shape[1:]) for r in found])
    return blocks


def _by_columns(run: Run) -> Blocks:
    """One product with the Jacobian for each element of the inputs, or for many at once."""
    product, blocks = Linear(run, run.recorder(), higher=True), []
    for (x, seeds), row in zip(units(run.inputs), product.rows, strict=True):
        found = None if run.linked or row is None else in_stacks(row, product.seeds)
        if found is None:
            columns = (product(some, retain_graph=True) for some in seeds)
            found = _piled(columns, run.outputs, x.size, run.linked)
        block = [moveaxis(c, 0, -1).reshape(c.shape[1:] + x.shape) for c in found]
        blocks.append([wrap(b.data.copy(), b.edge) for b in block])  # in the usual order
    return [list(column) for column in zip(*blocks, strict=True)]


def in_stacks(y: Tensor, inputs: Sequence[Tensor]) -> list[Tensor] | None:
    """For each of `inputs` the gradients of all elements of `y`, one below the other, by few walks.

    None where that pays not, or cannot be done.
    """
    nodes = list(engine.reachable([y.edge]))
    widest = max([math.prod(shape) for node in nodes for shape in node.shapes], default=0)
    height = min(y.size, WIDEST // max(widest, 1))
    if height < 2 or any(node.hooks for node in nodes):
        return None
    piles = [np.zeros((y.size, *x.shape), x.dtype) for x in inputs]
    found: dict[Any, Any] = {x.edge: None for x in inputs}
    for start in range(0, y.size, height):
        n = min(height, y.size - start)
        seed = Stacked(np.eye(n, y.size, start, y.dtype).reshape(n, *y.shape), n)
        try:
            engine.walk([y.edge], [seed], run=rerun_stacked, retain_graph=True, targets=found)
        except Exception:  # whatever a body does not do with stacks it does one by one
            return None
        for pile, x in zip(piles, inputs, strict=True):
            if (g := found[x.edge]) is not None:
                pile[start : start + n] = g.data if isinstance(g, Stacked) else g
    return [wrap(pile, None) for pile in piles]


def of_samples(y: Tensor, inputs: Sequence[Tensor]) -> list[Tensor] | None:
    """The same where the first axis of `y` has samples that no op adds up; None where they are not apart."""
    if y.ndim == 0 or y.shape[0] < 2 or not y.size:
        return None
    if any(node.hooks for node in engine.reachable([y.edge])):
        return None
    n, rest = y.shape[0], y.shape[1:]
    c = math.prod(rest)
    ones = np.broadcast_to(np.eye(c, dtype=y.dtype).reshape(c, 1, *rest), (c, n, *rest))
    found: dict[Any, Any] = {x.edge: None for x in inputs}
    seed = Samples(ones, 0, n)  # of memory that is not written to
    try:
        engine.walk([y.edge], [seed], run=rerun_stacked, retain_graph=True, targets=found)
        return [wrap(_rows(found[x.edge], x, y.size), None) for x in inputs]
    except Exception:  # as in in_stacks
        return None


def _rows(g: Any, x: Tensor, n: int) -> np.ndarray:
    if isinstance(g, Stacked):
        g = g.dense(math.inf).data
    return np.zeros((n, *x.shape), x.dtype) if g is None else np.broadcast_to(g, (n, *x.shape)).copy()


def units(like: Sequence[Tensor]) -> Iterator[tuple[Tensor, Iterator[list[Tensor | None]]]]:
    """Each of `like`, and for each of its elements 1 there, 0 beside it, and None for the others."""

    def ones(k: int) -> Iterator[list[Tensor | None]]:
        for i in range(like[k].size):
            unit = np.zeros_like(like[k].data, order="C")
            unit.reshape(-1)[i] = 1
            yield [wrap(unit, None) if j == k else None for j in range(len(like))]

    return ((x, ones(k)) for k, x in enumerate(like))


def _piled(vectors: Iterator, like: Sequence[Tensor], n: int, linked: bool) -> list[Tensor]:
    """For each of `like` the `n` parts that `vectors` have for it, one below the other."""
    if linked and n:
        return [stack(parts) for parts in zip(*vectors, strict=True)]
    stacks = [np.empty((n, *x.shape), x.dtype) for x in like]
    for i, parts in enumerate(vectors):
        for rows, part in zip(stacks, parts, strict=True):
            rows[i] = part.data
    return [wrap(rows, None) for rows in stacks]
