"""Jacobians and Hessians, over one recorded run of the function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from . import trees
from .derivatives import like
from .forward import Linear
from .functions import Argnums, Run, check_function
from .ops.axes import moveaxis
from .ops.joining import stack
from .tensor import Tensor, wrap

MODES = ("auto", "reverse", "forward")
Blocks = list[list[Tensor]]  # for each output, for each input


def jacobian(f: Callable[..., Any], argnums: Argnums = 0, mode: str = "auto") -> Callable[..., Any]:
    """A function that returns the derivatives of all that f returns with respect to all of an argument.

    `jacobian(lambda x: x[:2] * x[2])(x)`, of shape (*output, *argument): a tree like what f returns, with a
    tree like the argument (or a tuple of them, for a tuple `argnums`) in place of each Tensor. f is run once.
    In "reverse" mode there is a backward pass for each number of the outputs, in "forward" mode one for each
    of the arguments; "auto" takes the fewer. Gradients for each sample of a batch are the Jacobian of a
    vector of losses. What is given and what raises is told by `grad`; ValueError for another mode.
    """
    check_function("jacobian", f, argnums)
    if mode not in MODES:
        raise ValueError(f"jacobian: mode is one of {', '.join(map(repr, MODES))}, not {mode!r}")

    @like(f, "jacobian")
    def derivative(*args: Any, **kwargs: Any) -> Any:
        run = Run("jacobian", f, args, kwargs, argnums, higher=mode != "reverse")
        rows, columns = [sum(t.size for t in some) for some in (run.outputs, run.inputs)]
        forward = mode == "forward" or (mode == "auto" and columns < rows)
        blocks = _by_columns(run) if forward else _by_rows(run)
        given = [run.as_arguments(list(map(run.given, row))) for row in blocks]
        return trees.build(run.out_form, iter(given))

    return derivative


def hessian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """A function that returns the second derivatives of f: the jacobian, in reverse mode, of its gradient.

    `hessian(lambda x: (x**3).sum())(x)`, of shape (*x.shape, *x.shape), preceded by that of what f returns
    where this is no single number; for a tree or several arguments, a tree of trees: found["w"]["b"]. The
    gradient is recorded once. What is given and what raises is told by `grad`.
    """
    check_function("hessian", f, argnums)
    return jacobian(jacobian(f, argnums, "reverse"), argnums, "reverse")


def _by_rows(run: Run) -> Blocks:
    """One backward pass for each element of the outputs."""
    blocks = []
    for y, seeds in units(run.outputs):
        rows = (run.pulled(some, retain_graph=True) for some in seeds)
        blocks.append(
            [r.reshape(y.shape + r.shape[1:]) for r in _stacked(rows, run.inputs, y.size, run.linked)]
        )
    return blocks


def _by_columns(run: Run) -> Blocks:
    """One product with the Jacobian for each element of the inputs."""
    product, found = Linear(run, run.recorder()), []
    for x, seeds in units(run.inputs):
        columns = (product(some, retain_graph=True) for some in seeds)
        blocks = []
        for c in _stacked(columns, run.outputs, x.size, run.linked):
            blocks.append(moveaxis(c, 0, -1).reshape(c.shape[1:] + x.shape))
        found.append(blocks)
    return [list(blocks) for blocks in zip(*found, strict=True)]


def units(like: Sequence[Tensor]) -> Iterator[tuple[Tensor, Iterator[list[Tensor | None]]]]:
    """Each of `like`, and for each of its elements 1 there, 0 beside it, and None for the others."""

    def ones(k: int) -> Iterator[list[Tensor | None]]:
        for i in range(like[k].size):
            unit = np.zeros_like(like[k].data, order="C")
            unit.reshape(-1)[i] = 1
            yield [wrap(unit, None) if j == k else None for j in range(len(like))]

    return ((x, ones(k)) for k, x in enumerate(like))


def _stacked(vectors: Iterator, like: Sequence[Tensor], n: int, linked: bool) -> list[Tensor]:
    """For each of `like` the `n` parts that `vectors` have for it, one below the other."""
    if linked and n:
        return [stack(parts) for parts in zip(*vectors, strict=True)]
    stacks = [np.empty((n, *x.shape), x.dtype) for x in like]
    for i, parts in enumerate(vectors):
        for rows, part in zip(stacks, parts, strict=True):
            rows[i] = part.data
    return [wrap(rows, None) for rows in stacks]
