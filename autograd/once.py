"""The gradients of an op as something to differentiate again, and what is said of an op that has none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from . import arguments, versions
from .arguments import SCALARS
from .arrays import as_array
from .engine import Node
from .modes import current, rerunning
from .pieces import Pieces
from .tensor import Tensor, wrap

WHOLE = SCALARS - {float}
FIRST_ONLY = (
    "{name} has a first derivative only, as its once=True says, and a gradient through it cannot be recorded "
    "to be differentiated again, as create_graph, hessian, hvp, jvp and mode='forward' ask for. Take "
    "differences of first gradients, or ag.jacobian in reverse mode for jvp; or write it in ops too, as "
    "@op(plain=...), without once"
)
NOT_OF_TENSORS = (
    "{name}: to be differentiated again it is run on Tensors, not on ndarrays, and there it failed: {said}. "
    "Give it a form that is made of np functions and of ops, @op(plain=...), or say @op(once=True) if it has "
    "a first derivative only"
)


class Known:
    """What the op that is run again gave when it was recorded: most bodies call just it for their result.

    So this is not computed, nor recorded, twice. `lasting`: whether the nodes will still be there to be
    walked down again, so that what comes from the result may lead to them.
    """

    __slots__ = ("lasting", "node")

    def __init__(self, lasting: bool):
        self.lasting = lasting
        self.node: Node | None = None  # of the op that is run again now

    def __call__(self, op: Any, arrays: Sequence, edges: Sequence, rest: Sequence, kwargs: Any) -> Any:
        """The Tensor that this call gives; None where it is another call, or may give something else now."""
        node = self.node
        if node is None or node.op is not op or node.recipe.out is None or not current.get().grad:
            return None
        recipe, out = node.recipe, node.recipe.out()
        same = out is not None and _alike(arrays, recipe.arrays) and _alike(rest, recipe.rest)
        if not same or (kwargs or {}).keys() != recipe.kwargs.keys():
            return None
        if kwargs and not _alike(list(kwargs.values()), [recipe.kwargs[name] for name in kwargs]):
            return None
        if node.order < versions.last_write and versions.written_among([("", out)], node.order) is not None:
            return None
        if edges.count(None) == len(edges):
            return wrap(out, None)
        return wrap(out, (node, 0)) if self.lasting and tuple(edges) == tuple(node.edges) else None


def _alike(some: Sequence, others: Sequence) -> bool:
    """Whether two lists have the same arrays, in lists too, and equal numbers, slices and shapes."""
    return len(some) == len(others) and all(map(_is_alike, some, others))


def _is_alike(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    return a == b if type(a) in SCALARS else type(a) in (tuple, list) and _alike(a, b)


def saves_nothing(backward: Any) -> bool:
    """Whether it closes over shapes, axes and indices alone: then it is a linear function, of g only.

    Not over floats, which may have been computed from the inputs.
    """
    if type(backward) is not FunctionType or backward.__defaults__ or backward.__kwdefaults__:
        return False
    try:
        return all(_is_whole(cell.cell_contents) for cell in backward.__closure__ or ())
    except ValueError:  # a name that was never assigned
        return False


def _is_whole(value: Any) -> bool:
    return type(value) in WHOLE or (type(value) in (tuple, list) and all(map(_is_whole, value)))


def gradients_again(node: Node, tensors: Sequence, g: Any) -> Sequence:
    """What the backward of `node` gives for `g`, recorded: its plain body runs on `tensors` for it.

    RuntimeError for an op that is differentiated once, as it says; what the body itself raises, if it takes
    no Tensors, is raised again with the op's name and what can be done.
    """
    if node.op.facts.once:
        raise RuntimeError(FIRST_ONLY.format(name=node.name))
    token = rerunning.set(True)
    try:
        if saves_nothing(node.backward):
            if type(g) is Tensor and g.edge is None:
                return list(map(_as_constant, node.backward(g.data)))
            if node.op.plain is node.op.body:
                return node.backward(g)
        return _backward_of(node, tensors)(g)
    except np.linalg.LinAlgError:  # of the numbers
        raise
    except arguments.ERRORS as error:
        said = str(error).partition(";")[0].removesuffix(".")  # without advice that would cut the graph here
        raise arguments.again(error, NOT_OF_TENSORS.format(name=node.name, said=said)) from error
    finally:
        rerunning.reset(token)


def _as_constant(d: Any) -> Any:
    """A gradient as a Tensor, or as pieces that are."""
    if type(d) is Pieces:
        d.values = list(map(_as_constant, d.values))
        return d
    return None if d is None else wrap(as_array(d), None)


def _backward_of(node: Node, tensors: Sequence) -> Callable:
    known: Any = current.get().again
    known.node = node
    try:
        _, backward = node.recipe.run(node.op.plain, tensors)
    finally:
        known.node = None
    return backward
