"""Walks down the graph whose gradients are values, and may be recorded themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from . import engine
from .engine import Node
from .modes import GradientScopes, Switch
from .once import Known, gradients_again
from .recompute import checkpoint
from .sparse import SparseRows
from .tensor import Tensor, wrap


def pull(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    seeds: Sequence[Any],
    *,
    run: Callable[[Node, Any], Any] | None = None,
    retain_graph: bool = False,
) -> list[Tensor | None]:
    """For each input its gradient, a Tensor that is nobody else's, or None where no output depends on it.

    Without `run`, which is `rerun` or `rerun_linear` and records, the `seeds` are arrays.
    """
    found: dict[Any, Any] = {x.edge: None for x in inputs}
    how: dict[str, Any] = {"retain_graph": retain_graph, "targets": found}
    with ExitStack() as scopes:
        if run is not None:
            run = scopes.enter_context(GradientScopes()).around(run)
            scopes.enter_context(Switch(again=Known(lasting=retain_graph)))
        engine.walk([y.edge for y in outputs], seeds, run=run, **how)
    return [own(found[x.edge]) for x in inputs]


def own(g: Any) -> Tensor | None:
    """A gradient as a Tensor that is nobody else's."""
    if g is None:
        return None
    if isinstance(g, SparseRows):
        return wrap(g.to_dense(), None)
    return wrap(g.data.copy(), g.edge) if isinstance(g, Tensor) else wrap(g.copy(), None)


def recording(higher: bool) -> Switch:
    """The mode for a walk that is recorded; with `higher` what it records can be walked so again."""
    return Switch(grad=True, recipes=True) if higher else Switch(grad=True)


def walked(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    seeds: Sequence[Tensor | None],
    recorder: Callable | None,
    retain_graph: bool = False,
) -> list[Tensor]:
    """The gradients of `inputs`, recorded by `recorder` if there is one.

    Where no path leads from an output to an input they are zero: the outputs are functions of the inputs.
    """
    if recorder is not None:
        with recording(higher=True):
            found = pull(outputs, inputs, seeds, run=recorder, retain_graph=True)
    else:
        arrays = [None if s is None else s.data for s in seeds]
        found = pull(outputs, inputs, arrays, retain_graph=retain_graph)
    return or_zeros(found, inputs)


def ones(outputs: Sequence[Tensor]) -> list[Tensor]:
    """Ones of the shapes and dtypes of `outputs`."""
    return [wrap(np.ones_like(y.data), None) for y in outputs]


def or_zeros(found: Sequence[Tensor | None], like: Sequence[Tensor]) -> list[Tensor]:
    """Zeros in place of None."""
    return [wrap(np.zeros_like(x.data), None) if g is None else g for g, x in zip(found, like, strict=True)]


def rerun(node: Node, g: Any, linear: bool = False) -> Any:
    """Gradients of a node's inputs as Tensors: its plain body again, on Tensors, and that run's backward.

    If `linear` only what is done to `g` is recorded, and the inputs are constants.
    """
    if node.op is checkpoint:  # records what is differentiated
        return node.backward(g)
    if node.recipe is None:
        raise RuntimeError(
            f"create_graph needs the inputs of {node.name}: run the forward under `with higher_order():`, "
            "inside of each thread that computes a part of it"
        )
    edges = iter(node.edges)

    def lift(array):
        edge = next(edges)
        return wrap(array, None if linear else edge) if hasattr(array, "shape") else array

    arrays = node.recipe.arrays
    lifted = [[lift(a) for a in array] if isinstance(array, list) else lift(array) for array in arrays]
    return gradients_again(node, lifted, g)


def rerun_linear(node: Node, g: Any) -> Any:
    """Gradients of a node's inputs as Tensors that are functions of `g` alone."""
    return rerun(node, g, linear=True)
