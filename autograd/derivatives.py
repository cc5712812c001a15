"""Gradients as values rather than in `.grad`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from . import engine
from .engine import Node
from .modes import enable_grad, higher_order
from .once import gradients_again
from .sparse import SparseRows
from .tensor import Tensor, seed_for, wrap


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | np.ndarray | Sequence[Tensor | np.ndarray | None] | None = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """Gradients of the sum of `outputs` with respect to each of `inputs`; no `.grad` is touched.

    `grad_outputs` has one gradient for each output (needed where it is not a single number). With
    `create_graph` the result can be differentiated again, to any order; everything that leads to `outputs`
    must have been run under `higher_order()`. `retain_graph` is `create_graph` unless given. RuntimeError
    where nothing was recorded, or for an input that the outputs do not depend on, which `allow_unused` makes
    `None`; ValueError where the number of `grad_outputs` or a shape is wrong; TypeError
    for what is no Tensor. A gradient that would be sparse in `.grad` comes as a whole.
    """
    outputs, inputs = _tensors("outputs", outputs), _tensors("inputs", inputs)
    given = [None] * len(outputs) if grad_outputs is None else grad_outputs
    given = [given] if isinstance(given, (Tensor, np.ndarray)) else list(given)
    if len(given) != len(outputs):
        raise ValueError(f"{len(given)} grad_outputs for {len(outputs)} outputs")
    for i, x in enumerate(inputs):
        if x.edge is None:
            raise RuntimeError(f"input {i} (shape {x.shape}) does not require a gradient")
    if all(y.edge is None for y in outputs):
        raise RuntimeError("the outputs have no graph: nothing they depend on requires a gradient")
    seeds = [seed_for(y, g) for y, g in zip(outputs, given, strict=True)]
    if create_graph:
        seeds = [s if isinstance(s, Tensor) else wrap(s, None) for s in seeds]
    else:
        seeds = [s.data if isinstance(s, Tensor) else s for s in seeds]
    found = {x.edge: None for x in inputs}
    with ExitStack() as modes:
        if create_graph:  # sums of gradients are recorded too
            modes.enter_context(enable_grad())
            modes.enter_context(higher_order())
        engine.walk(
            [y.edge for y in outputs],
            seeds,
            run=rerun if create_graph else None,
            retain_graph=create_graph if retain_graph is None else retain_graph,
            targets=found,
        )
    for i, x in enumerate(inputs):
        if found[x.edge] is None and not allow_unused:
            raise RuntimeError(
                f"input {i} (shape {x.shape}) does not reach the outputs; allow_unused=True gives None"
            )
    return tuple(_own(found[x.edge]) for x in inputs)


def _tensors(name: str, given: Any) -> list[Tensor]:
    """One Tensor or several as a list; TypeError for anything else."""
    found = list(given) if isinstance(given, (list, tuple)) else [given]
    if not all(isinstance(x, Tensor) for x in found):
        what = "a function" if callable(given) else type(given).__name__
        raise TypeError(
            f"grad: {name} is {what}, and must be a Tensor or a list of them: y = f(x), then grad(y, x), "
            "with x = Tensor(..., requires_grad=True)"
        )
    return found


def _own(g) -> Tensor | None:
    """A gradient as a Tensor that is nobody else's."""
    if g is None:
        return None
    if isinstance(g, SparseRows):
        return wrap(g.to_dense(), None)
    return wrap(g.data.copy(), g.edge) if isinstance(g, Tensor) else wrap(g.copy(), None)


def rerun(node: Node, g):
    """Gradients of a node's inputs as Tensors: its plain body again, on Tensors, and that run's backward."""
    if node.recipe is None:
        raise RuntimeError(
            f"create_graph needs the inputs of {node.name}: run the forward under `with higher_order():`"
        )
    edges = iter(node.edges)

    def lift(array):
        edge = next(edges)
        return wrap(array, edge) if hasattr(array, "shape") else array

    arrays = node.recipe.arrays
    lifted = [[lift(a) for a in array] if isinstance(array, list) else lift(array) for array in arrays]
    return gradients_again(node, lifted, g)
